"""The small classifiers: hashed n-grams and word vectors of a text, and heads over them, in numpy.

Each head's logit is the sum of a weight for every hashed n-gram (words, pairs of words, pairs of word
clusters, characters) and of a small network over the pooled vectors of the words. One file holds one model
with all its heads; `training/_classifier.py` makes it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sentinel.detectors._classifier_words import WORDS, Tokens, View, read, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 16  # of a bucket's number
GRAMS = (3, 4, 5)
EVIDENCE = 5
_NEAR_ZERO = 0.05  # logits; contributions below are no evidence
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
_SHIFT = np.uint64(64 - BITS)
_FOLD = np.uint64(29)


class Words(msgspec.Struct, frozen=True):
    """Of each known word, ascending by hash: `vectors` [words, dimensions] float32, `clusters` [words]."""

    hashes: NDArray[np.uint64]
    vectors: NDArray[np.float32]
    clusters: NDArray[np.uint16]

    def find(self, hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The rows of these words, and which of them are known."""
        rows = np.searchsorted(self.hashes, hashes)
        rows[rows == len(self.hashes)] = 0
        return rows, self.hashes[rows] == hashes


@cache
def words() -> Words:
    """Raises FileNotFoundError where the package lacks the table."""
    with files("sentinel.detectors").joinpath("weights", WORDS).open("rb") as file:
        with np.load(file, allow_pickle=False) as kept:
            vectors = kept["vectors"] * kept["scale"]
            return Words(kept["hashes"], vectors.astype(np.float32), kept["clusters"])


class Grams(msgspec.Struct, frozen=True):
    """The n-grams of a text, kind after kind, in each kind in the order of their first words. `buckets`: of
    all; `first`: of each its first word; `ends`: [kinds + 1] where each kind begins and the last one ends;
    `steps`: of each kind how many words behind the first one its last one is."""

    buckets: NDArray[np.int64]
    first: NDArray[np.int64]
    ends: NDArray[np.int64]
    steps: tuple[int, ...]


_STEPS = (0, 1, 1, 2, 2, *(0 for _ in GRAMS))
_OF_WORDS = 5  # kinds; those of characters follow


def grams(tokens: Tokens) -> Grams:
    """The text holds a word."""
    known = words()
    hashes = tokens.hashes
    rows, found = known.find(hashes)
    clusters = np.where(found, known.clusters[rows], np.uint16(_UNKNOWN)).astype(np.uint64) + np.uint64(1)
    at = np.arange(len(hashes))
    parts = [hashes * _WORD]
    firsts = [at]
    for step, kind, kin in ((1, _PAIR, _CLUSTERS), (2, _SKIP, _FAR)):
        left, right = hashes[:-step], hashes[step:]
        pair = (left ^ (left >> _FOLD)) * kind + right
        near = (clusters[:-step] * kind + clusters[step:]) * kin
        parts += [(pair ^ (pair >> _FOLD)) * kind, (near ^ (near >> _FOLD)) * kin]
        firsts += [at[:-step]] * 2
    begun = np.zeros(len(tokens.codes), np.int64)
    begun[tokens.starts] = 1
    word = np.maximum(np.cumsum(begun) - 1, 0)  # at each character, the last word that has begun
    for size in GRAMS:
        begins, sums = tokens.grams(size)
        mixed = (sums ^ (sums >> _FOLD)) * _CHARS + np.uint64(size)
        parts.append((mixed ^ (mixed >> _FOLD)) * _CHARS)
        firsts.append(word[begins + 1])
    buckets = (np.concatenate(parts) >> _SHIFT).astype(np.int64)
    ends = np.cumsum([0, *map(len, parts)])
    return Grams(buckets, np.concatenate(firsts), ends, _STEPS)


class Ranges(msgspec.Struct, frozen=True):
    """Of some stretches of words, where each kind's n-grams begin and end: [stretches, kinds], and how much
    one of them weighs."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    weight: NDArray[np.float64]


def ranges(made: Grams, low: NDArray[np.int64], high: NDArray[np.int64]) -> Ranges:
    """Those n-grams whose words all lie in low..high (exclusive); none is empty. They weigh so that those of
    words have unit length together, and those of characters."""
    begin = np.empty((len(low), len(made.steps)), np.int64)
    end = np.empty_like(begin)
    for kind, step in enumerate(made.steps):
        start, stop = made.ends[kind], made.ends[kind + 1]
        if kind < _OF_WORDS:
            begin[:, kind] = np.minimum(start + low, stop)
            end[:, kind] = np.minimum(start + np.maximum(low, high - step), stop)
        else:
            first = made.first[start:stop]
            begin[:, kind] = start + np.searchsorted(first, low)
            end[:, kind] = start + np.searchsorted(first, high)
    count = end - begin
    total = np.stack([count[:, :_OF_WORDS].sum(1), count[:, _OF_WORDS:].sum(1)], 1)
    weight = 1.0 / np.sqrt(np.maximum(total, 1))
    return Ranges(begin, end, np.repeat(weight, (_OF_WORDS, len(GRAMS)), axis=1))


def dense(
    tokens: Tokens, low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The vectors of all words, zero for those that are not known; and of each stretch of words their mean,
    their highest and their lowest values: [stretches, 3 * dimensions]."""
    known = words()
    rows, found = known.find(tokens.hashes)
    vectors = known.vectors[rows] * found[:, None]
    pooled = np.empty((len(low), 3 * vectors.shape[1]), np.float32)
    for index, (first, last) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        part = vectors[first:last]
        np.concatenate((part.mean(0), part.max(0), part.min(0)), out=pooled[index])
    return vectors, pooled


class Features(msgspec.Struct, frozen=True):
    """One text as a fit reads it: `dense`: pooled word vectors; of each n-gram `buckets` and `weights`."""

    dense: NDArray[np.float32]
    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


def features(text: str) -> Features | None:
    """None where the text holds no word."""
    tokens = read(view(text).text)
    if not len(tokens.hashes):
        return None
    made = grams(tokens)
    low, high = np.array([0]), np.array([len(tokens.hashes)])
    weights = np.repeat(ranges(made, low, high).weight[0], np.diff(made.ends))
    return Features(dense(tokens, low, high)[1][0], made.buckets, weights.astype(np.float32))


class Weights(msgspec.Struct, frozen=True):
    """`table` [2**BITS, heads] int8 and `scale` [heads] of its unit; the network's `hidden` [dense, units],
    `hidden_bias`, `out` [units, heads]; `bias` [heads]; `calibration` [heads, 2]: the probability is
    sigmoid(calibration[0] * logit + calibration[1])."""

    heads: tuple[str, ...]
    version: str
    table: NDArray[np.int8]
    scale: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]
    bias: NDArray[np.float32]
    calibration: NDArray[np.float32]


@cache
def load(name: str) -> Weights:
    """The model in `weights/NAME.npz`. Raises FileNotFoundError where the package lacks it."""
    raw = files("sentinel.detectors").joinpath("weights", f"{name}.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as kept:
        arrays = {key: kept[key] for key in kept.files}
    heads = tuple(str(head) for head in arrays.pop("heads"))
    return Weights(heads, hashlib.blake2b(raw, digest_size=4).hexdigest(), **arrays)


class Classifier:
    """A model: what its heads say of stretches of a text, and what the answer came from. Thread-safe."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.heads = weights.heads
        self.version = weights.version

    @classmethod
    def shipped(cls, name: str) -> Classifier:
        """Raises FileNotFoundError where the package lacks the weights."""
        return cls(load(name))

    def judge(self, text: str, places: Sequence[tuple[int, int]]) -> list[tuple[float, ...] | None]:
        """Of each stretch start..end of the text, the calibrated probability of each head; None where it
        holds no word. Words belong to the stretch that they begin in. MAX_CHARS of the text are read."""
        answers: list[tuple[float, ...] | None] = [None] * len(places)
        seen = view(text)
        tokens = read(seen.text)
        bounds = np.searchsorted(tokens.starts - 1, seen.places(np.array(places, np.int64).reshape(-1, 2)))
        telling = np.flatnonzero(bounds[:, 0] < bounds[:, 1])
        if not len(telling):
            return answers
        low, high = bounds[telling, 0], bounds[telling, 1]
        w = self._weights
        made = grams(tokens)
        of = ranges(made, low, high)
        # Sums of whole numbers: the same whatever else is read with a stretch.
        sums = np.zeros((len(made.buckets) + 1, len(self.heads)), np.int64)
        np.cumsum(w.table[made.buckets], axis=0, out=sums[1:])
        hashed = ((sums[of.end] - sums[of.begin]) * of.weight[:, :, None]).sum(1) * w.scale
        _, pooled = dense(tokens, low, high)
        units = np.maximum(pooled @ w.hidden + w.hidden_bias, 0.0)
        logits = hashed + units @ w.out + w.bias
        scaled = np.clip(w.calibration[:, 0] * logits + w.calibration[:, 1], -30, 30)
        for index, row in zip(telling.tolist(), (1.0 / (1.0 + np.exp(-scaled))).tolist(), strict=True):
            answers[index] = tuple(row)
        return answers

    def explain(self, text: str, head: int, start: int = 0) -> tuple[tuple[int, int, float], ...]:
        """The words from `start` on that spoke most for the head: (start, end, share of the logit), strongest
        first, of a text that is judged as one stretch. An n-gram of two words is shared out between them; the
        network's part is told by its slope."""
        seen = view(text)
        tokens = read(seen.text)
        count = len(tokens.hashes)
        if not count:
            return ()
        w = self._weights
        low, high = np.array([0]), np.array([count])
        made = grams(tokens)
        lengths = np.diff(made.ends)
        each = np.repeat(ranges(made, low, high).weight[0], lengths)
        share = w.table[made.buckets, head] * each * w.scale[head]
        step = np.repeat(made.steps, lengths)
        share = np.where(step > 0, share / 2, share)
        by_word = np.bincount(made.first, share, count)
        pairs = step > 0
        by_word = by_word + np.bincount((made.first + step)[pairs], share[pairs], count)
        vectors, pooled = dense(tokens, low, high)
        slope = (w.hidden * (pooled[0] @ w.hidden + w.hidden_bias > 0)) @ w.out[:, head]
        by_word = by_word + vectors @ slope[: vectors.shape[1]] / count
        return _strongest(seen, tokens, by_word, start)


def _strongest(
    seen: View, tokens: Tokens, by_word: NDArray[Any], start: int
) -> tuple[tuple[int, int, float], ...]:
    told: list[tuple[int, int, float]] = []
    for index in np.argsort(-by_word, kind="stable").tolist():
        if by_word[index] < _NEAR_ZERO or len(told) == EVIDENCE:
            break
        # `codes` has a blank before the text
        places = int(tokens.starts[index]) - 1, int(tokens.ends[index]) - 1
        begin, end = seen.original(*places)
        if begin >= start:
            told.append((begin, end, round(float(by_word[index]), 3)))
    return tuple(told)
