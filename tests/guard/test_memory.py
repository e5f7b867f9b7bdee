"""Texts that come again are not searched again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Need, Needs
from sentinel.detectors.registry import View
from sentinel.guard.memory import MOST_FINDINGS, SHORTEST, Memory
from sentinel.guard.screener import Screener
from tests.guard.conftest import Marks

LONG = "MAIL1 and more " * (SHORTEST // 10)
FOUND = Inspection((Finding("marks", "MAIL", 0, 5, 0.9),))
RULES = "rules:\n  - {id: r, level: low, detect: {detector: marks}, action: flag}\n"
NEEDS: Needs = frozenset({Need("marks")})


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    inspect = Marks.inspect

    def counted(self: Marks, text: str, view: View, background: Background) -> Inspection:
        texts.append(text)
        return inspect(self, text, view, background)

    monkeypatch.setattr(Marks, "inspect", counted)
    return texts


def test_unchanged_history_is_recalled(screener: Callable[[str], Screener], searched: list[str]) -> None:
    mine = screener(RULES)
    first = mine.inspect([LONG, "short"], NEEDS, "t")
    again = mine.inspect([LONG, "short", LONG + "!"], NEEDS, "t")
    assert again[:2] == first
    assert searched == [LONG, "short", "short", LONG + "!"]
    assert mine.memory.counts() == {"yes": 1, "no": 2}
    assert mine.memory.counts() == {}


def test_tenants_and_questions_are_kept_apart(
    screener: Callable[[str], Screener], searched: list[str]
) -> None:
    mine = screener(RULES)
    for tenant, needs in (("t", NEEDS), ("u", NEEDS), ("t", frozenset({Need("marks", ("MAIL",))}))):
        mine.inspect([LONG, "short"], needs, tenant)
    assert searched.count(LONG) == 3


def test_a_broken_detector_is_asked_again(screener: Callable[[str], Screener], searched: list[str]) -> None:
    mine = screener(RULES)
    for _ in range(2):
        assert mine.inspect([LONG + "BREAK", "short"], NEEDS)[0].failed
    assert searched.count(LONG + "BREAK") == 2


def test_it_is_bounded_and_forgets_what_was_not_asked_for_longest() -> None:
    memory = Memory(limit=2)
    keys = [memory.key("view", "", text) for text in ("a", "b", "c")]
    memory.keep(keys[0], FOUND)
    memory.keep(keys[1], FOUND)
    assert memory.recall(keys[0]) == FOUND
    memory.keep(keys[2], FOUND)
    assert [memory.recall(key) for key in keys] == [FOUND, None, FOUND]
    assert len(memory) == 2


def test_a_text_with_very_many_findings_is_not_kept() -> None:
    memory = Memory()
    key = memory.key("view", "", LONG)
    memory.keep(key, Inspection(FOUND.findings * (MOST_FINDINGS + 1)))
    assert memory.recall(key) is None


def test_it_holds_nothing_of_a_text() -> None:
    memory = Memory()
    memory.keep(memory.key("view", "", LONG), FOUND)
    assert "MAIL1" not in repr(vars(memory))
    assert Memory().key("view", "", LONG) != memory.key("view", "", LONG)
