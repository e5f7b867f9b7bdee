"""The generated parts of a model card: what stands between two marks, mostly `<!-- NAME -->` and
`<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

FIGURES, END_OF_FIGURES = "<!-- figures: written by the training -->", "<!-- end of figures -->"
_TITLED = re.compile(r"^### (.+)\n\n((?:\|.*\n)+)", re.MULTILINE)
CARDS = Path(__file__).parents[1] / "docs" / "models"


def write(model: str, part: str, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Puts a table in its place. Raises ValueError where the card has no such place."""
    put(CARDS / f"{model}.md", f"<!-- {part} -->", "<!-- end -->", table(head, lines))


def write_figures(card: Path, tables: Mapping[str, Sequence[Sequence[str]]], *, keep: bool = False) -> None:
    """Replaces a card's figures by tables that come one after the other, each under its title; `keep`: those
    that are not given stay, before new ones. The first row of each is its head; raises ValueError without
    marks."""
    _, _, rest = card.read_text(encoding="utf-8").partition(FIGURES)
    parts = dict(_TITLED.findall(rest.partition(END_OF_FIGURES)[0])) if keep else {}
    parts |= {title: table(head, rows) for title, (head, *rows) in tables.items()}
    made = (f"### {title}\n\n{part}" for title, part in parts.items())
    put(card, FIGURES, END_OF_FIGURES, "\n" + "\n".join(made) + "\n")


def put(card: Path, begin: str, end: str, body: str) -> None:
    """Replaces the lines between a card's marks. Raises ValueError unless it has them, the first one once."""
    text = card.read_text(encoding="utf-8")
    before, found, rest = text.partition(f"{begin}\n")
    _, ended, after = rest.partition(end)
    if not found or not ended or begin in after:
        raise ValueError(f"{card} has no place `{begin}` to `{end}`, or several")
    card.write_text(f"{before}{begin}\n{body}{end}{after}", encoding="utf-8")


def table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """In Markdown; numbers that are not whole have three digits, and what is not known is empty."""
    made = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    made += ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join(made) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3f}"
    return str(value)
