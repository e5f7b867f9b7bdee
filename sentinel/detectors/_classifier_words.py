"""A text as the small classifiers see it: words as hashes, with their places in the original.

Disguises are taken off first: those of `_normalise`, digits and signs inside words that stand for letters,
letters with one separator between each two, letters repeated. Hashing is polynomial modulo 2**64 over code
points, so that the hashes of all words and character n-grams come from one cumulative sum.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sentinel.detectors._kernel import LIBRARY, at
from sentinel.detectors._normalise import normalised

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = "words.npz"
MAX_CHARS = 4000  # of a text; what stands behind is not read
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_INVERSE = pow(_BASE, -1, 1 << 64)
_MASK = (1 << 64) - 1

_LEET = str.maketrans("01345!7@$", "oieasitas")
_LEET_IN_WORD = re.compile(r"(?<=[a-z])[01345!7@$]{1,2}(?=[a-z])|(?<![\w$])\$(?=[a-z]{2})")
# "a" and "i" behind a word are words.
_SPACED = re.compile(
    r"(?<![^\W_])(?:[^\W\d_ai]|(?<![a-z] )[ai])(?:([ .*_-])[^\W\d_])(?:\1[^\W\d_]){2,}(?![^\W_])"
)
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_SIGNS, _AGAIN, _APART = 1, 2, 4  # what `sentinel_hints` tells of


class View(msgspec.Struct, frozen=True):
    """`text`: lower case, undisguised; `origin[i]`: place of its character i in the original, one more
    entry for the end."""

    text: str
    origin: range | list[int]

    def original(self, places: NDArray[np.int32]) -> NDArray[np.int64]:
        """Where these characters of `text` stand in the original."""
        if isinstance(self.origin, range):
            return places.astype(np.int64)
        return np.array(self.origin).take(places)


def view(text: str) -> View:
    """What of the text the classifiers read."""
    text = text[:MAX_CHARS]
    origin: range | list[int] = range(len(text) + 1)
    plain = normalised(text)
    if plain is not None:
        text = plain.text[:MAX_CHARS]  # one character may stand for many
        origin = list(plain.origin[: len(text) + 1])
    lower = lowered(text)
    hints = _hints(lower)
    if hints & _SIGNS:
        lower = _LEET_IN_WORD.sub(lambda match: match.group().translate(_LEET), lower)
        hints = _AGAIN | _APART  # that new letters may make
    cuts: list[tuple[int, int]] = []
    if hints & _AGAIN:
        cuts += ((match.start() + 1, match.end()) for match in _REPEATED.finditer(lower))
    if hints & _APART:
        for match in _SPACED.finditer(lower):
            cuts += ((place, place + 1) for place in range(match.start() + 1, match.end(), 2))
    return _without(lower, origin, sorted(cuts)) if cuts else View(lower, origin)


def _hints(lower: str) -> int:
    """Which disguises may be there; all of them without the kernel, that the expressions have to find out."""
    if LIBRARY is None:
        return _SIGNS | _AGAIN | _APART
    codes = encoded(lower)
    found: int = LIBRARY.sentinel_hints(at(word_kinds()), codes, len(codes) // 4)
    return found


def encoded(text: str) -> bytes:
    """With a blank before and behind, four bytes a character."""
    return f" {text} ".encode("utf-32-le", "surrogatepass")


def lowered(text: str) -> str:
    """In lower case, as many characters, with one kind of apostrophe."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lower if lower.isascii() else lower.replace("’", "'")


def _without(text: str, origin: range | list[int], cuts: list[tuple[int, int]]) -> View:
    parts: list[str] = []
    places: list[int] = []
    done = 0
    for start, end in [*cuts, (len(text), len(text))]:
        if start < done:
            continue
        parts.append(text[done:start])
        places += origin[done:start]
        done = end
    places.append(origin[len(text)])
    return View("".join(parts), places)


@cache
def word_kinds() -> NDArray[np.uint8]:
    """By code point under 65536: 1 part of a word, 2 a word of its own, 3 an apostrophe, 0 between words."""
    table = np.zeros(65536, np.uint8)
    for code in range(65536):
        char = chr(code)
        if char.isalnum() or char == "_":
            table[code] = 1
    table[[ord(char) for char in '?!"']] = 2
    table[0x2190:0x2C00] = 2
    table[ord("'")] = 3
    return table


@cache
def _powers(inverse: bool) -> NDArray[np.uint64]:
    base, power, made = (_INVERSE if inverse else _BASE), 1, []
    for _ in range(MAX_CHARS + 4):
        made.append(power)
        power = power * base & _MASK
    return np.array(made, np.uint64)


class Tokens(msgspec.Struct, frozen=True):
    """`codes`: [n + 2] code points with a space at both ends, 32 between words; `sums`: [n + 3] their hash
    sums; `starts`, `ends`: of the words, in `codes`; `hashes`: of the words."""

    codes: NDArray[np.uint64]
    sums: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    hashes: NDArray[np.uint64]

    def grams(
        self, sizes: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
        """Of the n-grams of characters that lie in one word and the blanks around it: which of `sizes` each
        has, where it starts, and its hash."""
        blank = np.concatenate(([0], np.cumsum(self.codes == 32)))
        first = np.arange(len(self.codes))
        last = first + sizes[:, None]
        inside = blank.take(last - 1, mode="clip") == blank[1:]
        inside &= last < len(self.sums)
        size, first = inside.nonzero()
        last = first + sizes[size]
        return size, first, (self.sums[last] - self.sums[first]) * _powers(True)[first]


def tokenised(text: str) -> Tokens:
    """The words of what `view` made."""
    raw = np.frombuffer(encoded(text), np.uint32)
    kind = word_kinds().take(raw, mode="clip")
    if not text.isascii():
        kind = np.where(raw >= 0x1F000, np.uint8(2), kind)
    part = kind == 1
    inner = kind == 3
    if inner.any():
        part[1:-1] |= inner[1:-1] & part[:-2] & part[2:]
    alone = kind == 2
    codes = np.where(part | alone, raw, 32).astype(np.uint64)
    before = np.concatenate(([False], part[:-1]))
    after = np.concatenate((part[1:], [False]))
    starts = np.flatnonzero(part & ~before | alone)
    ends = np.flatnonzero(part & ~after | alone) + 1
    sums = np.concatenate(
        (np.zeros(1, np.uint64), np.cumsum(codes * _powers(False)[: len(codes)], dtype=np.uint64))
    )
    hashes = (sums[ends] - sums[starts]) * _powers(True)[starts]
    return Tokens(codes, sums, starts, ends, hashes)


def hash_word(word: str) -> int:
    """The hash that `tokenised` gives a word."""
    made = 0
    for char in reversed(word):
        made = (made * _BASE + ord(char)) & _MASK
    return made


def tokens(text: str) -> list[str]:
    """The words of a text, undisguised; for trainings."""
    seen = view(text).text
    found = tokenised(seen)
    padded = f" {seen} "
    return [padded[s:e] for s, e in zip(found.starts.tolist(), found.ends.tolist(), strict=True)]
