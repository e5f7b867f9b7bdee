"""The model of `language`: a vector for each hashed n-gram of characters, their mean, one layer to languages.

The design is that of Joulin et al., "Bag of tricks for efficient text classification" (2016); how sure the
answer is also grows with the text. `training/languages.py` makes `weights/languages.npz`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sentinel.detectors import _shipped
from sentinel.detectors._kernel import LIBRARY, at

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 16  # of a bucket's number
MOST = 5  # characters of an n-gram, a blank before or behind a word among them
MAX_CHARS = 600  # of a text without what is no language; what stands behind is not read
_SEEN = 2000  # characters of a text with that
# In ASCII, for some languages put no blank behind an address.
_NO_LANGUAGE = re.compile(
    r"(?:https?://|www\.)[!-~]+|[\w.+-]{1,64}@[\w.-]+|[@#]\w+|<[^<>\s][^<>]*>", re.ASCII | re.IGNORECASE
)
# Marks are letters here: vowels are marks in the scripts of India.
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0900-\u0963\u0970-\u0dff"
    "\u0e31-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ecd\u102b-\u1049\u104c-\u109d\u17b4-\u17d3"
)
_NO_LETTERS = re.compile(rf"[^\w'{_MARKS}]+|[\d_]+|(?<!\w)'+|'+(?!\w)")
# The same for ASCII, several times as fast.
_QUOTES = re.compile(r"(?<!\w)'+|'+(?!\w)", re.ASCII)
_NO_LETTER = {code: " " for code in range(128) if not chr(code).isalpha() and chr(code) != "'"}
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - BITS)
_BLANK = 32


class Weights(msgspec.Struct, frozen=True):
    """`table` [2**BITS, dimensions] int8; `out` [dimensions, languages] and `bias` [languages]; `sure` [2]: a
    text of n n-grams multiplies what they say by exp(sure[0] + sure[1] * log(n))."""

    codes: tuple[str, ...]
    version: str
    table: NDArray[np.int8]
    out: NDArray[np.float32]
    bias: NDArray[np.float32]
    sure: NDArray[np.float32]


@cache
def load() -> Weights:
    """Raises FileNotFoundError where the package lacks the model."""
    with _shipped.weights("languages") as (kept, version):
        codes = tuple(str(code) for code in kept["codes"])
        return Weights(codes, version, kept["table"], kept["out"], kept["bias"], kept["sure"])


class LanguageModel:
    """Thread-safe."""

    def __init__(self, weights: Weights) -> None:
        """Raises ValueError for a table that lacks buckets: the kernel would read behind its end."""
        if len(weights.table) != 1 << BITS:
            raise ValueError(f"a table of {len(weights.table)} buckets, not of {1 << BITS}")
        self._weights = weights
        self.codes = weights.codes
        self.version = weights.version

    @classmethod
    def shipped(cls) -> LanguageModel:
        """Raises FileNotFoundError where the package lacks the model."""
        return cls(load())

    def likeliest(self, text: str, among: Collection[str] = (), least: int = 1) -> tuple[str, float] | None:
        """The ISO 639-1 code and its probability, among these languages or all; None where the text holds
        fewer letters than `least`."""
        codes = letters(text)
        if np.count_nonzero(codes != _BLANK) < least:
            return None
        w = self._weights
        sums, grams = _summed(codes, w.table)
        logits = (sums / np.float32(grams) @ w.out + w.bias) * np.exp(w.sure[0] + w.sure[1] * np.log(grams))
        if among:
            logits[[code not in among for code in w.codes]] = -np.inf
        best = int(logits.argmax())
        return w.codes[best], float(1.0 / np.exp(logits - logits[best]).sum())


def _summed(codes: NDArray[np.uint32], table: NDArray[np.int8]) -> tuple[NDArray[np.int32], int]:
    """The vectors of all n-grams of these letters added up: [dimensions]; and how many they are."""
    if LIBRARY is None:
        return summed(codes, table)
    sums = np.empty(table.shape[1], np.int32)
    return sums, LIBRARY.sentinel_language(at(table), len(sums), at(codes), len(codes), at(sums))


def summed(codes: NDArray[np.uint32], table: NDArray[np.int8]) -> tuple[NDArray[np.int32], int]:
    """The same in numpy."""
    grams = buckets(codes)
    return table.take(grams, axis=0).sum(axis=0, dtype=np.int32), len(grams)


def buckets(letters: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Of each n-gram of 1 to MOST characters within a word, which begins and ends with a blank; see
    `letters`."""
    codes = letters.astype(np.uint64)
    blanks = np.zeros(len(codes) + 1, np.int32)
    np.cumsum(codes == _BLANK, out=blanks[1:])
    found: list[NDArray[np.uint64]] = []
    hashed = np.zeros(len(codes), np.uint64)
    for size in range(1, MOST + 1):
        count = len(codes) - size + 1
        if count < 1:
            break
        hashed = (hashed[:count] + codes[size - 1 :]) * _FACTOR
        # No blank but at its ends, and something between.
        inner = blanks[size - 1 : size - 1 + count] - blanks[1 : 1 + count] if size > 1 else 0
        whole = blanks[size:] - blanks[:count]
        kept = hashed[(inner == 0) & (whole < size)]
        found.append((kept ^ (kept >> np.uint64(29))) * _FACTOR)
    return (np.concatenate(found) >> _SHIFT).astype(np.int64) if found else np.zeros(0, np.int64)


def letters(text: str) -> NDArray[np.uint32]:
    """The words' characters in lower case, one blank before and behind each word; empty without a letter."""
    seen = text[:_SEEN]
    if "@" in seen or "#" in seen or "<" in seen or "://" in seen or "www." in seen.lower():
        seen = _NO_LANGUAGE.sub(" ", seen)
    kept = " ".join(_words(seen).split())[:MAX_CHARS].rstrip()
    if not kept:
        return np.zeros(0, np.uint32)
    return np.frombuffer(bytearray(f" {kept} ".encode("utf-32-le")), np.uint32)


def _words(text: str) -> str:
    """In lower case, with blanks for what is no letter."""
    if text.isascii():
        lower = text.lower()
        return (_QUOTES.sub(" ", lower) if "'" in lower else lower).translate(_NO_LETTER)
    plain = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return _NO_LETTERS.sub(" ", plain)
