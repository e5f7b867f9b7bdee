"""Whether a score of 0.8 means that eight of ten such texts are bad."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sentinel.evaluation.intervals import wilson

BINS = 10


class Bin(msgspec.Struct, frozen=True):
    """Rows whose scores lie in one tenth of [0, 1]: how many, their mean score, the share that is positive
    with its 95 % interval."""

    rows: int
    score: float
    share: float
    low: float
    high: float


class Calibration(msgspec.Struct, frozen=True):
    """`ece`: expected calibration error, the mean distance of score and share over bins, weighted by their
    rows. `brier`: mean squared distance of score and label; `brier_base`: that of a score that is always the
    share of positives. All depend on how common positives are in the rows."""

    ece: float
    brier: float
    brier_base: float
    bins: tuple[Bin, ...]


def calibration(labels: Sequence[int], scores: Sequence[float]) -> Calibration:
    """Over `BINS` bins of equal width; empty ones are left out. Needs a row."""
    tallies = [[0, 0.0, 0] for _ in range(BINS)]
    squares = 0.0
    for label, score in zip(labels, scores, strict=True):
        tally = tallies[min(BINS - 1, max(0, int(score * BINS)))]
        tally[0] += 1
        tally[1] += score
        tally[2] += label
        squares += (score - label) ** 2
    bins = tuple(_bin(int(rows), total, int(positive)) for rows, total, positive in tallies if rows)
    count = len(labels)
    base = sum(labels) / count
    return Calibration(
        ece=sum(each.rows * abs(each.score - each.share) for each in bins) / count,
        brier=squares / count,
        brier_base=base * (1 - base),
        bins=bins,
    )


def _bin(rows: int, total: float, positive: int) -> Bin:
    return Bin(rows, total / rows, positive / rows, *wilson(positive, rows))
