"""The generated parts of a model card: what stands between two marks, mostly `<!-- NAME -->` and
`<!-- end -->`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

CARDS = Path(__file__).parents[1] / "docs" / "models"


def write(model: str, part: str, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Puts a table in its place. Raises ValueError where the card has no such place."""
    put(CARDS / f"{model}.md", f"<!-- {part} -->", "<!-- end -->", table(head, lines))


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
