"""Each figure against its definition, computed the slow way."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.evaluation.ranking import RATES, Ranking, auc, average_precision, recall_at

LABELS = [1, 1, 0, 1, 0, 0]
SCORES = [0.9, 0.8, 0.8, 0.3, 0.2, 0.1]


def ranking(labels: list[int], scores: list[float], clusters: list[str] | None = None) -> Ranking:
    return Ranking(labels, scores, clusters or [str(number) for number in range(len(labels))])


def test_by_hand() -> None:
    ranked = ranking(LABELS, SCORES)
    # Nine pairs: 0.9 beats three; 0.8 ties one and beats two; 0.3 beats two.
    assert auc(ranked.tallies) == pytest.approx((3 + 2.5 + 2) / 9)
    # 0.9: precision 1; 0.8: 2 of 3; 0.3: 3 of 4; each adds a third of the recall.
    assert average_precision(ranked.tallies) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert recall_at(ranked.tallies, 0.0) == pytest.approx(1 / 3)
    assert recall_at(ranked.tallies, 0.34) == 1.0
    assert (ranked.threshold_at(0.0), ranked.threshold_at(0.34)) == (0.9, 0.3)
    assert ranked.roc() == [
        (0.0, 0.0),
        (0.0, 0.33333),
        (0.33333, 0.66667),
        (0.33333, 1.0),
        (1.0, 1.0),
    ]
    assert ranked.precision_recall()[:2] == [(0.33333, 1.0), (0.66667, 0.66667)]


rows = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5001, 0.9, 1.0])),
    min_size=2,
    max_size=40,
).filter(lambda rows: len({label for label, _ in rows}) == 2)


@given(rows)
def test_the_area_is_the_chance_of_right_order(rows: list[tuple[int, float]]) -> None:
    good = [score for label, score in rows if label]
    bad = [score for label, score in rows if not label]
    wins = sum(Fraction((a > b) * 2 + (a == b), 2) for a in good for b in bad)
    tallies = ranking(*map(list, zip(*rows, strict=True))).tallies
    assert auc(tallies) == pytest.approx(float(wins / (len(good) * len(bad))))


@given(rows, st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 1.0]))
def test_recall_at_a_rate_is_the_best_threshold_that_keeps_it(
    rows: list[tuple[int, float]], rate: float
) -> None:
    good = [score for label, score in rows if label]
    bad = [score for label, score in rows if not label]
    kept = [
        sum(score >= threshold for score in good) / len(good)
        for threshold in {score for _, score in rows}
        if sum(score >= threshold for score in bad) <= rate * len(bad)
    ]
    ranked = ranking(*map(list, zip(*rows, strict=True)))
    assert recall_at(ranked.tallies, rate) == pytest.approx(max(kept, default=0.0))
    threshold = ranked.threshold_at(rate)
    assert sum(score >= threshold for score in good) / len(good) == pytest.approx(max(kept, default=0.0))


@given(rows)
def test_average_precision_is_the_sum_over_thresholds(rows: list[tuple[int, float]]) -> None:
    total, before, positives = 0.0, 0, sum(label for label, _ in rows)
    for threshold in sorted({score for _, score in rows}, reverse=True):
        called = [label for label, score in rows if score >= threshold]
        total += (sum(called) - before) / positives * sum(called) / len(called)
        before = sum(called)
    assert average_precision(ranking(*map(list, zip(*rows, strict=True))).tallies) == pytest.approx(total)


def test_intervals_hold_the_figure_and_are_the_same_each_time() -> None:
    chance = np.random.default_rng(1)
    labels = [int(each) for each in chance.integers(0, 2, 400)]
    scores = [float(label * 0.3 + noise) for label, noise in zip(labels, chance.random(400), strict=True)]
    ranked = ranking(labels, scores)
    figures = ranked.figures(rounds=200)
    assert figures == ranked.figures(rounds=200)
    for estimate in (figures.auc, figures.precision):
        assert estimate.low < estimate.value < estimate.high < estimate.low + 0.15
    assert len(figures.recall) == len(figures.thresholds) == len(RATES)


def test_copies_of_rows_make_no_interval_narrower() -> None:
    """Ten copies of each row in its cluster tell what the rows alone tell."""
    chance = np.random.default_rng(2)
    labels = [int(each) for each in chance.integers(0, 2, 100)]
    scores = [float(label * 0.3 + noise) for label, noise in zip(labels, chance.random(100), strict=True)]
    names = [str(number) for number in range(100)]
    once = ranking(labels, scores, names).figures(rounds=300)
    copied = ranking(labels * 10, scores * 10, names * 10).figures(rounds=300)
    alone = ranking(labels * 10, scores * 10).figures(rounds=300)
    assert copied.auc == once.auc
    assert (alone.auc.high - alone.auc.low) < 0.5 * (copied.auc.high - copied.auc.low)


def test_one_cluster_has_no_interval() -> None:
    figures = ranking(LABELS, SCORES, ["same"] * 6).figures()
    assert figures.auc.low == figures.auc.value == figures.auc.high


def test_a_highest_score_on_a_negative_row_leaves_no_threshold() -> None:
    figures = ranking([0, 1], [0.9, 0.8]).figures(rounds=0)
    assert figures.recall[0].value == 0.0 and figures.thresholds[0] > 1


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    chance = np.random.default_rng(3)
    labels = [int(each) for each in chance.integers(0, 2, 5000)]
    ranked = ranking(labels, [float(score) for score in chance.random(5000)])
    for curve in (ranked.roc(100), ranked.precision_recall(100)):
        assert len(curve) <= 103
        assert [x for x, _ in curve] == sorted(x for x, _ in curve)
        assert curve[-1][0] == 1.0
