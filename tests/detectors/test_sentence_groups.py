"""Which sentences are read at once."""

from __future__ import annotations

import pytest

from sentinel.detectors._sentence_groups import groups


@pytest.mark.parametrize(
    ("text", "places", "grouped"),
    [
        ("", [], []),
        ("One. Two.", [(0, 4), (4, 9)], [[(0, 4), (4, 9)]]),
        ("好。是。", [(0, 2), (2, 4)], [[(0, 2)], [(2, 4)]]),
        ("One.\nTwo.", [(0, 5), (5, 9)], [[(0, 5), (5, 9)]]),
        ("a " * 2000, [(0, 2000), (2000, 2900), (2900, 4000)], [[(0, 2000), (2000, 2900)], [(2900, 4000)]]),
        ("a " * 4000, [(0, 8000)], [[(0, 8000)]]),
    ],
)
def test_groups(text: str, places: list[tuple[int, int]], grouped: list[list[tuple[int, int]]]) -> None:
    assert list(groups(text, places)) == grouped
