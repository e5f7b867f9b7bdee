from __future__ import annotations

import tracemalloc

import msgspec
import pytest

from sentinel.core.background import Background, everything_around, stage_and_role
from sentinel.core.exchange import Role
from sentinel.core.finding import Finding, Inspection
from sentinel.models.answers import Answers, _pack, bytes_of
from sentinel.models.base import Passage, Reads

AROUND = Background(question="q")
PLENTY = 10**9  # bytes
SAME = Passage("a text", 2, AROUND)


@pytest.mark.parametrize(
    ("model", "version", "passage", "reads", "equal"),
    [
        ("m", "1", Passage("a text", 2, Background(question="q")), everything_around, True),
        ("n", "1", SAME, everything_around, False),
        ("m", "2", SAME, everything_around, False),
        ("m", "1", Passage("a text.", 2, AROUND), everything_around, False),
        ("m", "1", Passage("a text", 0, AROUND), everything_around, False),
        ("m", "1", Passage("a text", 2, Background(question="r")), everything_around, False),
        ("m", "1", Passage("a text", 2, Background(question="r")), stage_and_role, True),
        ("m", "1", Passage("a text", 2, Background(role=Role.CONTEXT)), stage_and_role, False),
    ],
)
def test_keys(model: str, version: str, passage: Passage, reads: Reads, equal: bool) -> None:
    answers = Answers(9, PLENTY)
    first = answers.keys().of("m", "1", SAME, reads)
    assert (answers.keys().of(model, version, passage, reads) == first) is equal


def test_keys_are_secret_to_the_process() -> None:
    assert Answers(9, PLENTY).keys().of("m", "1", SAME, everything_around) != Answers(9, PLENTY).keys().of(
        "m", "1", SAME, everything_around
    )


def test_what_was_used_last_is_kept() -> None:
    answers = Answers(2, PLENTY)
    first, second, third = (Inspection((), {"m": score}) for score in (0.1, 0.2, 0.3))
    answers.put(b"1", first)
    answers.put(b"2", second)
    assert answers.get(b"1") == first
    answers.put(b"3", third)
    assert [answers.get(key) for key in (b"1", b"2", b"3")] == [first, None, third]
    assert len(answers) == 2


def test_none_is_kept_where_none_should_be() -> None:
    answers = Answers(0, PLENTY)
    answers.put(b"1", Inspection())
    assert answers.get(b"1") is None


def evidenced(number: int, findings: int) -> Inspection:
    words = tuple((at, at + 1, at + 0.5) for at in range(number * 1000, number * 1000 + 5))
    found = tuple(Finding("m", "T", at, at + 1, at + 0.25, f"why {at}", 0, words) for at in range(findings))
    return Inspection(found, {"m": number + 0.125})


def test_kept_answers_take_no_more_memory_than_they_may() -> None:
    answers, decode = Answers(10_000, 3_000_000), msgspec.msgpack.Decoder(Inspection).decode
    decode(_pack(evidenced(0, 8)))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(1000):
        answers.put(number.to_bytes(16), decode(_pack(evidenced(number, 8))))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 10 < len(answers) < 1000
    assert answers.bytes <= 3_000_000
    assert after - before <= 3_000_000
    assert answers.get((999).to_bytes(16)) is not None
    assert answers.get((0).to_bytes(16)) is None


def test_an_answer_too_large_to_keep_and_one_put_again() -> None:
    answers = Answers(9, bytes_of(evidenced(1, 3)))
    answers.put(b"1", evidenced(1, 3))
    once = answers.bytes
    answers.put(b"1", evidenced(1, 3))
    assert (len(answers), answers.bytes) == (1, once)
    answers.put(b"2", evidenced(2, 50))
    assert (len(answers), answers.bytes) == (0, 0)
