from __future__ import annotations

import sys
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
    ],
)
def test_languages(text: str, language: str, detector: LanguageDetector) -> None:
    (finding,) = detector.inspect(text, NO_BACKGROUND).findings
    assert (finding.type, finding.start, finding.end) == (language, 0, len(text))
    assert 0.5 < finding.score <= 1


def test_too_little_to_tell(detector: LanguageDetector) -> None:
    assert detector.inspect("ok 123", NO_BACKGROUND).findings == ()


def test_among_a_few() -> None:
    few = LanguageDetector(LanguageConfig(among=("de", "fr")), Path())
    (finding,) = few.inspect("The weather is lovely today, shall we?", NO_BACKGROUND).findings
    assert finding.type in ("DE", "FR")


def test_an_unknown_code() -> None:
    with pytest.raises(ConfigError, match="xq"):
        LanguageDetector(LanguageConfig(among=("xq",)), Path())


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(ConfigError, match="pip install"):
        LanguageDetector(LanguageConfig(), Path())
