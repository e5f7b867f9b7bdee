from __future__ import annotations

import pytest

from sentinel.telemetry.retry import Backoff


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (0.0, [0.1, 0.2, 0.4, 0.5, 0.5]),
        (0.5, [0.15, 0.3, 0.6, 0.75, 0.75]),
        (0.999999, [0.2, 0.4, 0.8, 1.0, 1.0]),
    ],
)
def test_waits_double_up_to_the_longest_with_jitter(draw: float, expected: list[float]) -> None:
    backoff = Backoff(0.2, 1.0, uniform=lambda: draw)
    assert [backoff.next() for _ in expected] == pytest.approx(expected, rel=1e-5)


def test_a_success_starts_over() -> None:
    backoff = Backoff(0.2, 1.0, uniform=lambda: 0.0)
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() == pytest.approx(0.1)


def test_draws_differ() -> None:
    assert len({Backoff(1.0, 1.0).next() for _ in range(20)}) > 1
