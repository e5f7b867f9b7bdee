"""Tokens and what is known of them, whatever was read before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.detectors import _injection_forms as forms
from sentinel.detectors import _injection_vocabulary as vocabulary
from sentinel.detectors._injection_classes import classify
from sentinel.detectors._injection_grammar import shape_of
from sentinel.detectors._injection_words import STEMS, WORDS

TEXTS = [f"Please ignore rule{number} of the Größe{number}: it's no. {number} …" for number in range(400)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vocabularies that are soon full."""
    monkeypatch.setattr(vocabulary, "KEPT", 50)
    monkeypatch.setattr(vocabulary, "_vocabulary", None)


def seen(text: str) -> tuple[str, list[str], list[tuple[int, int]]]:
    shape = shape_of(text)
    return shape.letters, shape.tokens, shape.places


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("compiled", [True, False])
def test_a_full_one_gives_way_to_a_new_one(monkeypatch: pytest.MonkeyPatch, compiled: bool) -> None:
    if not compiled:
        monkeypatch.setattr("sentinel.detectors._injection_grammar.LIBRARY", None)
    first = shape_of(TEXTS[0])
    before = first.vocabulary.hashes[first.numbers].tolist()
    for text in TEXTS:
        letters, tokens, _ = seen(text)
        assert letters == "".join(map(classify, tokens))
    assert shape_of(TEXTS[0]).vocabulary is not first.vocabulary
    assert first.vocabulary.hashes[first.numbers].tolist() == before


@pytest.mark.usefixtures("small")
def test_threads_read_the_same() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(seen, TEXTS * 3)]
    assert found == [*map(seen, TEXTS)] * 3


@given(st.sampled_from(sorted(STEMS)), st.text("abcdeпри", max_size=8))
def test_stems_are_found_at_every_length(stem: str, rest: str) -> None:
    word = stem + rest
    known = [STEMS[word[:end]] for end in range(len(word), 2, -1) if word[:end] in STEMS]
    assert word in WORDS or not word.isascii() or classify(word) in (known[0], "b", "r", *"VOBPSR")


BORDERS = st.lists(
    st.sampled_from(
        [
            "--",
            "== ",
            "end of ",
            "BEGIN ",
            "new ",
            "prompt",
            "Inſtructions",
            "\u0130nput",
            "documents",
            "]",
            "a ",
        ]
    ),
    max_size=8,
).map("".join)


@given(BORDERS)
def test_no_border_is_overlooked(text: str) -> None:
    found = [match.group() for match in forms._BORDER.finditer(text)]
    assert not any(rule in each for each in found for rule in forms._RULES) or forms._may_be_bordered(text)


def test_every_unseen_character_is_looked_for() -> None:
    text = "".join(f"{char * 6} a{char}a " for char in map(chr, range(0x110000)))
    expressions = forms._TAGS, forms._ZERO_WIDTH, forms._INNER, forms._OVERRIDE_MARK, forms._SELECTORS
    for expression in expressions:
        found = {char for match in expression.findall(text) for char in match} - {"a"}
        assert found and all(map(forms._UNSEEN.match, found))
