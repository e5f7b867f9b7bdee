"""Context words: tokens are those of spaCy's blank English tokenizer, words those that Presidio looks at."""

from __future__ import annotations

from typing import Any

import pytest
import spacy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sentinel.detectors._context import FURTHEST, MAX_CHUNK, ContextRules, Surroundings, tokens
from sentinel.detectors._recognizers import Catalogue

TEXTS = [
    "My card is 4111-1111, isn't it? (I'd say so.)",
    'He said "hello," then left: 10:30 at https://example.com/a?b=c#d.',
    "  two  spaces\n\nand\ttabs \n done",
    "e.g. U.S. Mr. Smith vs. a.m./p.m. don't can't I'll we've",
    "well-known dyn-o-mite-dave 3km 5.5kg $12.50 €30 US$5 100%",
    "jane@example.com 10.0.0.1 2001:db8::1 00:1A:2B:3C:4D:5E a/b and/or x=y <tag>",
    "word... another… (nested (parens)) [list] {set}",
    "Ünïcode wörds, naïve café; 中文 текст.",
    "the:one a:b be:or 1:2",
    "",
    "x",
    " ",
]


@pytest.fixture(scope="module")
def rules(catalogue: Catalogue) -> ContextRules:
    return ContextRules(catalogue.context, catalogue.tokenizer)


@pytest.fixture(scope="module")
def english() -> Any:
    return spacy.blank("en")


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_spacy(text: str, rules: ContextRules, english: Any) -> None:
    expected = [(token.idx, token.text) for token in english(text)]
    assert list(tokens(rules.tokenizer, text, 0, len(text))) == expected


PARTS = [
    *"\"'()[]{}<>.,:;!?-~/=*^+@#$%&_|",
    *(
        "12",
        "2024",
        "a",
        "A",
        "US",
        "Smith",
        "mail",
        "com",
        "Z",
        "km",
        "5g",
        "e8",
        "deffb",
        "..",
        "--",
        "'s",
        "n't",
    ),
    *("1.2.3.4", "http://", "8)", ":1", "10am", "é", "€", "“", "…"),
]


@settings(deadline=None, max_examples=1500, suppress_health_check=list(HealthCheck))
@given(chunk=st.lists(st.sampled_from(PARTS), min_size=1, max_size=9).map("".join))
def test_pieces_of_any_chunk_are_those_of_spacy(chunk: str, rules: ContextRules, english: Any) -> None:
    assume(not any(emoticon in chunk for emoticon in rules.tokenizer.exceptions if not emoticon[0].isalnum()))
    assume(not any(word in chunk for word in ("8)", "8D", "0.", "0_", "8-", "a.", "A.", "-_", "km.")))
    assert list(rules.tokenizer.split(chunk)) == [token.text for token in english(chunk)]


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
