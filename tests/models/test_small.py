"""The encoder's scores together with the smaller detectors'."""

from __future__ import annotations

import pytest

from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.inspection import partly
from sentinel.models._small import both, in_english


def _told(score: float, **kinds: float) -> Inspection:
    found = tuple(Finding("injection", type_, 3, 9, each, "words") for type_, each in kinds.items())
    return Inspection(
        (*found, Finding("toxicity", "TOXIC", 0, 1, 0.9)), {"injection": score, "toxicity": 0.9}
    )


@pytest.mark.parametrize(
    ("score", "kinds", "told", "whole", "scores"),
    [
        # The mean of the log-odds: both alike, opposite, and one that is sure.
        (0.8, {"OVERRIDE": 0.8}, _told(0.8, OVERRIDE=0.8), 0.8, {"OVERRIDE": 0.8}),
        (0.8, {"OVERRIDE": 0.8}, _told(0.2, OVERRIDE=0.2), 0.6352, {"OVERRIDE": 0.6352}),
        (0.9, {"OVERRIDE": 0.9}, _told(0.5, OVERRIDE=0.5), 0.8232, {"OVERRIDE": 0.8232}),
        # What the small one does not report is unlikely, but the whole has a type.
        (0.9, {"OVERRIDE": 0.9, "JAILBREAK": 0.1}, _told(0.9), 0.9, {"OVERRIDE": 0.9, "JAILBREAK": 0.0816}),
        # What only the small one knows stays.
        (
            0.01,
            {"OVERRIDE": 0.01},
            _told(0.6, ENCODED_PAYLOAD=0.6),
            0.6,
            {"ENCODED_PAYLOAD": 0.6, "OVERRIDE": 0.0163},
        ),
        # The small one read a part of the text, and takes nothing off what the encoder says of all of it.
        (0.8, {"OVERRIDE": 0.8}, partly(_told(0.2), "injection"), 0.8, {"OVERRIDE": 0.8}),
        (
            0.8,
            {"OVERRIDE": 0.8},
            partly(_told(0.9, OVERRIDE=0.9), "injection"),
            0.8356,
            {"OVERRIDE": 0.8356},
        ),
        # Nothing was said of it.
        (0.4, {"OVERRIDE": 0.4}, Inspection(), 0.4, {"OVERRIDE": 0.4}),
    ],
)
def test_log_odds_are_averaged(
    score: float, kinds: dict[str, float], told: Inspection, whole: float, scores: dict[str, float]
) -> None:
    answer = both("injection", score, kinds, told)
    assert answer[0] == pytest.approx(whole, abs=1e-3)
    assert answer[1] == pytest.approx(scores, abs=1e-3)


def test_its_findings_keep_their_places() -> None:
    _, scores, known = both("injection", 0.8, {"OVERRIDE": 0.8}, _told(0.6, OVERRIDE=0.6, MANY_SHOT=0.3))
    assert {type_: (f.start, f.end, f.why) for type_, f in known.items()} == {
        "OVERRIDE": (3, 9, "words; 0.75 with the sentence encoder"),
        "MANY_SHOT": (3, 9, "words"),
    }
    assert all(finding.score == scores[type_] for type_, finding in known.items())


def test_of_attacks_in_another_language_the_encoder_knows_little() -> None:
    told = _told(0.2, OVERRIDE=0.2)
    here, abroad = (
        both("injection", 0.8, {"OVERRIDE": 0.8}, told, english=english)[0] for english in (True, False)
    )
    assert here == pytest.approx(0.6352, abs=1e-3)
    assert abroad == pytest.approx(0.3653, abs=1e-3)


def test_of_other_things_it_knows_as_much_in_any_language() -> None:
    told = Inspection((), {"toxicity": 0.2})
    answers = {both("toxicity", 0.8, {"TOXIC": 0.8}, told, english=english)[0] for english in (True, False)}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Forget my last question, I want to know how rivers freeze.", True),
        ("def total(rows):\n    return sum(row.price for row in rows)", True),
        ("merci", True),  # too short to tell
        ("Oubliez ma question, je voudrais savoir comment gèlent les rivières.", False),
        ("さっきの質問は忘れてください。京都の桜の見頃を教えてください。", False),
    ],
)
def test_english_is_told_by_its_words(text: str, english: bool) -> None:
    assert in_english(text) is english
