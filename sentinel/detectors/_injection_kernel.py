"""The tokens of a vocabulary as the kernel finds and counts them; see `_kernel`."""

from __future__ import annotations

import ctypes
import os
import string
from ctypes import c_int32 as _int
from ctypes import c_void_p as _at
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sentinel.detectors._classifier_kernel import Kept, known_words
from sentinel.detectors._injection_buckets import Seen
from sentinel.detectors._kernel import LIBRARY, at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sentinel.detectors._injection_vocabulary import Vocabulary

_RUN: Any = LIBRARY  # who imports this has seen that it is there
_LONGEST = 32  # characters of a token that is found
_SLOTS = 1 << 16

# Kinds of characters, in the kernel's order. What a token begins with, ends with and has in it beside letters
# and digits; what ends a sentence, and quotes; what the `_injection_signs` are made of.
_KINDS = (
    *("", "_", "_@$'’.+-", ".!?;\n…", '"`“”«»„'),
    *(" \n.-_*|·", ".-·−", " /|", " ,:", string.hexdigits, "", "", "%\\&", "\"'“‘`[", "01"),
)
_ANY, _DIGIT, _SPACE, _UNSPACED = 0b111, 1 << 10, 1 << 11, 1 << 15
_FROM, _TO = "\u3040\u3400\uac00", "\u30ff\u9fff\ud7af"  # scripts without blanks


@cache
def kinds() -> NDArray[np.uint16]:
    """By code point under 65536, a bit for each kind that it is of."""
    chars = [*map(chr, range(1 << 16))]
    made = np.zeros(1 << 16, np.uint16)
    made[[char.isalnum() for char in chars]] = _ANY
    made[[char.isdecimal() for char in chars]] |= _DIGIT
    made[[char.isspace() for char in chars]] |= _SPACE
    for first, last in zip(_FROM, _TO, strict=True):
        made[ord(first) : ord(last) + 1] |= _UNSPACED
    for bit, of_kind in enumerate(_KINDS):
        made[[*map(ord, of_kind)]] |= 1 << bit
    return made


class _Vocabulary(ctypes.Structure):
    _fields_ = (
        *((name, _at) for name in ("rows", "hashes", "letters", "words", "vectors")),
        *((name, _at) for name in ("kinds", "seeds", "slots", "texts")),
        ("dimensions", _int),
    )


class Read(msgspec.Struct, frozen=True):
    """The tokens of a text: `numbers` in the vocabulary; starts and ends, `spans` [2, tokens]; places of what
    the vocabulary has to give numbers to: `lacking`, in ASCII and new, and `others`, not in ASCII.
    `signs`: those of `_injection_signs`; `chars`: of all tokens."""

    numbers: NDArray[np.int32]
    spans: NDArray[np.int32]
    lacking: NDArray[np.int32]
    others: NDArray[np.int32]
    signs: int
    chars: int


class Compiled:
    """Finds the tokens in ASCII that it was taught, in a table of hashes that nobody outside can foresee. Not
    thread-safe, `seen` excepted."""

    def __init__(self, of: Vocabulary) -> None:
        kept = len(of.rows)
        assert 2 * kept <= _SLOTS
        seeds = np.frombuffer(os.urandom(8 * (1 + _LONGEST // 4)), np.uint64).copy()
        slots, texts = np.full(_SLOTS, -1, np.int32), np.zeros((kept, _LONGEST), np.uint8)
        by_token: tuple[NDArray[Any], ...] = (of.rows, of.hashes, of.letters, of.words)
        arrays = (*by_token, of.vectors, kinds(), seeds, slots, texts)
        self._dimensions = of.vectors.shape[1]
        self._kept = Kept(_Vocabulary(*map(at, arrays), self._dimensions), arrays)
        self._at = self._kept.address

    def read(self, text: str) -> Read | None:
        """None where a token is too long for the table, or in letters of a script without blanks or beyond
        16 bits."""
        size = len(text)
        made, told = np.empty((5, size + 1), np.int32), np.empty(4, np.int32)
        count = _RUN.sentinel_tokens(self._at, _codes(text), size, at(made), at(told))
        if count < 0:
            return None
        lacking, others, signs, chars = told.tolist()
        numbers, spans = made[2, :count].copy(), made[:2, :count].copy()
        return Read(numbers, spans, made[3, :lacking].copy(), made[4, :others].copy(), signs, chars)

    def learn(self, text: str, read: Read, letters: str, first: int) -> int:
        """Gives numbers from `first` on to one or more `lacking` tokens, which are of these classes. Returns
        the number behind the last."""
        spans, lacking = read.spans, read.lacking
        asked = at(spans), spans.shape[1], at(lacking), letters.encode("ascii"), len(lacking)
        made: int = _RUN.sentinel_learn(
            known_words().address, self._at, _codes(text), *asked, first, at(read.numbers)
        )
        return made

    def seen(self, numbers: NDArray[np.int32], letters: str) -> Seen:
        """See `_injection_buckets.seen`, of one or more tokens."""
        count = len(numbers)
        rows, summed = np.empty(count, np.int32), np.empty(self._dimensions, np.int32)
        made = np.empty((2, 3 * count), np.int64)
        asked = at(numbers), letters.encode("ascii"), count
        found = _RUN.sentinel_prompt(self._at, *asked, at(rows), at(summed), at(made))
        return Seen(rows, summed, *made[:, :found])


def _codes(text: str) -> bytes:
    return text.encode("utf-32-le", "surrogatepass")
