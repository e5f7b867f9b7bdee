"""How well scores tell two classes apart: ROC, precision and recall, and their intervals.

A threshold t calls a row positive when its score is at least t. Every figure comes from the tallies: how many
positive and negative rows each distinct score, from the highest down, would call positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.evaluation.intervals import Estimate

ROUNDS = 1000
SEED = 20_240_229
RATES = (0.01, 0.005)  # false-positive rates at which recall is told

Numbers = NDArray[np.float64]


class Tallies(NamedTuple):
    """True and false positives at each distinct score, ascending; the last are all rows."""

    true: Numbers
    false: Numbers


class Figures(msgspec.Struct, frozen=True):
    """What a ranking is worth. `recall` belongs to `RATES`, as do the thresholds that give them; a threshold
    over 1 says that even the highest score calls too many negative rows."""

    auc: Estimate
    precision: Estimate
    recall: tuple[Estimate, ...]
    thresholds: tuple[float, ...]


class Ranking:
    """Labelled scores in order. Needs a row of each class.

    `clusters[i]` names what row i is a near copy of; a bootstrap takes or leaves a cluster as one.
    """

    def __init__(self, labels: Sequence[int], scores: Sequence[float], clusters: Sequence[str]) -> None:
        order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
        self._positive = np.asarray(labels, dtype=np.float64)[order]
        values = np.asarray(scores, dtype=np.float64)[order]
        self._last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
        self.thresholds: Numbers = values[self._last]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
        self._cluster = np.asarray([numbers[name] for name in clusters])[order]
        self._clusters = len(numbers)
        self.tallies = self._tallies(np.ones(len(values)))

    def _tallies(self, weights: Numbers) -> Tallies:
        true = np.cumsum(weights * self._positive)[self._last]
        false = np.cumsum(weights * (1 - self._positive))[self._last]
        return Tallies(true, false)

    def figures(self, rounds: int = ROUNDS, seed: int = SEED) -> Figures:
        """The figures with percentile intervals of a bootstrap over clusters."""
        here = _statistics(self.tallies)
        draws = []
        chance = np.random.default_rng(seed)
        for _ in range(rounds if self._clusters > 1 else 0):
            drawn = np.bincount(chance.integers(0, self._clusters, self._clusters), minlength=self._clusters)
            tallies = self._tallies(drawn[self._cluster].astype(np.float64))
            if tallies.true[-1] and tallies.false[-1]:
                draws.append(_statistics(tallies))
        low, high = np.percentile(draws, [2.5, 97.5], axis=0) if draws else (here, here)
        auc, precision, *recall = (
            Estimate(float(value), float(bottom), float(top))
            for value, bottom, top in zip(here, low, high, strict=True)
        )
        thresholds = tuple(self.threshold_at(rate) for rate in RATES)
        return Figures(auc, precision, tuple(recall), thresholds)

    def threshold_at(self, rate: float) -> float:
        """The least threshold that calls at most this share of the negative rows positive."""
        place = _place(self.tallies, rate)
        return float(self.thresholds[place]) if place >= 0 else 2.0

    def roc(self, points: int = 200) -> list[tuple[float, float]]:
        """(false-positive rate, recall) from (0, 0) to (1, 1), thinned to about so many points."""
        true, false = self.tallies
        curve = np.column_stack((false / false[-1], true / true[-1]))
        return [(0.0, 0.0), *_thinned(_corners(curve), points)]

    def precision_recall(self, points: int = 200) -> list[tuple[float, float]]:
        """(recall, precision) from the highest threshold down."""
        true, false = self.tallies
        curve = np.column_stack((true / true[-1], true / np.maximum(true + false, 1)))
        return _thinned(curve[true > 0], points)


def auc(tallies: Tallies) -> float:
    """The chance that a positive row has a higher score than a negative one; a tie counts half."""
    true = np.concatenate(([0.0], tallies.true))
    false = np.concatenate(([0.0], tallies.false))
    area = np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)
    return float(area / (true[-1] * false[-1]))


def average_precision(tallies: Tallies) -> float:
    """Mean precision over the recall that each threshold adds; no interpolation."""
    true, false = tallies
    called = true + false
    precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    return float(np.sum(np.diff(true, prepend=0.0) * precision) / true[-1])


def recall_at(tallies: Tallies, rate: float) -> float:
    """Share of positive rows called at the least threshold that keeps the false-positive rate."""
    place = _place(tallies, rate)
    return float(tallies.true[place] / tallies.true[-1]) if place >= 0 else 0.0


def _place(tallies: Tallies, rate: float) -> int:
    allowed = rate * tallies.false[-1] + 1e-9  # 0.01 * 700 is a hair over 7
    return int(np.searchsorted(tallies.false, allowed, side="right")) - 1


def _statistics(tallies: Tallies) -> list[float]:
    return [auc(tallies), average_precision(tallies), *(recall_at(tallies, rate) for rate in RATES)]


def _corners(curve: Numbers) -> Numbers:
    """Without the points on a horizontal or vertical line between their neighbours."""
    if len(curve) < 3:
        return curve
    same = curve[1:] == curve[:-1]
    between = np.any(same[1:] & same[:-1], axis=1)
    return curve[np.concatenate(([True], ~between, [True]))]


def _thinned(curve: Numbers, points: int) -> list[tuple[float, float]]:
    """Points spread over the path's length, ends included, so that steep parts keep their shape."""
    if len(curve) > points:
        steps = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(curve, axis=0)).sum(axis=1))))
        # Half by length, half by number: the corner at few false positives is short and matters most.
        wanted = np.searchsorted(steps, np.linspace(0, steps[-1], points // 2))
        early = np.unique(np.geomspace(1, len(curve), points // 2).astype(int)) - 1
        curve = curve[np.unique(np.concatenate((wanted.clip(0, len(curve) - 1), early, [len(curve) - 1])))]
    return [(round(float(x), 5), round(float(y), 5)) for x, y in curve]
