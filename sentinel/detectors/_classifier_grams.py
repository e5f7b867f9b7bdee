"""What the small classifiers see of a text: of each word its hash, its cluster, its vector and its n-grams of
characters; of two words that stand near each other a bucket for their hashes and one for their clusters."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sentinel.detectors._classifier_words import WORDS, Tokens, read, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 16  # of a bucket's number
GRAMS = (3, 4, 5)
STEPS = (1, 1, 2, 2)  # of the rows of `pairs`: how many words apart the two stand
_UNKNOWN = 0xFFFF
# One odd multiplier a kind of n-gram, so that kinds do not meet in a bucket more often than by chance.
_WORD, _PAIR, _SKIP, _CLUSTERS, _FAR, _CHARS = (
    np.uint64(n)
    for n in (
        0xD6E8FEB86659FD93,
        0xA0761D6478BD642F,
        0xE7037ED1A0B428DB,
        0x8EBC6AF09C88C6E3,
        0x589965CC75374CC3,
        0x1D8E4E27C47D124F,
    )
)
_BY_ROW = np.array([_PAIR, _CLUSTERS, _SKIP, _FAR])[:, None]
_SHIFT = np.uint64(64 - BITS)
_FOLD = np.uint64(29)


class Words(msgspec.Struct, frozen=True):
    """Of each known word, ascending by hash: `vectors` [words + 1, dimensions] int8, in units of `scale`, the
    last one zero for all other words; `clusters` [words]."""

    hashes: NDArray[np.uint64]
    vectors: NDArray[np.int8]
    scale: np.float32
    clusters: NDArray[np.uint16]

    def find(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The rows of these words; of those that are not known `len(self.hashes)`."""
        rows = np.searchsorted(self.hashes, hashes)
        found = self.hashes.take(rows, mode="clip") == hashes
        return np.where(found, rows, len(self.hashes))


@cache
def words() -> Words:
    """Raises FileNotFoundError where the package lacks the table."""
    with files("sentinel.detectors").joinpath("weights", WORDS).open("rb") as file:
        with np.load(file, allow_pickle=False) as kept:
            vectors = kept["vectors"]
            zero = np.zeros((1, vectors.shape[1]), np.int8)
            scale = np.float32(kept["scale"])
            return Words(kept["hashes"], np.concatenate((vectors, zero)), scale, kept["clusters"])


class Book(msgspec.Struct, frozen=True):
    """Of each of some words: `hashes`; `near`: its cluster, counted from 1; `rows` of its vector in
    `words()`; `own`: the bucket of the word itself; its n-grams of characters `ends[i]`..`ends[i + 1]` of
    `grams`, buckets too. Each word has some."""

    hashes: NDArray[np.uint64]
    near: NDArray[np.uint64]
    rows: NDArray[np.int32]
    own: NDArray[np.uint16]
    grams: NDArray[np.uint16]
    ends: NDArray[np.int32]


def book_of(tokens: Tokens) -> Book:
    """The words of a text in their order."""
    known = words()
    hashes = tokens.hashes
    rows = known.find(hashes)
    clusters = np.append(known.clusters, np.uint16(_UNKNOWN))[rows]
    begun = np.zeros(len(tokens.codes), np.int64)
    begun[tokens.starts] = 1
    word = np.cumsum(begun) - 1  # at each character, the last word that has begun
    of_word = []
    mixed = []
    for size in GRAMS:
        begins, sums = tokens.grams(size)
        of_word.append(word[begins + 1])
        mixed.append((sums ^ (sums >> _FOLD)) * _CHARS + np.uint64(size))
    owners = np.concatenate(of_word)
    sums = np.concatenate(mixed)
    grams = _bucket((sums ^ (sums >> _FOLD)) * _CHARS)[np.argsort(owners, kind="stable")]
    ends = np.zeros(len(hashes) + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=len(hashes)), out=ends[1:])
    near = clusters.astype(np.uint64) + np.uint64(1)
    return Book(hashes, near, rows.astype(np.int32), _bucket(hashes * _WORD), grams, ends)


def _bucket(mixed: NDArray[np.uint64]) -> NDArray[np.uint16]:
    return (mixed >> _SHIFT).astype(np.uint16)


def pairs(hashes: NDArray[np.uint64], near: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Buckets [4, words]: of each word with the one `STEPS` behind it, by their hashes and by their clusters;
    those that would need words behind the last one say nothing."""
    mixed = np.zeros((4, len(hashes)), np.uint64)
    left = hashes ^ (hashes >> _FOLD)
    for row, step, kind in ((0, 1, _PAIR), (2, 2, _SKIP)):
        mixed[row, :-step] = left[:-step] * kind + hashes[step:]
        mixed[row + 1, :-step] = (near[:-step] * kind + near[step:]) * _BY_ROW[row + 1, 0]
    mixed ^= mixed >> _FOLD
    mixed *= _BY_ROW
    mixed >>= _SHIFT
    return mixed.view(np.int64)


def pooled(vectors: NDArray[np.int8], low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of each stretch low..high (exclusive, not empty) of words the mean of their vectors, their highest and
    their lowest values: [stretches, 3 * dimensions]. One more row stands behind the last word's."""
    places = np.stack((low, high), 1).ravel()
    total = np.add.reduceat(vectors.astype(np.int32), places, axis=0)[::2]
    mean = total / (high - low)[:, None]
    highest = np.maximum.reduceat(vectors, places, axis=0)[::2]
    lowest = np.minimum.reduceat(vectors, places, axis=0)[::2]
    made: NDArray[np.float32] = np.concatenate((mean, highest, lowest), axis=1, dtype=np.float32)
    made *= words().scale
    return made


class Features(msgspec.Struct, frozen=True):
    """One text as a fit reads it: `dense`: pooled word vectors; of each n-gram `buckets` and `weights`.
    Those of words have unit length together, and those of characters."""

    dense: NDArray[np.float32]
    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


def features(text: str) -> Features | None:
    """None where the text holds no word."""
    book = book_of(read(view(text).text))
    count = len(book.hashes)
    if not count:
        return None
    two = pairs(book.hashes, book.near)
    ours = [book.own, *(row[: max(0, count - step)] for row, step in zip(two, STEPS, strict=True))]
    buckets = np.concatenate([*ours, book.grams], dtype=np.int64)
    sizes = len(buckets) - len(book.grams), len(book.grams)
    weights = np.repeat(1.0 / np.sqrt(sizes), sizes)
    vectors = words().vectors[np.append(book.rows, 0)]
    dense = pooled(vectors, np.array([0]), np.array([count]))[0]
    return Features(dense, buckets, weights.astype(np.float32))
