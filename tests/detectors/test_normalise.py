from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.detectors._normalise import context_start, has_look_alike, normalised, unusual, word_start


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("４１１１", "4111"),
        ("٤١١", "411"),
        ("5\u200b3\u200d6", "536"),
        ("\u202e12\u202c", "12"),
        ("536–90–4399", "536-90-4399"),
        ("ｊａｎｅ＠example．com", "jane@example.com"),
        ("jаne@example.com", "jane@example.com"),  # Cyrillic а
        ("① ﬁ", "1 fi"),
        ("𝟒𝟏", "41"),
    ],
)
def test_disguises(text: str, plain: str) -> None:
    made = normalised(text)
    assert made is not None and made.text == plain


@pytest.mark.parametrize(
    "text", ["plain", "né", "don’t “quote” …", "слово.со", "привет", "中文", "naïve café"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert normalised(text) is None


def test_places_map_back() -> None:
    text = "a\u200b\u200b１２ b"
    made = normalised(text)
    assert made is not None and made.text == "a12 b"
    assert made.original(1, 3) == (3, 5)
    assert made.original(0, 1) == (0, 1)
    assert made.original(4, 5) == (6, 7)


CHARACTERS = st.text("ab1@.-４é\u2013\u2014\u200bа\u043dя“中 \n", max_size=12)


def plain(text: str) -> str:
    made = normalised(text)
    return text if made is None else made.text


@given(CHARACTERS, CHARACTERS)
def test_what_becomes_of_a_character_depends_on_its_word_alone(left: str, right: str) -> None:
    assert plain(f"{left} {right}") == f"{plain(left)} {plain(right)}"


@given(CHARACTERS, CHARACTERS)
def test_usual_text_stays_whatever_follows(text: str, rest: str) -> None:
    if not unusual(text) and not has_look_alike(text):
        assert plain(text + rest).startswith(text)


def test_word_start() -> None:
    assert [word_start("ab c", place) for place in range(5)] == [0, 0, 0, 3, 3]


def test_a_word_ends_where_a_script_without_white_space_begins() -> None:
    assert plain("中α文abc") == "中α文abc"
    assert plain("邮箱jаne@example.com") == "邮箱jane@example.com"


@given(st.text("ab1-é–​а中 ", max_size=12), st.text("ab1-é–​а中 ", max_size=200))
def test_what_is_behind_a_place_reads_the_same_from_its_context_on(left: str, middle: str) -> None:
    text = left + middle
    place = len(text) // 2
    begin = context_start(text, place)
    assert plain(text).endswith(plain(text[begin:]))
