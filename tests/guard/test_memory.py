"""Texts that come again are not searched again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.core.background import Background, reads_of
from sentinel.core.exchange import Role, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Need, Needs
from sentinel.detectors.detector_set import DetectorSet, View
from sentinel.detectors.inspection import partly
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.backgrounds import backgrounds
from sentinel.guard.memory import MOST_FINDINGS, SHORTEST, Memory
from sentinel.guard.screener import Screener, load_screener
from sentinel.policy.load import bundled_rules, load_policy
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


def test_what_reads_a_part_of_a_text_is_not_asked_again() -> None:
    memory = Memory()
    key = memory.key("view", "", LONG)
    memory.keep(key, partly(FOUND, "marks"))
    assert memory.recall(key) == partly(FOUND, "marks")


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
    memory.keep(memory.key("view", "", LONG, "MAIL2 around it"), FOUND)
    assert not any(word in repr(vars(memory)) for word in ("MAIL1", "MAIL2"))
    assert memory.key("view", "", "ab", "c") != memory.key("view", "", "a", "bc")
    assert Memory().key("view", "", LONG) != memory.key("view", "", LONG)


class Asked:
    """Keeps what it was asked about and reads of the background what it is made to."""

    version = "1"

    def __init__(self, name: str, reads: Callable[[Background], Background] | None) -> None:
        self.name = name
        self.texts: list[str] = []
        self.compares = False
        if reads is not None:
            self.reads = reads
        self._reads = reads_of(self)

    def inspect(self, text: str, background: Background) -> Inspection:
        self.texts.append(text)
        type_ = self._reads(background).question or "NONE"
        return Inspection((Finding(self.name, type_, 0, 1, 0.9),), {self.name: 0.9})


def question_alone(background: Background) -> Background:
    return Background(question=background.question)


def test_what_reads_a_text_alone_is_not_asked_again_for_another_question(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules:\n"
        "  - {id: a, level: low, detect: {detector: alone}, action: flag}\n"
        "  - {id: c, level: low, detect: {detector: comparing}, action: flag}\n"
    )
    alone, comparing = Asked("alone", None), Asked("comparing", question_alone)
    names = {"alone", "comparing"}
    mine = Screener(
        load_policy([tmp_path / "rules.yaml"], names), DetectorSet([], [alone, comparing], tmp_path)
    )
    needs: Needs = frozenset({Need("alone"), Need("comparing")})
    for question in ("what now", "what then", "what now"):
        around = [Background(role=Role.CONTEXT, question=question)] * 2
        found, _ = mine.inspect([LONG, "short"], needs, "t", around)
        assert found == mine.detectors.inspect(LONG, mine.detectors.view(needs), around[0])
    direct = 3  # the comparison just made
    assert alone.texts.count(LONG) == 1 + direct
    assert comparing.texts.count(LONG) == 2 + direct


def test_a_speaker_s_text_is_not_another_s(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - {id: a, level: low, detect: {detector: alone}, action: flag}\n"
    )
    alone = Asked("alone", None)
    mine = Screener(load_policy([tmp_path / "rules.yaml"], {"alone"}), DetectorSet([], [alone], tmp_path))
    for role in (Role.PROMPT, Role.CONTEXT, Role.PROMPT):
        mine.inspect([LONG, "short"], frozenset({Need("alone")}), "t", [Background(role=role)] * 2)
    assert alone.texts.count(LONG) == 2


def test_the_bundled_classifiers_recall_a_conversation_that_goes_on(tmp_path: Path) -> None:
    packs = [bundled_rules() / f"{name}.yaml" for name in ("injection", "toxicity")]
    mine = load_screener(packs, DetectorsConfig(), tmp_path / "cache")
    needs = mine.policy.needs
    said = [TextPart(Role.SYSTEM, "You answer for the ferry office. " * 10, "s")]
    for turn in range(3):
        said.append(TextPart(Role.PROMPT, f"When does boat {turn} leave? " * 10, "q"))
        mine.inspect([part.text for part in said], needs, "t", backgrounds(Stage.INPUT, said, said))
        counts = mine.memory.counts()
        assert counts.get("yes", 0) == len(said) - (1 if turn else 2)
        said.append(TextPart(Role.ANSWER, f"Boat {turn} leaves at noon. " * 10, "a"))
        mine.inspect([part.text for part in said], needs, "t", backgrounds(Stage.INPUT, said, said))
        mine.memory.counts()
    assert "ferry" not in repr(vars(mine.memory))
