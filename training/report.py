"""The tables of a model card that come one after the other, each under its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from training import _card

BEGIN = "<!-- figures: written by the training -->"
END = "<!-- end of figures -->"


def write_table(card: Path, tables: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Replace the card's figures. Each table's first row is its head; raises ValueError without marks."""
    parts = (f"### {title}\n\n{_card.table(head, rows)}" for title, (head, *rows) in tables.items())
    _card.put(card, BEGIN, END, "\n" + "\n".join(parts) + "\n")
