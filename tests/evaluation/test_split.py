"""What is held out stays held out: the rule must not change once something was trained by it."""

from __future__ import annotations

import pytest

from sentinel.evaluation.split import held_out


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [("text1", False), ("text3", True), ("text5", True), ("", False), ("\ud800", False)],
)
def test_known_clusters(cluster: str, expected: bool) -> None:
    assert held_out(cluster) is expected


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [("text1", False), ("text3", False), ("text5", True), ("text8", True), ("", True), ("\ud800", True)],
)
def test_known_clusters_of_names(cluster: str, expected: bool) -> None:
    assert held_out(cluster, "pii") is expected


def test_about_a_fifth_is_held_out() -> None:
    for area in ("", "pii"):
        share = sum(held_out(f"text{number}", area) for number in range(20_000)) / 20_000
        assert share == pytest.approx(0.2, abs=0.01)
