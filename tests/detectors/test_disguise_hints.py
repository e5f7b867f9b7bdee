"""What a reading finds it finds behind its hint: no text in which the full reading sees anything is left
unread."""

from __future__ import annotations

import base64
import random
import re
import string
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors import _disguise_hints as hints
from sentinel.detectors import _disguise_values as values
from sentinel.detectors import _disguise_views as views
from sentinel.detectors._disguise_hints import Hints, stand_in
from sentinel.detectors._disguise_values import addresses
from sentinel.detectors._disguise_views import DIGIT_WORDS, encoded
from sentinel.detectors._recognizers import Catalogue
from sentinel.detectors.disguises import DisguiseReader
from sentinel.detectors.pii import PiiConfig
from tests.detectors.generate import Generator
from tests.detectors.test_disguises import SPELLED, VALUES, WRITTEN

EVERY_HINT = -1
# What expressions of the readings look for, and what stands beside it in other texts.
PIECES = [
    *"0149aezAQZ@.,:;-_*/|~+()[]{}<>%&\\\"'=",
    *" \n\r\t\x1c\xa0\u2003\u200b\u0301\u00ad\u00b7–—…’°²½é٣１٫ßſıİ\u212aЖ中😀\U00010107\ud800",
    "at", "AT", "dot", "arroba", "punto", "punkt", "pun\u212at", "dash", "space", "double", "plus",
    *("one", "two", "zwei", "sept", "fünf", "zéro", "nıne", "ſix", "TEN", "twenty", "oh", "un"),
    "%40", "%25", "%2", "&#64;", "&commat;", "&#x40;", "\\u0040", "\\x40", "\\u{40}", "0x", "\\x",
    "4111", "1111", "536", "22", "8726", "GB", "82", "WEST", "DE", "89", "3704", "jane", "example", "com",
    "aB", "a1", "1a", "1A", "ABc", "deadbeef", "6a616e65", "406578", "amFuZUBleGFtcGxlLmNvbQ", "==",
    "GEYTCMJR", "NJQW4ZKA", "the", "of", "I", "a",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join)
hidden = st.builds(
    lambda value, inner, outer: outer(inner(value)),
    st.sampled_from(list(VALUES.values())),
    st.sampled_from([str, *WRITTEN.values(), *SPELLED.values()]),
    st.sampled_from([str, str, *WRITTEN.values()]),
)
EXPRESSIONS = {
    hints.NUMBER: (values._RUN,),
    hints.SPACED: (views._MANY_LETTERS,),
    hints.SPELLED: (views._SPELLED,),
    hints.ESCAPED: (views._PERCENT, views._ENTITY, views._ESCAPE),
    hints.BASE32: (views._BASE32,),
}
AT, DOT = (re.compile(expression, re.IGNORECASE) for expression in (values._AT, values._DOT))
CODES: dict[int, Callable[[bytes], str]] = {
    hints.BASE64: lambda said: base64.urlsafe_b64encode(said).decode(),
    hints.HEX: lambda said: "_" + said.hex("-") + "_123456",
}
AGAIN = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sought(catalogue: Catalogue, cache_dir: Path) -> Hints:
    return Hints(DIGIT_WORDS, catalogue.named()["IbanRecognizer"].tables["iban"], cache_dir)


@pytest.fixture(scope="module")
def reader(cache_dir: Path) -> DisguiseReader:
    return DisguiseReader(PiiConfig(), cache_dir)


@pytest.fixture(scope="module")
def thorough(cache_dir: Path) -> DisguiseReader:
    """One that tries every reading on every text."""
    made = DisguiseReader(PiiConfig(), cache_dir)
    made._hints = SimpleNamespace(of=lambda _text: EVERY_HINT)  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("hint", EXPRESSIONS)
@given(data=st.data(), before=texts, after=texts)
@AGAIN
def test_what_the_expression_of_a_reading_matches_has_its_hint(
    sought: Hints, hint: int, data: st.DataObject, before: str, after: str
) -> None:
    for expression in EXPRESSIONS[hint]:
        text = before + data.draw(st.from_regex(expression)) + after
        if expression.search(text):
            assert sought.of(text) & hint


@AGAIN
@given(st.from_regex(AT, fullmatch=True), st.from_regex(DOT, fullmatch=True), texts)
def test_an_address_has_its_hint(sought: Hints, catalogue: Catalogue, at: str, dot: str, after: str) -> None:
    text = f"jane{at}example{dot}com {after}"
    if any(addresses(text, catalogue.named()["EmailRecognizer"])):
        assert sought.of(text) & hints.ADDRESS


@AGAIN
@given(before=texts, said=st.text(min_size=4, max_size=12), after=texts, code=st.sampled_from(list(CODES)))
def test_an_encoded_text_has_its_hint(sought: Hints, before: str, said: str, after: str, code: int) -> None:
    text = before + CODES[code](said.encode("utf-8", "ignore")) + after
    if any(encoded(text, code)):
        assert sought.of(text) & code


@AGAIN
@given(before=texts, value=hidden, after=texts)
def test_hints_hide_no_finding(
    reader: DisguiseReader, thorough: DisguiseReader, before: str, value: str, after: str
) -> None:
    for text in (before + value + after, f"{before} {value} {after}"):
        assert reader.inspect(text, NO_BACKGROUND) == thorough.inspect(text, NO_BACKGROUND)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (hints.ADDRESS, "jane [arroba] example.com"), (hints.ADDRESS, "jane at example(  .  )com"),
        (hints.SPACED, "a  @   b c d e f"), (hints.SPACED, "a···@··b c d e f"), (hints.SPACED, "a·b–c·d—e·f"),
        (hints.NUMBER, "4 – 1 – 1 – 1 – 1 – 1 – 1 – 1 – 1"), (hints.NUMBER, "1.(1) 1, 1; 1: 1~ 1+ 1*' 1\"1"),
        (hints.SPELLED, "four–five"), (hints.SPELLED, "four minus, 5"), (hints.SPELLED, "ſıx,   zéro"),
        (hints.ESCAPED, "&lt;"), (hints.ESCAPED, "\\u{a}"), (hints.ESCAPED, "\\xe9"),
        (hints.BASE64, "abcdefgH"), (hints.BASE64, "aBcdefgh"), (hints.BASE64, "a1_/+-23"),
        (hints.HEX, "0x31, 0x32, 0x33, 0x34, 0x35, 0x36"), (hints.HEX, r"\x31\x32\x33\x34\x35\x36"),
        (hints.BASE32, "ABCDEFGHIJKLMNOP"),
    ],
)  # fmt: skip
def test_the_least_that_has_a_hint(sought: Hints, hint: int, text: str) -> None:
    assert sought.of(text) & hint


@pytest.mark.parametrize("place", range(0, 4))
def test_the_accounts_of_every_country_have_a_hint(catalogue: Catalogue, sought: Hints, place: int) -> None:
    chooser, generator = random.Random(place), Generator(place)
    for country, expression in catalogue.named()["IbanRecognizer"].tables["iban"].items():
        bare = generator.value(expression).replace(" ", "")
        apart = "".join(char + chooser.choice(("", "", " ", "-", " – ", "·")) for char in bare)
        assert bare.startswith(country)
        for account in (bare, bare.lower(), apart, bare[:2] + "٣٣" + bare[2:]):
            assert sought.of(f"number 123456789 and {account}.") & hints.ACCOUNT, account


def test_characters_stand_for_what_the_readings_take_them_for() -> None:
    beyond = "".join(map(chr, range(128, sys.maxunicode + 1)))
    letters = set(string.ascii_letters + string.digits)
    assert {stand_in(char) for char in re.findall(r"\d", beyond)} == {"0"}
    for module in (re, regex):
        assert {stand_in(char) for char in module.findall(r"\s", beyond)} == {" "}
    assert {stand_in(char) for char in re.findall(r"[^\W_]", beyond)} <= letters
    assert {stand_in(char) for char in re.findall(r"[\W_]", beyond)}.isdisjoint(letters)
    for letter in string.ascii_lowercase:
        for module in (re, regex):
            alike = module.findall(letter, beyond, module.IGNORECASE)
            assert {stand_in(char) for char in alike} <= {letter}


@pytest.mark.parametrize(
    "text",
    [
        "Please explain how the water cycle works, and why it matters to farmers: one or two pages will do.",
        "In 2019 we sold 1,204 units (12.5 % more) at Example Ltd., i.e. 3 daily.",
        "Je voudrais réserver une table pour deux personnes à Genève, s’il vous plaît – vers 20 h 30.",
        "Пожалуйста, объясни, как работает круговорот воды.",
        "",
    ],
)
def test_ordinary_texts_have_no_hint(sought: Hints, text: str) -> None:
    assert sought.of(text) == 0
