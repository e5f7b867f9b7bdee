"""The words of a text, read once for all small classifiers, and which of them lie in its stretches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sentinel.detectors._classifier_engine import read
from sentinel.detectors._classifier_grams import Book, words
from sentinel.detectors._classifier_words import view

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Line(msgspec.Struct, frozen=True):
    """The words of a text, each at `starts[i]`..`ends[i]` of it."""

    book: Book
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def bounds(self, places: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
        """Of stretches start..end of the text, the first word that begins in each and the one behind the
        last: [stretches, 2]."""
        return self.starts.searchsorted(np.array(places, np.int64).reshape(-1, 2)).astype(np.int32)

    def known(self, places: Sequence[tuple[int, int]]) -> list[float]:
        """Of each stretch, the share of its words that have a vector: most of English ones, few of other
        languages'; 0 without words."""
        upto = [0, *accumulate((self.book.rows < len(words().hashes)).tolist())]
        return [(upto[high] - upto[low]) / max(1, high - low) for low, high in self.bounds(places).tolist()]


class _Last(threading.local):
    """What a thread read last, for one classifier reads a text after the other: its hash and length, and no
    text."""

    key: tuple[int, int] | None = None
    line: Line


_last = _Last()


def line_of(text: str) -> Line:
    """What `view` reads of the text."""
    key = hash(text), len(text)
    if key != _last.key:
        seen = view(text)
        book = read(seen.text)
        starts, ends = seen.original(book.starts), seen.original(book.ends - 1) + 1
        _last.line, _last.key = Line(book, starts, ends), key
    return _last.line
