"""Shares and their intervals against published and hand-computed values."""

from __future__ import annotations

import pytest

from sentinel.evaluation.intervals import share, wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)


def test_nothing_tells_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    empty = share([])
    assert (empty.of, empty.low, empty.high) == (0, 0.0, 1.0)


def test_rows_of_their_own_count_each() -> None:
    rows = [(str(number), number < 30) for number in range(100)]
    found = share(rows)
    assert (found.hits, found.of, found.value) == (30, 100, 0.3)
    # 100/99 of the variance of independent rows: one row less, nearly.
    assert (found.low, found.high) == pytest.approx(wilson(29.7, 99), abs=1e-9)


def test_copies_count_once() -> None:
    once = share([(str(number), number < 30) for number in range(100)])
    copied = share([(str(number), number < 30) for number in range(100) for _ in range(10)])
    assert (copied.hits, copied.of) == (300, 1000)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_where_none_hits_clusters_count() -> None:
    found = share([(str(number), False) for number in range(50) for _ in range(4)])
    assert (found.value, found.low, found.high) == (0.0, 0.0, wilson(0, 50)[1])
