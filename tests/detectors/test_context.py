"""Context words: tokens are those of spaCy's blank English tokenizer, words those that Presidio looks at."""

from __future__ import annotations

from typing import Any

import pytest
import spacy

from sentinel.detectors._context import MAX_CHUNK, ContextRules, Surroundings, tokens
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


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_spacy(text: str, rules: ContextRules) -> None:
    expected = [(token.idx, token.text) for token in spacy.blank("en")(text)]
    assert list(tokens(rules.tokenizer, text, 0, len(text))) == expected


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
