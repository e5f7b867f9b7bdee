"""The detector `toxicity` with its shipped weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.background import NO_BACKGROUND
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._sentences import sentences
from sentinel.detectors.inspection import inspect_sentence, inspect_whole
from sentinel.detectors.toxicity import FLAGGED, ToxicityConfig, ToxicityDetector


@pytest.fixture(scope="module")
def detector() -> ToxicityDetector:
    return ToxicityDetector(ToxicityConfig(), Path())


def score(detector: ToxicityDetector, text: str) -> float:
    return inspect_whole(detector, text, NO_BACKGROUND).scores["toxicity"]


def strongest(answer: Inspection, type_: str) -> Finding:
    return max((f for f in answer.findings if f.type == type_), key=lambda f: f.score)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("You are a disgusting, stupid moron.", "INSULT"),
        ("We will hunt you down and kill you.", "THREAT"),
        ("Those immigrants are vermin, all of them.", "IDENTITY_ATTACK"),
        ("fuck you, asshole", "OBSCENE"),
        ("You are a m o r o n and a stup1d idi0t.", "INSULT"),
    ],
)
def test_abuse_and_its_kind(text: str, kind: str, detector: ToxicityDetector) -> None:
    answer = inspect_whole(detector, text, NO_BACKGROUND)
    assert strongest(answer, "TOXIC").score >= FLAGGED
    assert strongest(answer, kind).score >= 0.5


@pytest.mark.parametrize(
    ("abuse", "harmless"),
    [
        ("You are an idiot.", "You are not an idiot."),
        ("I will kill you.", "I will kill the process."),
        ("Muslims are terrorists.", "It is hateful to say that Muslims are terrorists."),
        ("You are such an idiot.", "I am such an idiot, I forgot my keys."),
        ("Go away, you moron.", "My boss called me a moron and I cried."),
        ("We will burn down your house.", "The police arrested him for a threat to burn down a house."),
    ],
)
def test_what_is_said_counts_over_its_words(abuse: str, harmless: str, detector: ToxicityDetector) -> None:
    assert score(detector, harmless) < FLAGGED
    assert score(detector, abuse) > score(detector, harmless) + 0.2


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France, and how far is it from Berlin?",
        "Please kill the zombie processes and drop the test table.",
        "My cousin be working late every night, she tired fr.",
        "I am a lesbian and my wife is a nurse.",
        "This is fucking brilliant, thank you!",
        "def kill(self, signal): os.kill(self.pid, signal)",
        "Los perros duermen en la casa blanca.",
    ],
)
def test_ordinary_talk_is_left_alone(text: str, detector: ToxicityDetector) -> None:
    assert score(detector, text) < FLAGGED


def test_a_finding_lies_in_its_sentence_and_tells_its_words(detector: ToxicityDetector) -> None:
    text = "The train left at nine.  You are a pathetic moron!\n\nBreakfast was good, and the coffee was hot."
    finding = strongest(inspect_whole(detector, text, NO_BACKGROUND), "TOXIC")
    assert text[finding.start : finding.end] == "You are a pathetic moron!"
    assert finding.evidence
    assert "moron" in {text[start:end] for start, end, _ in finding.evidence}
    weights = [weight for _, _, weight in finding.evidence]
    assert weights == sorted(weights, reverse=True)
    assert str(FLAGGED) in finding.why and "toxic" in finding.why and "moron" not in finding.why


@pytest.mark.parametrize(
    "text",
    [
        "You are late. You are a moron. Go home, fool! And take your dog.",
        "Fine.\nI will\u200b kill you，okay? 你好？再见。 ＹＯＵ ＩＤＩＯＴ! x"
        + " and so on" * 700
        + ". You fool.",
        "word" * 600 + " you idiot",
        "   \n\n ...",
    ],
)
def test_all_sentences_at_once_say_what_each_says(text: str, detector: ToxicityDetector) -> None:
    places = list(sentences(text, 0, final=True))
    together = detector.inspect_sentences(text, places, NO_BACKGROUND)
    assert together == [inspect_sentence(detector, text, *place, NO_BACKGROUND) for place in places]


def test_unsure_between_the_bounds() -> None:
    text = "You are a pathetic moron!"
    for low, high, unsure in ((0.0, 1.0, ("toxicity",)), (0.0, 0.1, ())):
        config = ToxicityConfig(unsure_from=low, unsure_to=high)
        assert inspect_whole(ToxicityDetector(config, Path()), text, NO_BACKGROUND).unsure == unsure


def test_nothing_to_read(detector: ToxicityDetector) -> None:
    assert inspect_whole(detector, " ... ", NO_BACKGROUND) == Inspection()
