"""The small classifiers: heads over hashed n-grams and word vectors of a text, in numpy.

Each head's logit is the sum of a weight for every hashed n-gram (words, pairs of words, pairs of word
clusters, characters) and of a small network over the mean of the words' vectors and over what filters find in
their order. One file holds one model with all its heads; `training/_classifier.py` makes it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sentinel.detectors import _shipped
from sentinel.detectors._classifier_grams import STEPS, Book, sums
from sentinel.detectors._classifier_network import Layers, Network
from sentinel.detectors._classifier_words import Tokens, View, read, view
from sentinel.detectors._lexicon import Line, line_of, line_of_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVIDENCE = 5
_NEAR_ZERO = 0.05  # logits; contributions below are no evidence


class Weights(msgspec.Struct, frozen=True):
    """`table` [2**BITS, heads] int8 and `scale` [heads] of its unit; the network's `layers`; `calibration`
    [heads, 2]: the probability is sigmoid(calibration[0] * logit + calibration[1])."""

    heads: tuple[str, ...]
    version: str
    table: NDArray[np.int8]
    scale: NDArray[np.float32]
    layers: Layers
    calibration: NDArray[np.float32]


@cache
def load(name: str) -> Weights:
    """The model in `weights/NAME.npz`. Raises FileNotFoundError where the package lacks it."""
    with _shipped.weights(name) as (kept, version):
        heads = tuple(str(head) for head in kept["heads"])
        return Weights(heads, version, kept["table"], kept["scale"], Layers.of(kept), kept["calibration"])


class _Sums(msgspec.Struct):
    """What the words of a book that goes on say: `told` [words, 2 * heads + 1], see `Classifier._told`, of
    the first `known` words."""

    book: Book
    told: NDArray[np.int32]
    known: int = 0


class Classifier:
    """A model: what its heads say of stretches of a text, and what the answer came from. Thread-safe."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.heads = weights.heads
        self.version = weights.version
        # One row is read at once, and such a row never lies in two lines of the processor's cache.
        count = len(self.heads)
        self._table = np.zeros((len(weights.table), 1 << (count - 1).bit_length()), np.int8)
        self._table[:, :count] = weights.table
        self._network = Network(weights.layers)
        self._sums: _Sums | None = None
        self._lock = threading.Lock()

    @classmethod
    def shipped(cls, name: str) -> Classifier:
        """Raises FileNotFoundError where the package lacks the weights."""
        return cls(load(name))

    def judge(self, text: str, places: Sequence[tuple[int, int]]) -> list[tuple[float, ...] | None]:
        """Of each stretch start..end of the text, the calibrated probability of each head; None where it
        holds no word. Words belong to the stretch that they begin in. MAX_CHARS of the text are read."""
        return self.judge_line(line_of(text, places))

    def judge_line(self, line: Line) -> list[tuple[float, ...] | None]:
        """What `judge` says, of a text that was looked up already."""
        answers: list[tuple[float, ...] | None] = [None] * len(line.places)
        telling = [index for index, (low, high) in enumerate(line.places) if low < high]
        if not telling:
            return answers
        bounds = np.array([place for index in telling for place in line.places[index]])
        size = bounds[1::2] - bounds[::2]
        w = self._weights
        logits = self._hashed(line, bounds, size)
        logits *= w.scale
        logits += self._network.logits(line.vectors, bounds, size)
        scaled = np.maximum(w.calibration[:, 0] * logits + w.calibration[:, 1], -30.0)
        for index, row in zip(telling, (1.0 / (1.0 + np.exp(-scaled))).tolist(), strict=True):
            answers[index] = tuple(row)
        return answers

    def _hashed(self, line: Line, bounds: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the n-grams of stretches say of each head, in units of `scale`: [stretches, heads]. Those
        whose words all lie in a stretch count, and weigh so that those of words have unit length together,
        and those of characters. `bounds` and `size`: see `sums`."""
        heads = len(self.heads)
        told = self._told_of(line)
        two = self._table.take(line.pairs, axis=0)[..., :heads].sum(axis=1, dtype=np.int32)
        told[:-1, :heads] += two[0]
        told[:-1, :heads] += two[1]
        # Sums of whole numbers: the same whatever else is read with a stretch.
        summed = sums(told, bounds)
        by_words = summed[:, :heads]
        last = bounds[1::2] - 1
        by_words -= two[:, last].sum(axis=0)
        by_words -= two[1, last - 1] * (size > 1)[:, None]
        made: NDArray[np.float64] = by_words / np.sqrt(_count(size))[:, None]
        made += summed[:, heads:-1] / np.sqrt(summed[:, -1:])
        return made

    def _told_of(self, line: Line) -> NDArray[np.int32]:
        """`_told` of a line's words; a copy."""
        if not line.kept:
            told = self._told(line.book, 0, len(line.words) - 1)
            return told.take(line.words, axis=0)
        sums = self._sums
        if sums is None or sums.book is not line.book:
            shape = len(line.book.own), 2 * len(self.heads) + 1
            sums = self._sums = _Sums(line.book, np.zeros(shape, np.int32))
        most = int(line.words.max()) + 1
        if most > sums.known:
            with self._lock:
                if most > sums.known:
                    sums.told[sums.known : most] = self._told(line.book, sums.known, most)
                    sums.known = most
        return sums.told.take(line.words, axis=0)

    def _told(self, book: Book, first: int, last: int) -> NDArray[np.int32]:
        """What these words of a book say of each head: the word itself, then its n-grams of characters, then
        how many those are: [words, 2 * heads + 1]."""
        heads = len(self.heads)
        told = np.empty((last - first, 2 * heads + 1), np.int32)
        if last > first:
            ends = book.ends[first : last + 1]
            grams = self._table.take(book.grams[ends[0] : ends[-1]], axis=0)[:, :heads]
            told[:, :heads] = self._table.take(book.own[first:last], axis=0)[:, :heads]
            told[:, heads:-1] = np.add.reduceat(grams.astype(np.int32), ends[:-1] - ends[0], axis=0)
            told[:, -1] = np.diff(ends)
        return told

    def explain(
        self, text: str, heads: Sequence[int], start: int = 0
    ) -> list[tuple[tuple[int, int, float], ...]]:
        """For each of these heads, the words from `start` on that spoke most for it: (start, end, share of
        the logit), strongest first, of a text that is judged as one stretch. An n-gram of two words is shared
        out between them; the network's part is told by its slope."""
        seen = view(text)
        tokens = read(seen.text)
        by_word = self._by_word(line_of_tokens(tokens), np.array(heads, np.int64))
        return [_strongest(seen, tokens, shares, start) for shares in by_word.T]

    def _by_word(self, line: Line, heads: NDArray[np.int64]) -> NDArray[np.float64]:
        """Each word's share of the logits of all of them as one stretch: [words, heads]."""
        count, every = len(line.words) - 1, len(self.heads)
        w = self._weights
        if not count:
            return np.empty((0, len(heads)))
        told = self._told_of(line)
        by_word = told[:-1, heads].astype(np.float64)
        shares = self._table.take(line.pairs, axis=0)[..., heads].sum(axis=1, dtype=np.int32) / 2
        for share, step in zip(shares, STEPS, strict=True):
            within = max(0, count - step)
            by_word[:within] += share[:within]
            by_word[count - within :] += share[:within]
        by_word /= np.sqrt(_count(count))
        by_word += told[:-1, every + heads] / np.sqrt(told[:-1, -1].sum())
        by_word *= w.scale[heads]
        by_word += self._network.shares(line.vectors, heads)
        return by_word


def _count(size: Any) -> Any:
    """How many n-grams of words a stretch of so many words (1 or more) has: each word, and two for two that
    stand one or two places apart."""
    return np.maximum(5 * size - 6, size)


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
