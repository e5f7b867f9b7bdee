"""How results are shown, and kept under bench/out as Markdown for the README."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).parent / "out"


def table(title: str, head: list[str], rows: list[list[str]]) -> None:
    shown = Table(title=title, title_justify="left")
    for index, name in enumerate(head):
        shown.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)


def save(name: str, head: list[str], rows: list[list[str]]) -> None:
    OUT.mkdir(exist_ok=True)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    (OUT / f"{name}.md").write_text("\n".join(lines) + "\n")
