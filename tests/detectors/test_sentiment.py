from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sentinel.core.background import NO_BACKGROUND
from sentinel.core.errors import ConfigError
from sentinel.detectors.sentiment import SentimentConfig, SentimentDetector


@pytest.mark.parametrize(
    ("sentence", "type_"),
    [
        ("I love this, thank you!", "POSITIVE"),
        ("This is not good at all.", "NEGATIVE"),
        ("I hate waiting, it is awful.", "NEGATIVE"),
        ("The table has four legs.", None),
    ],
)
def test_feelings(sentence: str, type_: str | None) -> None:
    detector = SentimentDetector(SentimentConfig(), Path())
    text = f"I love you. {sentence} "
    answer = detector.inspect(text, 11, NO_BACKGROUND)
    assert [finding.type for finding in answer.findings] == ([type_] if type_ else [])
    assert (answer.scores["sentiment"] > 0) == (type_ == "NEGATIVE")
    for finding in answer.findings:
        assert text[finding.start : finding.end] == sentence


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", None)
    with pytest.raises(ConfigError, match="pip install"):
        SentimentDetector(SentimentConfig(), Path())
