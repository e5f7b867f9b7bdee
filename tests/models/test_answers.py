from __future__ import annotations

import pytest

from sentinel.core.background import Background
from sentinel.core.exchange import Role
from sentinel.core.finding import Inspection
from sentinel.models.answers import Answers
from sentinel.models.base import Passage, Reads, _all, _stage_and_role

AROUND = Background(question="q")
SAME = Passage("a text", 2, AROUND)


@pytest.mark.parametrize(
    ("model", "version", "passage", "reads", "equal"),
    [
        ("m", "1", Passage("a text", 2, Background(question="q")), _all, True),
        ("n", "1", SAME, _all, False),
        ("m", "2", SAME, _all, False),
        ("m", "1", Passage("a text.", 2, AROUND), _all, False),
        ("m", "1", Passage("a text", 0, AROUND), _all, False),
        ("m", "1", Passage("a text", 2, Background(question="r")), _all, False),
        ("m", "1", Passage("a text", 2, Background(question="r")), _stage_and_role, True),
        ("m", "1", Passage("a text", 2, Background(role=Role.CONTEXT)), _stage_and_role, False),
    ],
)
def test_keys(model: str, version: str, passage: Passage, reads: Reads, equal: bool) -> None:
    answers = Answers(9)
    first = answers.keys().of("m", "1", SAME, reads)
    assert (answers.keys().of(model, version, passage, reads) == first) is equal


def test_keys_are_secret_to_the_process() -> None:
    assert Answers(9).keys().of("m", "1", SAME, _all) != Answers(9).keys().of("m", "1", SAME, _all)


def test_what_was_used_last_is_kept() -> None:
    answers = Answers(2)
    first, second, third = (Inspection((), {"m": score}) for score in (0.1, 0.2, 0.3))
    answers.put(b"1", first)
    answers.put(b"2", second)
    assert answers.get(b"1") == first
    answers.put(b"3", third)
    assert [answers.get(key) for key in (b"1", b"2", b"3")] == [first, None, third]
    assert len(answers) == 2


def test_none_is_kept_where_none_should_be() -> None:
    answers = Answers(0)
    answers.put(b"1", Inspection())
    assert answers.get(b"1") is None
