"""The small classifiers: heads over hashed n-grams and word vectors of a text, compiled or in numpy.

Each head's logit is the sum of a weight for every hashed n-gram (words, pairs of words, pairs of word
clusters, characters) and of a small network over the mean of the words' vectors and over what filters find in
their order. One file holds one model with all its heads; `training/_classifier.py` makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sentinel.detectors import _shipped
from sentinel.detectors._classifier_engine import Hashed, Network
from sentinel.detectors._classifier_line import Line, line_of
from sentinel.detectors._classifier_network import Layers

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


class Classifier:
    """A model: what its heads say of stretches of a text, and what the answer came from. Thread-safe."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.heads = weights.heads
        self.version = weights.version
        self._hashed = Hashed(weights.table)
        self._network = Network(weights.layers)

    @classmethod
    def shipped(cls, name: str) -> Classifier:
        """Raises FileNotFoundError where the package lacks the weights."""
        return cls(load(name))

    def judge(self, text: str, places: Sequence[tuple[int, int]]) -> list[tuple[float, ...] | None]:
        """Of each stretch start..end of the text, the calibrated probability of each head; None where it
        holds no word. Words belong to the stretch that they begin in. MAX_CHARS of the text are read."""
        line = line_of(text)
        bounds = line.bounds(places)
        told = bounds[:, 0] < bounds[:, 1]
        if told.all():
            return [*map(tuple, self._probabilities(line, bounds))]
        answers = iter(self._probabilities(line, bounds[told]))
        return [tuple(next(answers)) if each else None for each in told.tolist()]

    def known(self, text: str, places: Sequence[tuple[int, int]]) -> list[float]:
        """See `Line.known`."""
        return line_of(text).known(places)

    def _probabilities(self, line: Line, bounds: NDArray[np.int32]) -> list[list[float]]:
        """Of stretches that have words, of each head."""
        if not len(bounds):
            return []
        w = self._weights
        logits = self._hashed.logits(line.book, bounds)
        logits *= w.scale
        logits += self._network.logits(line.book.rows, bounds)
        scaled = np.maximum(w.calibration[:, 0] * logits + w.calibration[:, 1], -30.0)
        answers: list[list[float]] = (1.0 / (1.0 + np.exp(-scaled))).tolist()
        return answers

    def explain(
        self, text: str, place: tuple[int, int], heads: Sequence[int], since: int = 0
    ) -> list[tuple[tuple[int, int, float], ...]]:
        """For each of these heads, the words from `since` on that spoke most for it: (start, end, share of
        the logit), strongest first, of this stretch of the text. The network's part is told by its slope."""
        line = line_of(text)
        first, last = line.bounds([place])[0].tolist()
        if first >= last:
            return [() for _ in heads]
        asked = np.array(heads, np.int32)
        by_word = self._hashed.shares(line.book, (first, last), asked) * self._weights.scale[asked]
        by_word += self._network.shares(line.book.rows[first:last], asked)
        return [_strongest(line, first, shares, since) for shares in by_word.T]


def _strongest(
    line: Line, first: int, by_word: NDArray[np.float64], since: int
) -> tuple[tuple[int, int, float], ...]:
    told: list[tuple[int, int, float]] = []
    for index in np.argsort(-by_word, kind="stable").tolist():
        if by_word[index] < _NEAR_ZERO or len(told) == EVIDENCE:
            break
        start, end = int(line.starts[first + index]), int(line.ends[first + index])
        if start >= since:
            told.append((start, end, round(float(by_word[index]), 3)))
    return tuple(told)
