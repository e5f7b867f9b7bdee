"""The small classifiers: hashed n-grams and word vectors of a text, and heads over them, in numpy.

Each head's logit is the sum of a weight for every hashed n-gram (words, pairs of words, pairs of word
clusters, characters) and of a small network over the pooled vectors of the words. One file holds one model
with all its heads; `training/_classifier.py` makes it.
"""

from __future__ import annotations

import hashlib
import io
import math
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


class Features(msgspec.Struct, frozen=True):
    """`dense`: pooled word vectors; of each n-gram `buckets`, `weights` (float32), and the range of words
    `first`..`last` (inclusive) that it belongs to."""

    dense: NDArray[np.float32]
    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def features(tokens: Tokens) -> Features | None:
    """None where the text holds no word."""
    known = words()
    hashes = tokens.hashes
    count = len(hashes)
    if not count:
        return None
    rows, found = known.find(hashes)
    vectors = known.vectors[rows] * found[:, None]
    dense = np.concatenate((vectors.mean(0), vectors.max(0), vectors.min(0)))
    clusters = np.where(found, known.clusters[rows], np.uint16(_UNKNOWN)).astype(np.uint64) + np.uint64(1)
    at = np.arange(count)
    parts = [(hashes * _WORD, at, at)]
    for step, kind, kin in ((1, _PAIR, _CLUSTERS), (2, _SKIP, _FAR)):
        if count > step:
            pair = (hashes[:-step] ^ (hashes[:-step] >> _FOLD)) * kind + hashes[step:]
            parts.append(((pair ^ (pair >> _FOLD)) * kind, at[:-step], at[step:]))
            near = (clusters[:-step] * kind + clusters[step:]) * kin
            parts.append(((near ^ (near >> _FOLD)) * kin, at[:-step], at[step:]))
    chars = _chars(tokens)
    mixed = np.concatenate([part[0] for part in parts] + [chars[0]])
    lengths = sum(len(part[0]) for part in parts), len(chars[0])
    scale = [1.0 / math.sqrt(length) if length else 0.0 for length in lengths]
    return Features(
        dense,
        (mixed >> _SHIFT).astype(np.int64),
        np.repeat(np.array(scale, np.float32), lengths),
        np.concatenate([part[1] for part in parts] + [chars[1]]),
        np.concatenate([part[2] for part in parts] + [chars[1]]),
    )


def _chars(tokens: Tokens) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Mixed hashes of character n-grams, and the word of each."""
    made, of = [], []
    for size in GRAMS:
        if len(tokens.codes) >= size:
            first, hashes = tokens.grams(size)
            mixed = (hashes ^ (hashes >> _FOLD)) * _CHARS + np.uint64(size)
            made.append((mixed ^ (mixed >> _FOLD)) * _CHARS)
            of.append(np.searchsorted(tokens.starts, first + 1, side="right") - 1)
    if not made:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    return np.concatenate(made), np.maximum(np.concatenate(of), 0)


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


class Reading(msgspec.Struct, frozen=True):
    """A text as a model reads it; None where it holds no word."""

    view: View
    tokens: Tokens
    features: Features | None


class Verdict(msgspec.Struct, frozen=True):
    """`probabilities`: calibrated, one a head; `reading`: what they were told from."""

    probabilities: tuple[float, ...]
    reading: Reading


def reading(text: str) -> Reading:
    seen = view(text)
    tokens = read(seen.text)
    return Reading(seen, tokens, features(tokens))


class Classifier:
    """A model: what its heads say of a text, and what the answer came from. Thread-safe."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.heads = weights.heads
        self.version = weights.version

    @classmethod
    def shipped(cls, name: str) -> Classifier:
        """Raises FileNotFoundError where the package lacks the weights."""
        return cls(load(name))

    def judge(self, text: str) -> Verdict:
        """A text without words scores 0 in every head."""
        seen = reading(text)
        if seen.features is None:
            return Verdict((0.0,) * len(self.heads), seen)
        w = self._weights
        logits = self._logits(seen.features)
        scaled = w.calibration[:, 0] * logits + w.calibration[:, 1]
        return Verdict(tuple((1.0 / (1.0 + np.exp(-np.clip(scaled, -30, 30)))).tolist()), seen)

    def _logits(self, features: Features) -> NDArray[np.float32]:
        w = self._weights
        units = np.maximum(features.dense @ w.hidden + w.hidden_bias, 0.0)
        hashed = (features.weights @ w.table[features.buckets]) * w.scale
        return np.asarray(hashed + units @ w.out + w.bias, np.float32)

    def explain(self, verdict: Verdict, head: int, start: int = 0) -> tuple[tuple[int, int, float], ...]:
        """The words from `start` on that spoke most for the head: (start, end, share of the logit), strongest
        first. An n-gram of two words is shared out between them; the network's part is told by its slope."""
        seen = verdict.reading
        found = seen.features
        if found is None:
            return ()
        w = self._weights
        share = w.table[found.buckets, head] * (found.weights * w.scale[head])
        count = len(seen.tokens.hashes)
        half = np.where(found.first == found.last, 0.0, 0.5) * share
        by_word: NDArray[np.float64] = np.bincount(found.first, share - half, count)
        by_word = by_word + np.bincount(found.last, half, count)
        active = found.dense @ w.hidden + w.hidden_bias > 0
        slope = (w.hidden * active) @ w.out[:, head]
        known = words()
        rows, is_known = known.find(seen.tokens.hashes)
        vectors = known.vectors[rows] * is_known[:, None]
        by_word = by_word + (vectors @ slope[: vectors.shape[1]]) / count
        return _strongest(seen, by_word, start)


def _strongest(seen: Reading, by_word: NDArray[Any], start: int) -> tuple[tuple[int, int, float], ...]:
    told: list[tuple[int, int, float]] = []
    for index in np.argsort(-by_word, kind="stable").tolist():
        if by_word[index] < _NEAR_ZERO or len(told) == EVIDENCE:
            break
        # `codes` has a blank before the text
        places = int(seen.tokens.starts[index]) - 1, int(seen.tokens.ends[index]) - 1
        begin, end = seen.view.original(*places)
        if begin >= start:
            told.append((begin, end, round(float(by_word[index]), 3)))
    return tuple(told)
