"""Where sentences end, also in a text that arrives in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.detectors._sentences import LONGEST, sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, 0, final=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", " Two!", " Three?"]),
        ('He said "no." Then left.', ['He said "no."', " Then left."]),
        ("Pi is 3.14, v1.2.3 too", ["Pi is 3.14, v1.2.3 too"]),
        ("a line\nanother", ["a line\n", "another"]),
        ("これは文です。次の文です。", ["これは文です。", "次の文です。"]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_a_text_without_ends_is_cut() -> None:
    assert [len(each) for each in split("word " * 450)] == [LONGEST, LONGEST, 250]


@given(st.text('ab.!?。\n ")', max_size=60), st.lists(st.integers(1, 9), max_size=20))
def test_pieces_have_the_same_sentences(text: str, sizes: list[int]) -> None:
    found: list[tuple[int, int]] = []
    seen = start = 0
    for size in sizes:
        seen = min(len(text), seen + size)
        for place in sentences(text[:seen], start, final=False):
            found.append(place)
            start = place[1]
    found += sentences(text, start, final=True)
    assert found == list(sentences(text, 0, final=True))
