"""Which sentences of a text a small classifier reads at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_AT_ONCE = 3000  # characters


def groups(text: str, places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Of the sentences start..end of a text, those that stand together: no more than a classifier reads, and
    parted where no white space parts two, for there one changes how the other is read."""
    group: list[tuple[int, int]] = []
    for start, end in places:
        if group and (end - group[0][0] > _AT_ONCE or not _parted(text, start)):
            yield group
            group = []
        group.append((start, end))
    if group:
        yield group


def _parted(text: str, start: int) -> bool:
    return text[start - 1].isspace() or text[start : start + 1].isspace()
