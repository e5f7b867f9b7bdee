"""The words of a text, looked up: most stretches between white space came before, and what the small
classifiers see of one does not depend on what stands around it.

Kept is what is computed from words, under Python's keyed hashes of the stretches, and no text. When there is
no room for more, all of it is dropped. Of the text that a thread read last its words are kept too, under its
hash, for one classifier reads it after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sentinel.detectors._classifier_grams import Book, book_of, pairs, words
from sentinel.detectors._classifier_words import MAX_CHARS, Tokens, lowered, plain_words, read, view
from sentinel.detectors._normalise import normalised

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = 1 << 15
GRAMS = 1 << 19  # of all words together, 16 a word
LONGEST = 256  # characters of a stretch that is kept


_PARTING = str.maketrans(dict.fromkeys(",;:()[]{}<>/\\|+=&#%^~`-*", " "))


class Line(msgspec.Struct, frozen=True):
    """The words of a text in their order, by their numbers in a book, with one more that says nothing;
    `pairs`: see `_classifier_grams.pairs`; `vectors` [words, dimensions]: of each word, one more as well;
    `places`: of each stretch that was asked for, its first word and the one behind its last. `kept`: the book
    goes on to other texts."""

    book: Book
    kept: bool
    words: NDArray[np.int64]
    pairs: NDArray[np.int64]
    vectors: NDArray[np.int8]
    places: list[tuple[int, int]]

    def known(self) -> list[float]:
        """Of each stretch, the share of its words that have a vector: most of English ones, few of other
        languages'; 0 without words."""
        upto = [0, *accumulate(np.any(self.vectors, axis=1).tolist())]
        return [(upto[high] - upto[low]) / max(1, high - low) for low, high in self.places]


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
        self._known: dict[int, int] = {}  # stretches, by number; of each the first word, and how many
        self._first = np.zeros(words, np.int32)
        self._many = np.zeros(words, np.int32)
        self._alone = np.zeros(words, np.bool_)  # words that are a lone letter
        self._count = self._numbered = 0
        self._lock = threading.Lock()

    def find(self, tokens: list[str], *, plain: bool) -> tuple[NDArray[np.int64], list[int]] | None:
        """The words of these stretches, with one more, and how many there are up to each stretch and to the
        end; None where some depend on what stands around them. `plain`: all are ASCII. Raises _Full."""
        keys = [*map(hash, tokens)] if plain else _keys(tokens)
        known = [*map(self._known.get, keys)]
        if None in known:
            strange = {
                key: token for key, token, number in zip(keys, tokens, known, strict=True) if number is None
            }
            if not self._learn(strange):
                return None
            known = [*map(self._known.get, keys)]
        stretches = np.array(known, np.int64)
        many = self._many.take(stretches)
        upto = [0, *accumulate(many.tolist())]
        words = np.arange(upto[-1] + 1)
        words[:-1] += np.repeat(self._first.take(stretches) - np.array(upto[:-1], np.int64), many)
        words[-1] = 0
        alone = self._alone.take(words[:-1])
        if (alone[:-1] & alone[1:]).any():
            return None
        return words, upto

    def _learn(self, strange: dict[int, str]) -> bool:
        """Whether all of them can be read alone."""
        if any(len(token) > LONGEST for token in strange.values()):
            return False
        plain = plain_words([*strange.values()])
        if plain is None:
            return False
        made = read("\n".join(plain))
        more = book_of(made)
        starts = [0, *accumulate(len(word) + 1 for word in plain)]
        borders = np.searchsorted(made.starts - 1, starts)
        with self._lock:
            number, last = self._numbered, self._numbered + len(strange)
            if last > len(self._first):
                raise _Full
            first = self._add(more) + borders[:-1]
            self._first[number:last] = first
            self._many[number:last] = np.diff(borders)
            for word, token in zip(first.tolist(), strange.values(), strict=True):
                if len(token) == 1 and token.isalnum() and not token.isdecimal():
                    self._alone[word] = True
            self._known.update(zip(strange, range(number, last), strict=True))
            self._numbered = last
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


class _Last(threading.local):
    """What was looked up last: the hash and the length of a text, its line, and how many words stand up to
    each of its stretches between white space."""

    key: tuple[int, int] | None = None
    line: Line
    upto: list[int]


_last = _Last()


def line_of(text: str, places: Sequence[tuple[int, int]]) -> Line:
    """The words of a text and of its stretches start..end. Words belong to the stretch that they begin in.
    MAX_CHARS of the text are read."""
    return _looked_up(text, places) or _read(text, places)


def _looked_up(text: str, places: Sequence[tuple[int, int]]) -> Line | None:
    """None where words cannot be looked up one by one."""
    if len(text) > MAX_CHARS:
        return None
    key = hash(text), len(text)
    known = key == _last.key and _last.line.book is _current.book
    if known and all(place == (0, len(text)) for place in places):
        whole = 0, len(_last.line.words) - 1
        return msgspec.structs.replace(_last.line, places=[whole] * len(places))
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
    tokens: list[str] = []
    before = {0: 0}
    for start, end in pairwise(borders):
        tokens += lower[start:end].split()
        before[end] = len(tokens)
    if not known:
        if not _look_up(tokens, plain=lower.isascii()):
            return None
        _last.key = key
    upto = _last.upto
    found = [(upto[before[start]], upto[before[end]]) for start, end in places]
    return msgspec.structs.replace(_last.line, places=found)


def _look_up(tokens: list[str], *, plain: bool) -> bool:
    """Put into `_last` what is known of these stretches, where it can be told of each alone. See
    `Lexicon.find`."""
    global _current
    _last.key = None
    lexicon = _current
    try:
        found = lexicon.find(tokens, plain=plain)
    except _Full:
        lexicon = _current = Lexicon()
        found = lexicon.find(tokens, plain=plain)
    if found is None:
        return False
    numbers, _last.upto = found
    _last.line = _line(lexicon.book, True, numbers, [])
    return True


def _line(book: Book, kept: bool, numbers: NDArray[np.int64], places: list[tuple[int, int]]) -> Line:
    ours = numbers[:-1]
    two = pairs(book.left.take(ours, axis=1), book.right.take(ours, axis=1))
    rows = book.rows.take(numbers) if len(book.rows) else numbers
    return Line(book, kept, numbers, two, words().vectors.take(rows, axis=0), places)


def _read(text: str, places: Sequence[tuple[int, int]]) -> Line:
    seen = view(text)
    return line_of_tokens(read(seen.text), seen.places(np.array(places, np.int64).reshape(-1, 2)))


def line_of_tokens(tokens: Tokens, places: NDArray[np.int64] | None = None) -> Line:
    """The words of a text that was read already, and of stretches [n, 2] of it."""
    bounds = np.searchsorted(tokens.starts - 1, np.empty((0, 2)) if places is None else places)
    numbers = np.arange(len(tokens.hashes) + 1)
    numbers[-1:] = 0
    return _line(book_of(tokens), False, numbers, [(low, high) for low, high in bounds.tolist()])
