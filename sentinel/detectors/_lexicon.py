"""The words of a text, looked up: most stretches between white space came before, and what the small
classifiers see of one does not depend on what stands around it.

Kept is what is computed from words, under Python's keyed hashes of the stretches, and no text. When there is
no room for more, all of it is dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np

from sentinel.detectors._classifier_grams import Book, book_of
from sentinel.detectors._classifier_words import MAX_CHARS, Tokens, lowered, plain_words, read, view
from sentinel.detectors._normalise import normalised

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = 1 << 15
GRAMS = 1 << 19  # of all words together, 16 a word
LONGEST = 256  # characters of a stretch that is kept


_PARTING = str.maketrans(dict.fromkeys(",;:()[]{}<>/\\|+=&#%^~`", " "))


class Line(msgspec.Struct, frozen=True):
    """The words of a text in their order, by their numbers in a book, with one more that says nothing;
    `places`: of each stretch that was asked for, its first word and the one behind its last. `kept`: the book
    goes on to other texts."""

    book: Book
    kept: bool
    words: NDArray[np.int64]
    places: list[tuple[int, int]]


class _Full(Exception):
    """No room for more words."""


class Lexicon:
    """Words by the stretches between white space that hold them. Threads may look up while one learns."""

    def __init__(self, words: int = WORDS, grams: int = GRAMS) -> None:
        self.book = Book(
            np.zeros((2, words), np.uint64),
            np.zeros((2, words), np.uint64),
            np.zeros(words, np.int32),
            np.zeros(words, np.uint16),
            np.zeros(grams, np.uint16),
            np.zeros(words + 1, np.int32),
        )
        self._known: dict[int, tuple[int, ...]] = {}
        self._alone = np.zeros(words, np.bool_)  # words that are a lone letter
        self._count = 0
        self._lock = threading.Lock()

    def find(self, text: str, borders: Sequence[int]) -> tuple[NDArray[np.int64], list[int]] | None:
        """The words of a text in lower case, with one more, and how many stand before each border, ascending
        from 0; None where some depend on what stands around them. Raises _Full."""
        tokens: list[str] = []
        upto = [0]
        for start, end in pairwise(borders):
            tokens += text[start:end].split()
            upto.append(len(tokens))
        keys = [*map(hash, tokens)] if text.isascii() else _keys(tokens)
        known = [*map(self._known.get, keys)]
        if None in known:
            if not self._learn(dict(zip(keys, tokens, strict=True))):
                return None
            known = [*map(self._known.get, keys)]
        found = cast(list[tuple[int, ...]], known)
        words = [*chain.from_iterable(found)]
        ends = [0, *accumulate(map(len, found))]
        words.append(0)
        numbers = np.array(words, np.int64)
        alone = self._alone.take(numbers[:-1])
        if (alone[:-1] & alone[1:]).any():
            return None
        return numbers, [ends[at] for at in upto]

    def _learn(self, tokens: dict[int, str]) -> bool:
        """Whether all of them can be read alone."""
        strange = {key: token for key, token in tokens.items() if key not in self._known}
        if any(len(token) > LONGEST for token in strange.values()):
            return False
        plain = plain_words([*strange.values()])
        if plain is None:
            return False
        made = read("\n".join(plain))
        more = book_of(made)
        starts = [0, *accumulate(len(word) + 1 for word in plain)]
        borders = np.searchsorted(made.starts - 1, starts).tolist()
        with self._lock:
            first = self._add(more)
            for place, (key, token) in enumerate(strange.items()):
                self._known[key] = tuple(range(first + borders[place], first + borders[place + 1]))
                if len(token) == 1 and token.isalnum() and not token.isdecimal():
                    self._alone[first + borders[place]] = True
        return True

    def _add(self, more: Book) -> int:
        """The number of its first word here."""
        book, first = self.book, self._count
        last, begin = first + len(more.own), int(book.ends[first])
        end = begin + len(more.grams)
        if last > len(book.own) or end > len(book.grams):
            raise _Full
        book.left[:, first:last], book.right[:, first:last] = more.left, more.right
        book.rows[first:last], book.own[first:last] = more.rows, more.own
        book.grams[begin:end] = more.grams
        book.ends[first + 1 : last + 1] = more.ends[1:] + begin
        self._count = last
        return first


def _keys(tokens: list[str]) -> list[int]:
    """Their hashes. Of equal bytes in memory Python makes equal hashes, so two strings have one where
    characters take one byte in the first and two in the second; not in UTF-8."""
    return [hash(t) if t.isascii() else hash(t.encode("utf-8", "surrogatepass")) for t in tokens]


_current = Lexicon(1, 1)


def line_of(text: str, places: Sequence[tuple[int, int]]) -> Line:
    """The words of a text and of its stretches start..end. Words belong to the stretch that they begin in.
    MAX_CHARS of the text are read."""
    return _looked_up(text, places) or _read(text, places)


def _looked_up(text: str, places: Sequence[tuple[int, int]]) -> Line | None:
    """None where words cannot be looked up one by one."""
    global _current
    if len(text) > MAX_CHARS:
        return None
    plain = normalised(text)
    if plain is not None:
        if not isinstance(plain.origin, range):
            return None
        text = plain.text
    # What only parts words leaves fewer stretches to know.
    lower = lowered(text).translate(_PARTING).replace(". ", "  ")
    borders = sorted({0, len(lower), *chain.from_iterable(places)})
    for border in borders:
        if 0 < border < len(lower) and not (lower[border].isspace() or lower[border - 1].isspace()):
            return None
    lexicon = _current
    try:
        found = lexicon.find(lower, borders)
    except _Full:
        lexicon = _current = Lexicon()
        found = lexicon.find(lower, borders)
    if found is None:
        return None
    numbers, counts = found
    before = dict(zip(borders, counts, strict=True))
    return Line(lexicon.book, True, numbers, [(before[start], before[end]) for start, end in places])


def _read(text: str, places: Sequence[tuple[int, int]]) -> Line:
    seen = view(text)
    return line_of_tokens(read(seen.text), seen.places(np.array(places, np.int64).reshape(-1, 2)))


def line_of_tokens(tokens: Tokens, places: NDArray[np.int64] | None = None) -> Line:
    """The words of a text that was read already, and of stretches [n, 2] of it."""
    bounds = np.searchsorted(tokens.starts - 1, np.empty((0, 2)) if places is None else places)
    numbers = np.arange(len(tokens.hashes) + 1)
    numbers[-1:] = 0
    return Line(book_of(tokens), False, numbers, [(low, high) for low, high in bounds.tolist()])
