"""What the model plane is asked, and what its answers change: in a call, in a stream, in `screen`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from sentinel.core.background import Background, Passage
from sentinel.core.decision import Action
from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Finds, Need
from sentinel.core.redact import Redactor
from sentinel.detectors import registry
from sentinel.detectors.inspection import IN_PART, partly
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.cascade import Beside, questions, with_answers
from sentinel.guard.commands import Cut, StreamCommand
from sentinel.guard.screener import Screener, load_screener
from sentinel.guard.screening import ScreenRequest, screen
from sentinel.guard.session import Session
from tests.guard.streams import element
from tests.guard.test_answer import content, opened, session_of

RULES = """
rules:
  - {id: rude, level: high, stage: both, detect: {detector: manners, score: 0.6}, action: ACTION}
"""
HERE = Beside(frozenset({"a", "pii"}))
EXTRA = "  - {id: deep, stage: output, detect: {detector: depth, score: 0.6}, action: ACTION}\n"


class Manners:
    """Sure of `rude`, sure of texts without `hm`, unsure of the rest."""

    name, version = "manners", "1"
    scope: Literal["sentence"] = "sentence"

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        said = text[start:]
        score = 0.9 if "rude" in said else 0.5 if "hm" in said else 0.1
        found = (Finding("manners", "RUDE", start, len(text), score),) if score > 0.4 else ()
        return Inspection(found, {"manners": score}, unsure=("manners",) if score == 0.5 else ())


class Served:
    detectors = frozenset({"manners", "depth"})
    by_sentence: frozenset[str] = frozenset()
    by_model: Mapping[str, frozenset[str]] = {}
    finds: Finds = {}
    versions: Mapping[str, str] = {"manners": "large-2"}


class Plane:
    """Finds `bad`, and breaks on `BREAK`."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], frozenset[str]]] = []

    def __call__(
        self, passages: Sequence[Passage], detectors: frozenset[str], deadline_ms: int | None
    ) -> list[Inspection]:
        self.asked.append((tuple(passage.text for passage in passages), detectors))
        return [self._about(passage.text, sorted(detectors)) for passage in passages]

    def _about(self, text: str, names: list[str]) -> Inspection:
        if "BREAK" in text:
            return Inspection(failed=dict.fromkeys(names, "no answer within 5 ms"))
        score = 0.8 if "bad" in text else 0.05
        found = [Finding(name, "RUDE", 0, len(text), score) for name in names] if score > 0.5 else []
        return Inspection(tuple(found), dict.fromkeys(names, score))


@pytest.fixture
def build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Screener]:
    entry: Any = None
    monkeypatch.setattr(registry, "_third_parties", lambda: {"manners": entry})
    monkeypatch.setattr(registry, "_load_third_party", lambda *_: Manners())

    def screener(action: str, extra: str = "") -> Screener:
        file = tmp_path / "rules.yaml"
        file.write_text((RULES + extra).replace("ACTION", action))
        cache = tmp_path_factory.getbasetemp() / "sentence-cache"
        return load_screener([file], DetectorsConfig(), cache, models=Served())

    return screener


def passages(*texts: str) -> list[Passage]:
    return [Passage(text) for text in texts]


def test_only_what_is_unsure_goes_on() -> None:
    sure, unsure = Inspection(scores={"a": 0.9}), Inspection(scores={"a": 0.5}, unsure=("a",))
    broken = Inspection(failed={"a": "it raised ValueError"})
    asked = questions({"a", "b"}, HERE, passages("one", "two", "three", " "), [sure, unsure, broken, unsure])
    assert {(frozenset(q.detectors), q.numbers) for q in asked} == {
        (frozenset({"a"}), (1, 2)),
        (frozenset({"b"}), (0, 1, 2)),
    }
    both = questions({"a", "b"}, HERE, passages("one"), [unsure])
    assert [(q.detectors, q.numbers) for q in both] == [(frozenset({"a", "b"}), (0,))]


def test_an_answer_takes_the_place_of_an_unsure_one_and_a_failure_does_not() -> None:
    here = Inspection(
        (Finding("a", "X", 0, 1, 0.5), Finding("pii", "Y", 2, 3, 1.0)), {"a": 0.5}, unsure=("a",)
    )
    asked = questions({"a"}, HERE, passages("text"), [here])
    better = Inspection((Finding("a", "X", 0, 4, 0.9),), {"a": 0.9})
    (told,) = with_answers([here], asked, [[better]])
    assert [(f.detector, f.score) for f in told.findings] == [("a", 0.9), ("pii", 1.0)]
    assert (told.scores, told.unsure) == ({"a": 0.9}, ())
    (kept,) = with_answers([here], asked, [[Inspection(failed={"a": "late"})]])
    assert (kept.findings, kept.scores, kept.failed) == (here.findings, {"a": 0.5}, {"a": "late"})


def test_an_answer_about_a_part_takes_nothing_back() -> None:
    here = Inspection((Finding("a", "X", 90, 95, 0.7),), {"a": 0.7}, unsure=("a",))
    asked = questions({"a"}, HERE, passages("text " * 20), [here])
    (told,) = with_answers([here], asked, [[partly(Inspection(scores={"a": 0.05}), "a")]])
    assert (told.findings, told.scores, told.failed) == (here.findings, {"a": 0.7}, {"a": IN_PART})


def test_what_was_found_by_form_stays() -> None:
    form, opinion = Finding("a", "FORM", 0, 1, 0.5), Finding("a", "X", 2, 3, 0.5)
    here = Inspection((form, opinion), {"a": 0.5}, unsure=("a",))
    asked = questions({"a"}, Beside(frozenset({"a"}), {"a": frozenset({"FORM"})}), passages("text"), [here])
    (told,) = with_answers([here], asked, [[Inspection(scores={"a": 0.1})]])
    assert (told.findings, told.scores) == ((form,), {"a": 0.1})
    surer = Finding("a", "FORM", 0, 2, 0.7)
    (told,) = with_answers([here], asked, [[Inspection((surer,), {"a": 0.7})]])
    assert told.findings == (surer,)


def test_an_answer_without_a_score_changes_nothing() -> None:
    here = Inspection((Finding("a", "X", 0, 1, 0.5),), {"a": 0.5}, unsure=("a",))
    asked = questions({"a"}, HERE, passages("text"), [here])
    assert with_answers([here], asked, [[Inspection()]]) == [here]


@pytest.mark.parametrize(
    ("name", "answer", "failed"),
    [
        ("a", Inspection(scores={"a": 0.1}), False),  # it has read the text in the other's place
        ("a", Inspection((Finding("a", "X", 0, 1, 0.9),)), True),  # it only adds
        ("a", Inspection(), True),
        ("b", Inspection((Finding("b", "X", 0, 1, 0.9),)), False),  # `b` is the plane's alone
    ],
)
def test_what_failed_here_has_failed_unless_the_answer_stands_for_it(
    name: str, answer: Inspection, failed: bool
) -> None:
    late = Inspection(failed={name: "no answer within 5 ms"})
    asked = questions({"a", "b"}, HERE, passages("text"), [late])
    (told,) = with_answers([late], asked, [[answer]])
    assert (name in told.failed) is failed
    assert told.findings == answer.findings


def test_screen_asks_the_plane_about_what_is_unsure(
    build: Callable[..., Screener], redactor: Redactor
) -> None:
    mine, plane = build("block"), Plane()
    ask = lambda text: screen(mine, redactor, ScreenRequest(text), plane)  # noqa: E731
    assert [ask(text).action for text in ("rude", "fine", "hm bad", "hm well")] == [
        "block",
        "allow",
        "block",
        "allow",
    ]
    assert [texts for texts, _ in plane.asked] == [("hm bad",), ("hm well",)]
    assert ask("hm BREAK").failed == {"manners": "no answer within 5 ms"}
    assert ask("hm BREAK").action == "block"  # on_error: closed


def test_a_detector_of_the_plane_alone_can_be_asked_for(
    build: Callable[..., Screener], redactor: Redactor
) -> None:
    told = screen(
        build("flag"), redactor, ScreenRequest("a bad text", detectors=("depth",)), plane := Plane()
    )
    assert told.scores["depth"] == 0.8 and plane.asked == [(("a bad text",), frozenset({"depth"}))]


CARDS = """
rules:
  - {id: cards, stage: both, detect: {detector: pii, type: CREDIT_CARD}, action: block, level: high}
"""
PEOPLE = (
    "  - {id: people, stage: both, detect: {detector: pii, type: PERSON}, action: flag, on_error: closed}\n"
)


class Names:
    """A model of names beside the patterns of `pii`, and an encoder without topics beside phrases."""

    detectors = by_sentence = frozenset({"pii", "topics"})
    by_model: Mapping[str, frozenset[str]] = {}
    finds: Finds = {"pii": frozenset({"PERSON"}), "topics": frozenset()}
    versions: Mapping[str, str] = {}


def beside_names(folder: Path, rules: str, **pii: Any) -> Screener:
    (folder / "rules.yaml").write_text(rules)
    config = DetectorsConfig.model_validate({"pii": pii, "topics": {"FERRY": {"phrases": ["ferry"]}}})
    return load_screener([folder / "rules.yaml"], config, folder / "cache", models=Names())


def test_a_model_is_asked_only_for_what_it_can_find(tmp_path: Path, redactor: Redactor) -> None:
    ferry = (
        "  - {id: ferry, stage: both, detect: {detector: topics, type: FERRY}, action: block, level: high}\n"
    )
    mine, plane = beside_names(tmp_path, CARDS + ferry), Plane()
    told = [screen(mine, redactor, ScreenRequest(text), plane).rule for text in ("BREAK", "by ferry, BREAK")]
    assert (told, plane.asked) == (["", "ferry"], [])
    commands = streamed(session_of(mine, "hi"), plane, ["one BREAK ", "two"])
    assert (content(commands[:1]), plane.asked) == ("one BREAK ", [])  # nothing waits for the answer's end


def test_a_broken_model_of_names_is_nothing_to_rules_about_cards(tmp_path: Path, redactor: Redactor) -> None:
    mine = beside_names(tmp_path, CARDS + PEOPLE)
    told = screen(mine, redactor, ScreenRequest("BREAK"), Plane())
    assert told.failed == {"pii": "no answer within 5 ms"}
    assert (told.action, told.rule) == ("flag", "people")
    session = session_of(mine, "hi")
    assert content(streamed(session, Plane(), ["BREAK ", "it."])) == "BREAK it."
    decision = session.output.decision
    assert decision is not None and [hit.rule for hit in decision.hits] == ["people"]


def test_where_a_detector_here_judges_the_model_is_asked_whatever_the_type(
    build: Callable[..., Screener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Served, "finds", {"manners": frozenset({"TOXIC"}), "depth": frozenset({"TOXIC"})})
    screener = build("block")
    rude = {name: frozenset({Need(name, ("RUDE",), 0.5)}) for name in ("manners", "depth")}
    assert [screener.asked(needs) for needs in rude.values()] == [{"manners"}, frozenset()]


@pytest.mark.parametrize(
    ("pii", "told"),
    [
        ({}, ["Ada", "Bo"]),
        ({"allow_list": ["Ada"]}, ["Bo"]),
        ({"min_scores": {"PERSON": 0.9}}, []),
    ],
)
def test_settings_here_hold_for_what_a_larger_model_finds(
    tmp_path: Path, redactor: Redactor, pii: dict[str, Any], told: list[str]
) -> None:
    def plane(passages: Sequence[Passage], *_: object) -> list[Inspection]:
        return [
            Inspection(
                tuple(
                    Finding("pii", "PERSON", m.start(), m.end(), 0.85)
                    for m in re.finditer("Ada|Bo", passage.text)
                )
            )
            for passage in passages
        ]

    text = "It was Ada. It was Bo."
    mine = beside_names(tmp_path, CARDS + PEOPLE, **pii)
    request = ScreenRequest(text, stage=Stage.OUTPUT)
    found = screen(mine, redactor, request, plane).findings
    assert [text[each.start : each.end] for each in found] == told


def streamed(session: Session, plane: Plane, pieces: list[str]) -> list[StreamCommand]:
    """As proxy.answering does it."""
    answer = opened(session)
    done: list[StreamCommand] = []
    for piece in pieces:
        done += answer.feed(element(piece), 0.0)
    done += answer.ending(0.0)
    inspect = answer.asks()
    known: list[Inspection] = []
    if inspect is not None:
        read = session.screener.read(inspect.texts, inspect.needs, "", inspect.backgrounds)
        known = read.with_answers([plane(q.passages, q.detectors, None) for q in read.questions])
    return done + answer.close(0.0, known)


def test_what_only_the_plane_finds_holds_a_stream_until_it_is_complete(
    build: Callable[..., Screener],
) -> None:
    for text, cut in (("All is well. And so on.", False), ("All is bad. And so on.", True)):
        session = session_of(build("block", EXTRA), "hi")
        commands = streamed(session, plane := Plane(), [text[:9], text[9:]])
        assert isinstance(commands[-1], Cut) is cut
        assert content(commands) == ("" if cut else text)
        assert plane.asked == [((text,), frozenset({"depth"}))]
        assert session.output.decision is not None
        assert session.output.decision.scores["depth"] == (0.8 if cut else 0.05)


def test_a_flag_rule_holds_nothing_and_is_asked_at_the_end(build: Callable[..., Screener]) -> None:
    session = session_of(build("flag"), "hi")
    commands = streamed(session, plane := Plane(), ["hm, all is", " bad"])
    assert content(commands) == "hm, all is bad"
    assert plane.asked == [(("hm, all is bad",), frozenset({"manners"}))]
    decision = session.output.decision
    assert decision is not None and (decision.action, decision.scores) == (Action.FLAG, {"manners": 0.8})
    assert decision.detectors == {"manners": "1+large-2"}


def test_a_cut_rule_goes_by_what_is_found_here(build: Callable[..., Screener]) -> None:
    session = session_of(build("block, enforce: cut"), "hi")
    commands = streamed(session, plane := Plane(), ["That is fine. That is rude. hm"])
    assert isinstance(commands[-1], Cut) and plane.asked == []
    assert session.decision is not None and session.input.decision is not None
    assert session.decision.stage is Stage.OUTPUT
