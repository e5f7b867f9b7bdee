"""The detector `language` with its shipped model."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.background import NO_BACKGROUND
from sentinel.core.errors import ConfigError
from sentinel.detectors._language_model import LanguageModel
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
    (unclear,) = detector.inspect("hotel", NO_BACKGROUND).findings
    assert unclear.score < 0.5 < short.score


def test_addresses_and_marks_of_a_page_are_no_language(detector: LanguageDetector) -> None:
    assert detector.inspect("https://example.org/guten/tag <div class='blau'>", NO_BACKGROUND).findings == ()
    (finding,) = detector.inspect("¿Qué es esto? https://the.example/of-the-and", NO_BACKGROUND).findings
    assert finding.type == "ES"
    behind = f"{'https://example.org/' * 50} Das Wetter ist heute herrlich."
    (finding,) = detector.inspect(behind, NO_BACKGROUND).findings
    assert finding.type == "DE"


@pytest.mark.parametrize(
    "text", ["今天天气很好@ming我们一起去公园散步吧", "请发邮件到a@b.example告诉我们您的意见谢谢"]
)
def test_an_address_between_letters_without_blanks(text: str, detector: LanguageDetector) -> None:
    (finding,) = detector.inspect(text, NO_BACKGROUND).findings
    assert finding.type == "ZH"


def test_letters_of_other_widths_and_broken_ones(detector: LanguageDetector) -> None:
    for text in ("ｔｈｅ ｗｅａｔｈｅｒ ｉｓ ｌｏｖｅｌｙ ｔｏｄａｙ", "the weather is \ud800 lovely today"):
        (finding,) = detector.inspect(text, NO_BACKGROUND).findings
        assert finding.type == "EN"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok 123",
        "12 + 34 = 46",
        "!!!",
        "\ud800\udc00 ab",
        "hi https://example.org/foo",
        "ok <div class='a'>",
    ],
)
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


def test_its_types_are_what_the_model_knows(detector: LanguageDetector) -> None:
    assert detector.types == {code.upper() for code in LanguageModel.shipped().codes}
