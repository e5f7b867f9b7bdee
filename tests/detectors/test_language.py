"""The detector `language` with its shipped model."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.background import NO_BACKGROUND
from sentinel.core.errors import ConfigError
from sentinel.detectors.language import LanguageConfig, LanguageDetector


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector(LanguageConfig(), Path())


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The weather is lovely today, shall we go for a walk?", "EN"),
        ("Das Wetter ist heute herrlich, gehen wir spazieren?", "DE"),
        ("Il fait très beau aujourd'hui, on va se promener ?", "FR"),
        ("¿Dónde está la biblioteca municipal, por favor?", "ES"),
        ("今日はとてもいい天気ですから、散歩に行きましょう。", "JA"),
        ("今天天气很好，我们去散步吧。", "ZH"),
        ("आज मौसम बहुत अच्छा है, चलो घूमने चलते हैं।", "HI"),
        ("Сегодня прекрасная погода, пойдём гулять?", "RU"),
        ("Сьогодні чудова погода, ходімо гуляти?", "UK"),
        ("Het is vandaag prachtig weer, zullen we gaan wandelen?", "NL"),
    ],
)
def test_languages(text: str, language: str, detector: LanguageDetector) -> None:
    (finding,) = detector.inspect(text, NO_BACKGROUND).findings
    assert (finding.type, finding.start, finding.end) == (language, 0, len(text))
    assert 0.5 < finding.score <= 1


def test_a_few_words_are_enough_and_say_how_sure_they_are(detector: LanguageDetector) -> None:
    (short,) = detector.inspect(" merci beaucoup ", NO_BACKGROUND).findings
    assert (short.type, short.start, short.end) == ("FR", 1, 15)
    (unclear,) = detector.inspect("asdf jkl qwer", NO_BACKGROUND).findings
    assert unclear.score < 0.7 < short.score


def test_addresses_and_marks_of_a_page_are_no_language(detector: LanguageDetector) -> None:
    assert detector.inspect("https://example.org/guten/tag <div class='blau'>", NO_BACKGROUND).findings == ()
    (finding,) = detector.inspect("¿Qué es esto? https://the.example/of-the-and", NO_BACKGROUND).findings
    assert finding.type == "ES"


@pytest.mark.parametrize("text", ["", "ok 123", "12 + 34 = 46", "!!!", "\ud800 \udc00"])
def test_too_little_to_tell(text: str, detector: LanguageDetector) -> None:
    assert detector.inspect(text, NO_BACKGROUND).findings == ()


def test_among_a_few() -> None:
    few = LanguageDetector(LanguageConfig(among=("DE", "fr")), Path())
    (finding,) = few.inspect("The weather is lovely today, shall we?", NO_BACKGROUND).findings
    assert finding.type in ("DE", "FR")
    assert few.version != LanguageDetector(LanguageConfig(), Path()).version


def test_an_unknown_code() -> None:
    with pytest.raises(ConfigError, match=r"no such language: xq; known are af, am, ar"):
        LanguageDetector(LanguageConfig(among=("xq", "de")), Path())
