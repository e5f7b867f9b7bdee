"""The detector `sentiment` with its shipped weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.background import NO_BACKGROUND
from sentinel.core.finding import Inspection
from sentinel.detectors.sentiment import LIKELY, SentimentConfig, SentimentDetector


@pytest.fixture(scope="module")
def detector() -> SentimentDetector:
    return SentimentDetector(SentimentConfig(), Path())


@pytest.mark.parametrize(
    ("sentence", "type_"),
    [
        ("I love this, thank you!", "POSITIVE"),
        ("This is not good at all.", "NEGATIVE"),
        ("I hate waiting, it is awful.", "NEGATIVE"),
        ("Honestly, I could not be happier with how it turned out.", "POSITIVE"),
        ("Third time this week that the parcel went to the wrong house.", "NEGATIVE"),
        ("The table has four legs.", None),
        ("Kill the process and read the error log.", None),
        ("The epidemic caused forty deaths in the region in 1871.", None),
    ],
)
def test_feelings(sentence: str, type_: str | None, detector: SentimentDetector) -> None:
    text = f"I love you. {sentence} "
    answer = detector.inspect(text, 11, NO_BACKGROUND)
    assert [finding.type for finding in answer.findings] == ([type_] if type_ else [])
    assert (answer.scores["sentiment"] >= LIKELY) == (type_ == "NEGATIVE")
    for finding in answer.findings:
        assert text[finding.start : finding.end] == sentence
        assert finding.score >= LIKELY


def test_a_finding_tells_its_words(detector: SentimentDetector) -> None:
    text = "We waited two hours. The soup was cold and the waiter was rude."
    (finding,) = detector.inspect(text, 20, NO_BACKGROUND).findings
    assert (finding.type, finding.start, finding.end) == ("NEGATIVE", 21, len(text))
    assert "rude" in {text[start:end] for start, end, _ in finding.evidence}
    assert "ill" in finding.why


@pytest.mark.parametrize(
    "text",
    ["Das war wirklich furchtbar!", "أكره هذا، إنه فظيع!", "本当に最高でした!", "!!!", "😡😡", " ", ""],
)
def test_other_languages_and_bare_signs_say_nothing(text: str, detector: SentimentDetector) -> None:
    assert detector.inspect(text, 0, NO_BACKGROUND) == Inspection()


def test_all_sentences_at_once_as_one_by_one(detector: SentimentDetector) -> None:
    text = "Thank you so much! The train leaves at nine. I hate this endless delay.\n... \nWhat now?"
    places = [(0, 18), (18, 44), (44, 71), (71, 76), (76, len(text))]
    together = detector.inspect_sentences(text, places, NO_BACKGROUND)
    assert together == [detector.inspect(text[:end], start, NO_BACKGROUND) for start, end in places]
    assert [len(each.findings) for each in together] == [1, 0, 1, 0, 0]
    assert together[3] == Inspection()
