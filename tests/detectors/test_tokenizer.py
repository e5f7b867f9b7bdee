"""Tokens are those of spaCy's blank English tokenizer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import spacy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sentinel.detectors._recognizers import Catalogue
from sentinel.detectors._tokenizer import Tokenizer

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
def tokenizer(catalogue: Catalogue) -> Tokenizer:
    return Tokenizer(catalogue.tokenizer)


@pytest.fixture(scope="module")
def english() -> Any:
    return spacy.blank("en")


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_spacy(text: str, tokenizer: Tokenizer, english: Any) -> None:
    pieces = [piece for chunk in text.split() for piece in tokenizer.split(chunk)]
    assert pieces == [token.text for token in english(text) if not token.is_space]


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
def test_pieces_of_any_chunk_are_those_of_spacy(chunk: str, tokenizer: Tokenizer, english: Any) -> None:
    """But for what spaCy's second pass joins: that is one of the exceptions, once more than with us."""
    ours, theirs = list(tokenizer.split(chunk)), [token.text for token in english(chunk)]
    joined = Counter(theirs) - Counter(ours)
    assume(not any(piece in tokenizer.exceptions for piece in joined))
    assert ours == theirs
