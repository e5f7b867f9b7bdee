"""Writes measured figures into a model card: the part between its two marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

BEGIN = "<!-- figures: written by the training -->"
END = "<!-- end of figures -->"


def write_table(card: Path, tables: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Replace the card's figures. Each table's first row is its head; raises ValueError without marks."""
    text = card.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{card} lacks the marks `{BEGIN}` and `{END}`")
    before, rest = text.split(BEGIN, 1)
    _, behind = rest.split(END, 1)
    parts = [f"\n### {title}\n\n{_table(rows)}\n" for title, rows in tables.items()]
    card.write_text(f"{before}{BEGIN}\n{''.join(parts)}\n{END}{behind}", encoding="utf-8")


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)
