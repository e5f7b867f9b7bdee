"""What the small classifiers see of a text: of each word its hash, its cluster, its vector and its n-grams of
characters; of two words that stand near each other a bucket for their hashes and one for their clusters."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sentinel.detectors._classifier_words import WORDS, Tokens, read, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 16  # of a bucket's number
_SIZES = np.array([3, 4, 5])  # of n-grams of characters
STEPS = (1, 2)  # how many words apart two may stand
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
_KINDS = np.array([[_PAIR, _CLUSTERS], [_SKIP, _FAR]])  # by `STEPS`: of words, of clusters
_SHIFT = np.uint64(64 - BITS)
_FOLD = np.uint64(29)


class Words(msgspec.Struct, frozen=True):
    """Of each known word, ascending by hash: `vectors` [words + 1, dimensions] int8, in units of `scale`, the
    last one zero for all other words; `clusters` [words + 1], counted from 1, the last one 0x10000."""

    hashes: NDArray[np.uint64]
    vectors: NDArray[np.int8]
    scale: np.float32
    clusters: NDArray[np.uint64]

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
            clusters = np.append(kept["clusters"], np.uint16(_UNKNOWN)).astype(np.uint64) + np.uint64(1)
            scale = np.float32(kept["scale"])
            return Words(kept["hashes"], np.concatenate((vectors, zero)), scale, clusters)


class Book(msgspec.Struct, frozen=True):
    """Of each of some words: what it is known by, `right` [2, words]: its hash, and its cluster, counted from
    1, and `left`: the same, as it enters the hash of a pair whose first word it is; `rows` of its vector in
    `words()`; `own`: the bucket of the word itself; its n-grams of characters `ends[i]`..`ends[i + 1]` of
    `grams`, buckets too. Each word has some."""

    left: NDArray[np.uint64]
    right: NDArray[np.uint64]
    rows: NDArray[np.int32]
    own: NDArray[np.uint16]
    grams: NDArray[np.uint16]
    ends: NDArray[np.int32]


def book_of(tokens: Tokens) -> Book:
    """The words of a text in their order."""
    known = words()
    hashes = tokens.hashes
    rows = known.find(hashes)
    begun = np.zeros(len(tokens.codes), np.int64)
    begun[tokens.starts] = 1
    word = np.cumsum(begun) - 1  # at each character, the last word that has begun
    size, begins, sums = tokens.grams(_SIZES)
    owners = word[begins + 1]
    sums = (sums ^ (sums >> _FOLD)) * _CHARS + _SIZES.view(np.uint64)[size]
    grams = _bucket((sums ^ (sums >> _FOLD)) * _CHARS)[np.argsort(owners, kind="stable")]
    ends = np.zeros(len(hashes) + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=len(hashes)), out=ends[1:])
    left = np.empty((2, len(hashes)), np.uint64)
    left[0] = hashes ^ (hashes >> _FOLD)
    left[1] = known.clusters.take(rows)
    right = left.copy()
    right[0] = hashes
    return Book(left, right, rows.astype(np.int32), _bucket(hashes * _WORD), grams, ends)


def _bucket(mixed: NDArray[np.uint64]) -> NDArray[np.uint16]:
    return (mixed >> _SHIFT).astype(np.uint16)


def pairs(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Buckets [steps, 2, words]: of each word with the one so many of `STEPS` behind it, by their hashes and
    by their clusters; those that would need words behind the last one say nothing. See `Book`."""
    mixed = np.zeros((len(STEPS), *left.shape), np.uint64)
    for each, step, kinds in zip(mixed, STEPS, _KINDS, strict=True):
        made = each[:, :-step]
        np.multiply(left[:, :-step], kinds[0], out=made)
        made += right[:, step:]
    mixed[:, 1] *= _KINDS[:, 1:]
    mixed ^= mixed >> _FOLD
    mixed *= _KINDS[:, :, None]
    mixed >>= _SHIFT
    return mixed.view(np.int64)


def means(
    vectors: NDArray[np.int8], places: NDArray[np.int64], size: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Of some stretches of words the mean of their vectors, in the vectors' unit: [stretches, dimensions].
    `places` and `size`: see `sums`."""
    made = sums(vectors.astype(np.int32), places).astype(np.float32)
    made /= size[:, None]
    return made


def sums(of: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """The rows of each of some stretches added up: [stretches, ...]. `places`: of each stretch its first row
    and the one behind its last, one stretch behind the other; none is empty. `of` has one row more than the
    stretches can hold."""
    if len(places) == 2:
        made: NDArray[Any] = of[places[0] : places[1]].sum(axis=0, dtype=of.dtype, keepdims=True)
    else:
        made = np.add.reduceat(of, places, axis=0)[::2]
    return made


class Features(msgspec.Struct, frozen=True):
    """One text as a fit reads it: `rows` of its words' vectors in `words()`; `mean` of these; of each
    n-gram `buckets` and `weights`. Those of words have unit length together, and those of characters."""

    rows: NDArray[np.int32]
    mean: NDArray[np.float32]
    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


def features(text: str) -> Features | None:
    """None where the text holds no word."""
    book = book_of(read(view(text).text))
    count = len(book.own)
    if not count:
        return None
    two = zip(pairs(book.left, book.right), STEPS, strict=True)
    ours = [book.own, *(kind[: max(0, count - step)] for kinds, step in two for kind in kinds)]
    buckets = np.concatenate([*ours, book.grams], dtype=np.int64)
    sizes = len(buckets) - len(book.grams), len(book.grams)
    weights = np.repeat(1.0 / np.sqrt(sizes), sizes)
    vectors = words().vectors[np.append(book.rows, 0)]
    mean = means(vectors, np.array([0, count]), np.array([count]))[0] * words().scale
    return Features(book.rows, mean, buckets, weights.astype(np.float32))
