"""Calibration by hand."""

from __future__ import annotations

import pytest

from sentinel.evaluation.calibration import calibration


def test_by_hand() -> None:
    found = calibration([1, 0, 0, 1], [0.95, 0.85, 0.05, 1.0])
    # Bins: 0.0-0.1 (0.05, share 0), 0.8-0.9 (0.85, share 0), 0.9-1.0 (0.975, share 1).
    assert [(each.rows, each.share) for each in found.bins] == [(1, 0.0), (1, 0.0), (2, 1.0)]
    assert found.ece == pytest.approx((0.05 + 0.85 + 2 * 0.025) / 4)
    assert found.brier == pytest.approx((0.05**2 + 0.85**2 + 0.05**2) / 4)
    assert found.brier_base == 0.25


def test_a_score_that_says_the_share_is_calibrated() -> None:
    labels = [1] * 3 + [0] * 7
    found = calibration(labels, [0.3] * 10)
    assert found.ece == pytest.approx(0.0)
    assert found.brier == pytest.approx(found.brier_base)
