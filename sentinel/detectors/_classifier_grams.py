"""What the small classifiers see of a text: of each word its vector's row, the buckets of itself and of its
n-grams of characters; of two words that stand near each other a bucket for their hashes and one for their
clusters. And what a table of weights says of these buckets."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sentinel.detectors._classifier_words import WORDS, Tokens, hash_word, tokenised, view

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


def rows_of(texts: list[str]) -> NDArray[np.int32]:
    """The rows of one or more words, each in lower case."""
    return words().find(np.array([*map(hash_word, texts)], np.uint64)).astype(np.int32)


class Book(msgspec.Struct, frozen=True):
    """The words of a text in their order, each at `starts[i]`..`ends[i]` of what `view` made: `rows` of their
    vectors in `words()`; `own`: the bucket of the word itself; `pairs` [steps, 2, words]: the buckets of each
    with the one so many of `STEPS` behind it, by their hashes and by their clusters, 0 where there is none;
    its n-grams of characters `gram_ends[i]`..`gram_ends[i + 1]` of `grams`, buckets too, some of each word.
    `compiled`: all of this as the kernel takes it."""

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    rows: NDArray[np.int32]
    own: NDArray[np.uint16]
    pairs: NDArray[np.uint16]
    grams: NDArray[np.uint16]
    gram_ends: NDArray[np.int32]
    compiled: Any = None

    def __len__(self) -> int:
        return len(self.own)


def read(text: str) -> Book:
    """Of what `view` made."""
    tokens = tokenised(text)
    known = words()
    hashes = tokens.hashes
    rows = known.find(hashes)
    grams, gram_ends = _grams(tokens)
    left = np.stack((hashes ^ (hashes >> _FOLD), known.clusters.take(rows)))
    right = np.stack((hashes, left[1]))
    # `codes` has a blank before the text
    starts, ends = tokens.starts.astype(np.int32) - 1, tokens.ends.astype(np.int32) - 1
    own, pairs = _bucket(hashes * _WORD), _pairs(left, right)
    return Book(starts, ends, rows.astype(np.int32), own, pairs, grams, gram_ends)


def _grams(tokens: Tokens) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """See `Book`."""
    begun = np.zeros(len(tokens.codes), np.int64)
    begun[tokens.starts] = 1
    word = np.cumsum(begun) - 1  # at each character, the last word that has begun
    size, begins, sums = tokens.grams(_SIZES)
    owners = word[begins + 1]
    sums = (sums ^ (sums >> _FOLD)) * _CHARS + _SIZES.view(np.uint64)[size]
    grams = _bucket((sums ^ (sums >> _FOLD)) * _CHARS)[np.argsort(owners, kind="stable")]
    ends = np.zeros(len(tokens.hashes) + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=len(tokens.hashes)), out=ends[1:])
    return grams, ends


def _bucket(mixed: NDArray[np.uint64]) -> NDArray[np.uint16]:
    return (mixed >> _SHIFT).astype(np.uint16)


def _pairs(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """See `Book`. `left`, `right` [2, words]: what a word's hash and its cluster are as the first and as the
    second of two."""
    mixed = np.zeros((len(STEPS), *left.shape), np.uint64)
    for each, step, kinds in zip(mixed, STEPS, _KINDS, strict=True):
        made = each[:, :-step]
        np.multiply(left[:, :-step], kinds[0], out=made)
        made += right[:, step:]
    mixed[:, 1] *= _KINDS[:, 1:]
    mixed ^= mixed >> _FOLD
    mixed *= _KINDS[:, :, None]
    return _bucket(mixed)


def means(vectors: NDArray[np.int8], bounds: NDArray[np.int32]) -> NDArray[np.float32]:
    """Of some stretches of words the mean of their vectors, in the vectors' unit: [stretches, dimensions].
    `bounds`: see `sums`. `vectors` has one more row, which says nothing."""
    made = sums(vectors.astype(np.int32), bounds).astype(np.float32)
    made /= (bounds[:, 1] - bounds[:, 0])[:, None]
    return made


def sums(of: NDArray[Any], bounds: NDArray[np.int32]) -> NDArray[Any]:
    """The rows of each of some stretches added up: [stretches, ...]. `bounds` [stretches, 2]: of each its
    first row and the one behind its last; none is empty. `of` has one row more than they can hold."""
    made: NDArray[Any] = np.add.reduceat(of, bounds.reshape(-1), axis=0)[::2]
    return made


class Hashed:
    """What buckets say of each head: `table` [2**BITS, heads] int8."""

    def __init__(self, table: NDArray[np.int8]) -> None:
        self._table = table

    def logits(self, book: Book, bounds: NDArray[np.int32]) -> NDArray[np.float64]:
        """Of stretches of words, see `sums`, in the table's unit: [stretches, heads]. Those n-grams count
        whose words all lie in a stretch, and weigh so that those of words have unit length together, and
        those of characters."""
        size, last = bounds[:, 1] - bounds[:, 0], bounds[:, 1] - 1
        words, grams = self._told(book)
        two = self._table.take(book.pairs, axis=0).sum(axis=1, dtype=np.int32)
        words += two.sum(axis=0)
        # Sums of whole numbers: the same whatever else is read with a stretch.
        by_words = sums(_with_one_more(words), bounds)
        by_words -= two[:, last].sum(axis=0)
        by_words -= two[1, last - 1] * (size > 1)[:, None]
        made: NDArray[np.float64] = by_words / np.sqrt(_count(size))[:, None]
        count = book.gram_ends[bounds[:, 1]] - book.gram_ends[bounds[:, 0]]
        made += sums(_with_one_more(grams), bounds) / np.sqrt(count)[:, None]
        return made

    def shares(self, book: Book, place: tuple[int, int], heads: NDArray[np.int32]) -> NDArray[np.float64]:
        """Each word's share of the logits of a stretch: [words, asked]. An n-gram of two words is shared out
        between them."""
        inside, count = slice(*place), place[1] - place[0]
        words, grams = (each[inside] for each in self._told(book))
        made = words[:, heads].astype(np.float64)
        two = self._table.take(book.pairs[..., inside], axis=0)[..., heads].sum(axis=1, dtype=np.int32) / 2
        for share, step in zip(two, STEPS, strict=True):
            within = max(0, count - step)
            made[:within] += share[:within]
            made[count - within :] += share[:within]
        made /= np.sqrt(_count(count))
        made += grams[:, heads] / np.sqrt(book.gram_ends[place[1]] - book.gram_ends[place[0]])
        return made

    def _told(self, book: Book) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """What each word says itself, and by its n-grams of characters: [words, heads] each."""
        own = self._table.take(book.own, axis=0).astype(np.int32)
        grams = self._table.take(book.grams, axis=0).astype(np.int32)
        return own, np.add.reduceat(grams, book.gram_ends[:-1], axis=0)


def _with_one_more(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.concatenate((rows, rows[:1]))


def _count(size: Any) -> Any:
    """How many n-grams of words a stretch of so many words (1 or more) has: each word, and two for two that
    stand one or two places apart."""
    return np.maximum(5 * size - 6, size)


class Features(msgspec.Struct, frozen=True):
    """One text as a fit reads it: `rows` of its words' vectors in `words()`; `mean` of these; of each
    n-gram `buckets` and `weights`. Those of words have unit length together, and those of characters."""

    rows: NDArray[np.int32]
    mean: NDArray[np.float32]
    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


def features(text: str) -> Features | None:
    """None where the text holds no word."""
    book = read(view(text).text)
    count = len(book)
    if not count:
        return None
    two = zip(book.pairs, STEPS, strict=True)
    ours = [book.own, *(kind[: max(0, count - step)] for kinds, step in two for kind in kinds)]
    buckets = np.concatenate([*ours, book.grams], dtype=np.int64)
    sizes = len(buckets) - len(book.grams), len(book.grams)
    weights = np.repeat(1.0 / np.sqrt(sizes), sizes)
    vectors = words().vectors[np.append(book.rows, 0)]
    mean = means(vectors, np.array([[0, count]], np.int32))[0] * words().scale
    return Features(book.rows, mean, buckets, weights.astype(np.float32))
