"""The few kinds of HTML that the page is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

import msgspec

_INTERVAL = re.compile(r"^(\S+) (\(.+\))$")


class Part(msgspec.Struct, frozen=True):
    """A titled piece of a detector's section. `body` is HTML."""

    title: str
    anchor: str
    body: str


def anchor(*names: str) -> str:
    return "-".join(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1, text: int = -1) -> str:
    """`words`: how many columns at the left hold words; `text`: a column that may be long. Cells are plain
    text; an interval behind a figure is set small."""

    def cell(number: int, content: str) -> str:
        kind = ' class="text"' if number == text else ' class="word"' if number < words else ""
        inner = _small_interval(content) if number >= words and number != text else escape(content)
        return f"<td{kind}>{inner}</td>"

    head = "".join(
        f"<th{' class=word' if number < words or number == text else ''}>{escape(column)}</th>"
        for number, column in enumerate(columns)
    )
    body = "".join(
        f"<tr>{''.join(cell(number, content) for number, content in enumerate(row))}</tr>" for row in rows
    )
    return scroll(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def scroll(inner: str) -> str:
    return f"<div class=scroll>{inner}</div>"


def figure(title: str, about: str, svg: str, *, wide: bool = False) -> str:
    kind = " class=wide" if wide else ""
    return f"<figure{kind}><figcaption><b>{escape(title)}</b> {escape(about)}</figcaption>{svg}</figure>"


def tiles(pairs: Iterable[tuple[str, str]]) -> str:
    """Figures that stand out, each with what it is."""
    inner = "".join(
        f"<div class=tile><b>{_small_interval(value)}</b><span>{escape(name)}</span></div>"
        for value, name in pairs
    )
    return f"<div class=tiles>{inner}</div>"


def _small_interval(content: str) -> str:
    found = _INTERVAL.match(content)
    return f"{escape(found[1])} <small>{escape(found[2])}</small>" if found else escape(content)


def folded(title: str, inner: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{inner}</details>"
