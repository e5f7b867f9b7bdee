"""Sentences that are denied, quoted and repeated for a teacher to judge."""

from __future__ import annotations

import random

import pytest

from training.turned import turned


def test_a_sentence_is_denied_or_put_into_another() -> None:
    made = {text for seed in range(300) for text in turned(["You are late."], random.Random(seed))}
    assert "You are not late." in made
    assert "You are hardly late." in made
    assert "Nobody should say that you are late" in made
    assert 'She was told: "You are late."' in made
    assert len(made) > 20
    assert "You are late." not in made


def test_what_is_denied_already_is_not_denied_again() -> None:
    made = {text for seed in range(300) for text in turned(["You aren't late."], random.Random(seed))}
    assert made
    assert not any("not n't" in text or "aren't not" in text or "are not" in text for text in made)


def test_blanks_are_no_sentence() -> None:
    assert [text for seed in range(50) for text in turned(["  ", ""], random.Random(seed))] == []


def test_braces_stay() -> None:
    assert all(
        "{you}" in text for seed in range(99) for text in turned(["{you} are so late"], random.Random(seed))
    )


def test_what_is_said_of_many_is_denied_of_some() -> None:
    made = {text for seed in range(300) for text in turned(["Old cars are loud."], random.Random(seed))}
    assert {"Not all old cars are loud.", "Old cars aren't loud."} <= made


@pytest.mark.parametrize(
    "text",
    [
        "Why are Muslims late?",
        "Nobody should go.",
        "Most women are late.",
        "You are late.",
        "My dogs are late.",
    ],
)
def test_what_is_not_said_of_all_is_not_denied_of_some(text: str) -> None:
    made = {each for seed in range(300) for each in turned([text], random.Random(seed))}
    assert not any(each.startswith("Not all") for each in made)


def test_capitals_and_what_is_short_already_stay() -> None:
    made = {
        text
        for seed in range(300)
        for text in turned(["Are you late", "Men can't sing"], random.Random(seed))
    }
    assert "Aren't you late" in made
    assert not any("'t't" in text or "not't" in text for text in made)
