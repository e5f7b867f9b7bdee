"""The generated parts of a model card: what stands between `<!-- NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

CARDS = Path(__file__).parents[1] / "docs" / "models"


def write(model: str, part: str, head: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Puts a table in its place. Raises ValueError where the card has no such place."""
    card = CARDS / f"{model}.md"
    made = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    made += ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]
    text = card.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- {re.escape(part)} -->\n).*?(<!-- end -->)", re.DOTALL)
    body = "\n".join(made) + "\n"
    new, count = place.subn(lambda match: match.group(1) + body + match.group(2), text)
    if count != 1:
        raise ValueError(f"{card} has no place `<!-- {part} -->`, or several")
    card.write_text(new, encoding="utf-8")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3f}"
    return str(value)
