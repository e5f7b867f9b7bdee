"""Context words are those that Presidio looks at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.detectors._context import FURTHEST, MAX_CHUNK, ContextRules, Surroundings
from sentinel.detectors._recognizers import Catalogue
from tests.detectors.test_tokenizer import TEXTS


@pytest.fixture(scope="module")
def rules(catalogue: Catalogue) -> ContextRules:
    return ContextRules(catalogue.context, catalogue.tokenizer)


@pytest.mark.parametrize("text", [text for text in TEXTS if text.strip()])
def test_words_are_those_of_presidio(text: str, rules: ContextRules) -> None:
    from presidio_analyzer import LemmaContextAwareEnhancer

    from bench.presidio import BlankNlpEngine

    artifacts: Any = BlankNlpEngine().process_text(text, "en")
    around = Surroundings(rules, text)
    for place in range(len(text)):
        if not text[place].isspace():
            expected = LemmaContextAwareEnhancer()._extract_surrounding_words(artifacts, text[place:], place)
            assert set(around.words(place)) == set(expected), place


@pytest.mark.parametrize(
    ("text", "value", "word"),
    [
        ("my email address: X", "X", "email"),
        ("email a b c d e f g hi jk lm X", "X", ""),
        ("creditcard X", "X", "card"),
        ("X card", "X", ""),  # nothing after the match counts
        ("cardX", "X", "card"),  # its own token does
        ("card " + "the of and to " * 30 + "X", "X", "card"),  # stop words do not count as distance
    ],
)
def test_supporting_word(text: str, value: str, word: str, rules: ContextRules) -> None:
    assert Surroundings(rules, text).supporting(text.index(value), ("email", "card")) == word


def test_a_long_chunk_is_cut(rules: ContextRules) -> None:
    text = "card " + "x-" * (5 * MAX_CHUNK)
    assert len(Surroundings(rules, text).words(len(text) - 1)) <= 7


WORDS = [
    *("my", "card", "is", "x-1", "5km", ":", "US$5", "né", "\n", "(MAC:", "1e:8e", "10.0.0.1,", '"ssn":'),
    *("email:", "don't", "a,b", "e.g.", "U.S.", "cannot", "[2024-01-02T03:04:05Z]", "a:b", "(1.5", "..."),
]
running = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


def shown(words: list[str]) -> list[str]:
    """White space is a word too, and may grow; no context word has any."""
    return [word.strip() for word in words]


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(text=running, rest=st.sampled_from(["", " "]).flatmap(lambda gap: running.map(gap.__add__)))
def test_what_is_decided_stays_whatever_follows(text: str, rest: str, rules: ContextRules) -> None:
    for place in range(len(text)):
        end = min(place + 3, len(text))
        if not text[place].isspace() and not Surroundings(rules, text).undecided(place, end):
            now, later = Surroundings(rules, text), Surroundings(rules, text + rest)
            assert shown(now.words(place)) == shown(later.words(place)), place


def test_a_place_is_decided_when_its_keyword_has_ended(rules: ContextRules) -> None:
    text = "my card is (4111 at"
    for place, word in ((text.index("4111"), "4111"), (text.index("("), "(4111")):
        end = place + len(word)
        assert Surroundings(rules, text[:end]).undecided(place, end)
        assert not Surroundings(rules, text[: end + 1]).undecided(place, end)


def test_what_stands_far_before_does_not_count(rules: ContextRules) -> None:
    for distance, word in ((FURTHEST - 100, "card"), (FURTHEST + 1000, "")):
        text = "card " + "the " * (distance // 4) + "X"
        assert Surroundings(rules, text).supporting(len(text) - 1, ("card",)) == word


def test_what_stands_far_behind_does_not_count(rules: ContextRules) -> None:
    for gap, words in ((FURTHEST - 100, ["card"]), (FURTHEST + 100, [])):
        text = "a:1 " + "b:2 " * (gap // 4) + "card"
        assert Surroundings(rules, text).words(0) == words
        assert Surroundings(rules, text).undecided(0, 3) is (words == ["card"])


class Unsaid(str):
    """No keyword; counts how often it is looked at."""

    looked = 0

    def __bool__(self) -> bool:
        Unsaid.looked += 1
        return False


def test_each_place_looks_at_what_is_near_alone(catalogue: Catalogue) -> None:
    class Rules(ContextRules):
        def keywords(self, chunk: str) -> tuple[tuple[int, str], ...]:
            return tuple((end, Unsaid()) for end, _ in super().keywords(chunk))

    text = "a:b," * 20_000
    around = Surroundings(Rules(catalogue.context, catalogue.tokenizer), text)
    places = range(0, len(text), len(text) // 20)
    for place in places:
        assert around.words(place) == []
    assert Unsaid.looked <= len(places) * 8 * FURTHEST
