"""Streamed answers about whose sentences the model plane is asked: the same outcome as for the whole text,
whenever answers come, and nothing too early."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.background import Background, Passage
from sentinel.core.decision import Action, Cause
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import Role, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.ids import TraceContext
from sentinel.core.needs import Finds
from sentinel.core.record import Outcome
from sentinel.detectors import registry
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.answer import AnswerScreen
from sentinel.guard.commands import Answer, Ask, Command, Cut, Inspect, Refuse, Send, StreamCommand
from sentinel.guard.events import Inspected, ResponseRead
from sentinel.guard.recording import Transfer, build_record
from sentinel.guard.screener import Screener, load_screener
from sentinel.guard.session import Session
from tests.guard.streams import element, texts_of
from tests.guard.test_answer import MARGIN, Build, built_once, content, opened, session_of

MAIL = """
rules:
  - {id: mail, level: low, stage: output, detect: {detector: pii, type: EMAIL_ADDRESS}, action: redact,
     operator: hash}
"""
RUDE = "  - {id: rude, level: high, stage: output, detect: {detector: manners}, action: ACTION}\n"
DEEP = "  - {id: deep, level: medium, stage: output, detect: {detector: depth}, action: ACTION}\n"


class Manners:
    """Sure of `rude`, sure of sentences without `hm`, unsure of those, silent on `...`."""

    name, version = "manners", "1"
    scope: Literal["sentence"] = "sentence"

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        said = text[start:]
        if "..." in said:
            return Inspection()
        score = 0.9 if "rude" in said else 0.5 if "hm" in said else 0.1
        return Inspection(
            tuple(_found("manners", "rude|hm", text, start, score)),
            {"manners": score},
            unsure=("manners",) if score == 0.5 else (),
        )


def _found(name: str, words: str, text: str, start: int, score: float) -> list[Finding]:
    return [
        Finding(name, "RUDE", m.start(), m.end(), score) for m in re.finditer(words, text) if m.end() > start
    ]


class Served:
    detectors = by_sentence = frozenset({"manners", "depth"})
    by_model: Mapping[str, frozenset[str]] = {}
    finds: Finds = {}
    versions: Mapping[str, str] = {}


def plane(passage: Passage, names: frozenset[str]) -> Inspection:
    """Finds `bad`, for `depth` also across the beginning of the sentence; breaks on BREAK."""
    text, start = passage.text, passage.start
    if "BREAK" in text[start:]:
        return Inspection(failed=dict.fromkeys(names, "no answer within 5 ms"))
    told = {name: _found(name, "bad", text, start, 0.8) for name in sorted(names)}
    if "depth" in told:
        told["depth"] += [
            Finding("depth", "RUDE", m.start(), m.end(), 0.7) for m in re.finditer(r"awful\W+thing", text)
        ]
    scores = {name: max([0.05, *[f.score for f in found]]) for name, found in told.items()}
    return Inspection(tuple(f for found in told.values() for f in found), scores)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("rules")

    def load(file: Path) -> Screener:
        with pytest.MonkeyPatch.context() as patched:
            entry: Any = None
            patched.setattr(registry, "_third_parties", lambda: {"manners": entry})
            patched.setattr(registry, "_load_third_party", lambda *_: Manners())
            return load_screener([file], DetectorsConfig(), folder / "cache", models=Served())

    return built_once(folder, load)


def answers(ask: Ask) -> list[list[Inspection]]:
    return [[plane(passage, each.detectors) for passage in each.passages] for each in ask.questions]


def whole(screener: Screener, text: str) -> tuple[Session, str | None]:
    """What screening of the whole text makes of it; None when it is refused."""
    session = session_of(screener, "hi")
    command: Command = session.receive(ResponseRead([TextPart(Role.ANSWER, text, "a")]))
    assert isinstance(command, Inspect)
    command = session.receive(Inspected(inspected(session, command), 1))
    if isinstance(command, Refuse):
        return session, None
    assert isinstance(command, Answer)
    return session, command.texts[0] if command.texts else text


def inspected(session: Session, command: Inspect) -> list[Inspection]:
    read = session.screener.read(command.texts, command.needs, "", command.backgrounds)
    return read.with_answers(
        [[plane(passage, each.detectors) for passage in each.passages] for each in read.questions]
    )


class Driver:
    """Performs an answer's commands, and answers when it is told to."""

    def __init__(self, screen: AnswerScreen) -> None:
        self.screen = screen
        self.done: list[StreamCommand] = []
        self.open: list[Ask] = []
        self.asked: list[str] = []

    def do(self, commands: Sequence[StreamCommand]) -> None:
        for command in commands:
            if isinstance(command, Ask):
                self.open.append(command)
                self.asked += [p.text[p.start :] for each in command.questions for p in each.passages]
        self.done += commands

    @property
    def cut(self) -> Cut | None:
        last = self.done[-1] if self.done else None
        return last if isinstance(last, Cut) else None

    @property
    def said(self) -> str:
        return content(self.done)

    def feed(self, text: str, now: float = 0.0) -> None:
        self.do(self.screen.feed(element(text), now))

    def answer(self, index: int = 0, now: float = 0.0) -> None:
        ask = self.open.pop(index)
        self.do(self.screen.answered(ask.number, answers(ask), now))

    def close(self, now: float = 0.0) -> None:
        """Answers what is open, oldest first."""
        self.do(self.screen.ending(now))
        while self.screen.waiting and self.cut is None:
            self.answer(0, now)
        if self.cut is None:
            asked, session = self.screen.asks(), self.screen._session
            self.do(self.screen.close(now, inspected(session, asked) if asked is not None else ()))


WORDS = st.sampled_from(
    ["a", "word", "hm", "rude", "bad", "awful", "thing", "...", "me@x.org", "BREAK", "\n", "so", "  "]
)
ENDS = st.sampled_from([". ", "! ", "?\n", " ", ", ", ".", "。"])


@st.composite
def spoken(draw: st.DrawFn, without: str = "") -> str:
    pairs = draw(st.lists(st.tuples(WORDS.filter(lambda word: word != without), ENDS), max_size=14))
    return "".join(word + end for word, end in pairs)


def played(data: st.DataObject, driver: Driver, text: str) -> None:
    """The text in any pieces, with the plane's answers in any order, at any time."""
    places = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=len(text))))
    for start, end in zip([0, *places], [*places, len(text)], strict=True):
        driver.feed(text[start:end])
        while driver.cut is None and driver.open and data.draw(st.booleans()):
            driver.answer(data.draw(st.integers(0, len(driver.open) - 1)))
        if driver.cut is not None:
            return
    driver.do(driver.screen.ending(0.0))
    while driver.cut is None and driver.screen.waiting:
        driver.answer(data.draw(st.integers(0, len(driver.open) - 1)))
    if driver.cut is None:
        driver.close()


@settings(MARGIN, max_examples=150)
@given(st.data())
def test_a_stream_is_edited_as_the_whole_text_would_be(build: Build, data: st.DataObject) -> None:
    screener = build((MAIL + RUDE + DEEP).replace("ACTION", "redact"))
    text = data.draw(spoken(without="BREAK"))
    one, expected = whole(screener, text)
    assert expected is not None
    session = session_of(screener, "hi")
    driver = Driver(opened(session))
    played(data, driver, text)
    assert driver.said == expected
    heard = ""
    for command in driver.done:
        if isinstance(command, Send):
            heard += texts_of(command.data).get((0, "content"), "")
            assert expected.startswith(heard)
    told, made = one.output.decision, session.output.decision
    assert told is not None and made is not None
    assert (made.findings, made.hits) == (told.findings, told.hits)
    assert made.scores == (told.scores if text else {})
    assert made.failed == told.failed == {}


@settings(MARGIN, max_examples=150)
@given(st.data())
def test_a_blocked_stream_ends_before_what_blocks_it(build: Build, data: st.DataObject) -> None:
    rules = (MAIL + RUDE).replace("ACTION", "redact") + DEEP.replace("ACTION", "block")
    text = data.draw(spoken())
    one, expected = whole(build(rules), text)
    session = session_of(build(rules), "hi")
    driver = Driver(opened(session))
    played(data, driver, text)
    if expected is not None:
        assert (driver.cut, driver.said) == (None, expected)
        return
    assert driver.cut is not None and session.decision is not None
    assert session.decision.action is Action.BLOCK
    others = (MAIL + RUDE).replace("ACTION", "redact, on_error: open") + DEEP.replace("ACTION", "flag")
    _, unblocked = whole(build(others), text)
    assert unblocked is not None and unblocked.startswith(driver.said)
    assert one.output.decision is not None
    hits = [hit for hit in one.output.decision.hits if hit.action is Action.BLOCK]
    blocking = [one.output.decision.findings[i].start for hit in hits for i in hit.findings]
    broken = text.find("BREAK") if any(hit.cause is Cause.DETECTOR_FAILED for hit in hits) else -1
    assert driver.screen.released <= min([*blocking, broken] if broken >= 0 else blocking)


def test_what_is_sure_here_is_not_asked_about_and_each_sentence_once(
    build: Build,
) -> None:
    driver = Driver(opened(session_of(build(MAIL + RUDE.replace("ACTION", "redact")))))
    for char in "All is well. hm, is it? Yes. ... So hm":
        driver.feed(char)
    assert driver.said == "All is well."
    driver.close()
    assert driver.asked == [" hm, is it?", " ...", " So hm"]
    assert driver.said == "All is well. hm, is it? Yes. ... So hm"


def test_later_text_is_read_while_the_plane_is_asked(build: Build) -> None:
    driver = Driver(opened(session_of(build(MAIL + DEEP.replace("ACTION", "redact")))))
    driver.feed("One is bad. ")
    driver.feed("Two me@x.org is fine. Three")
    assert (len(driver.open), driver.said) == (2, "")
    driver.answer(1)
    assert driver.said == ""
    driver.answer(0)
    assert re.fullmatch(r"One is <RUDE>\. Two <EMAIL_ADDRESS:\w+> is fine\.", driver.said)


def test_a_sentence_is_asked_about_with_its_neighbours(build: Build) -> None:
    """The same passages for a stream and for a whole text, which knows more about the answer."""
    screener = build(MAIL + DEEP.replace("ACTION", "redact"))
    text = f"Far. {'x' * 285}. Near. Here. "
    driver = Driver(opened(session_of(screener, "why?")))
    driver.feed(text)
    ((question,),) = [ask.questions for ask in driver.open]
    read = [(passage.text[: passage.start], passage.text[passage.start :]) for passage in question.passages]
    assert read[0] == ("", "Far.") and read[-1] == (f" {'x' * 285}. Near.", " Here.")
    session = session_of(screener, "why?")
    tokens = ((0, 4, -0.5),)
    command = session.receive(
        ResponseRead([TextPart(Role.ANSWER, text, "a", tokens=tokens), TextPart(Role.ANSWER, "Or not", "b")])
    )
    assert isinstance(command, Inspect)
    asked = screener.read(command.texts, command.needs, "", command.backgrounds).questions
    assert asked[0] == question and question.passages[0].background.question == "why?"


def test_four_questions_are_open_and_the_rest_gathers(build: Build) -> None:
    driver = Driver(
        opened(session_of(build(DEEP.replace("  - ", "rules:\n  - ").replace("ACTION", "block"))))
    )
    for number in range(9):
        driver.feed(f"Number {number}. ")
    assert [len(ask.questions[0].passages) for ask in driver.open] == [1, 1, 1, 1]
    driver.answer()
    assert len(driver.open[-1].questions[0].passages) == 5
    driver.close()
    assert driver.said == "".join(f"Number {number}. " for number in range(9))


@pytest.mark.parametrize(("error", "said"), [("closed", "Fine."), ("open", "Fine. BREAK it. Good.")])
def test_a_plane_that_fails_is_for_the_rule_to_judge(build: Build, error: str, said: str) -> None:
    rules = MAIL + DEEP.replace("ACTION", f"block, on_error: {error}")
    session = session_of(build(rules))
    driver = Driver(opened(session))
    for piece in ("Fine. ", "BREAK it. ", "Good."):
        driver.feed(piece)
        while driver.open and driver.cut is None:
            driver.answer()
    if driver.cut is None:
        driver.close()
    assert driver.said == said
    assert session.output.decision is not None
    assert session.output.decision.failed == {"depth": "no answer within 5 ms"}
    assert (driver.cut is None) == (whole(build(rules), "Fine. BREAK it. Good.")[1] is not None)


@pytest.mark.parametrize("stall", ["redact", "block", "release"])
def test_a_silent_plane_meets_the_bound_and_comes_too_late(build: Build, stall: str) -> None:
    bound = f"redact, max_hold_ms: 500, on_error: open, on_stall: {stall}"
    session = session_of(build(MAIL + DEEP.replace("ACTION", bound)))
    driver = Driver(opened(session))
    driver.feed("This is bad. ", 10.0)
    assert driver.screen.deadline == pytest.approx(10.5)
    driver.do(driver.screen.tick(10.6))
    late = driver.open.pop()
    driver.do(driver.screen.answered(late.number, answers(late), 10.7))
    assert session.output.decision is None or stall == "block"
    if stall != "block":
        assert not driver.screen.waiting
        driver.feed("And bad. ", 11.0)
        driver.close(11.0)
    assert (
        driver.said
        == {
            "redact": "<REDACTED>And <RUDE>. ",
            "block": "",
            "release": "This is bad. And <RUDE>. ",
        }[stall]
    )
    assert session.output.decision is not None
    assert [hit.rule for hit in session.output.decision.hits if hit.cause is Cause.STALLED] == ["deep"]


def test_text_far_behind_is_edited_as_if_it_had_not_waited(build: Build) -> None:
    """What waits for an answer may be longer than what patterns keep of a text."""
    mail = MAIL.replace("operator", "max_holdback_chars: 100000, operator")
    rules = mail + DEEP.replace("ACTION", "redact, max_holdback_chars: 100000")
    text = "One. " + "and a few plain words " * 40 + "".join(f"Ask me{n}@x.org now. " * 30 for n in range(30))
    driver = Driver(opened(session_of(build(rules))))
    for start in range(0, len(text), 500):
        driver.feed(text[start : start + 500])
    assert driver.said == ""
    driver.close()
    assert driver.said == whole(build(rules), text)[1]


def test_a_cut_rule_lets_go_and_cuts_when_the_answer_comes(build: Build) -> None:
    rules = MAIL + DEEP.replace("ACTION", "block, enforce: cut, message: enough")
    for late in (False, True):
        session = session_of(build(rules))
        driver = Driver(opened(session))
        driver.feed("That is bad. And so")
        assert driver.said == "That is bad. And "
        if late:
            driver.close()
        else:
            driver.answer()
        assert driver.cut is not None and driver.cut.decision.message == "enough"
        assert session.decision is not None and session.decision.rule == "deep"


def test_two_rules_of_one_text_ask_each_for_itself(build: Build) -> None:
    rules = MAIL + RUDE.replace("ACTION", "redact") + DEEP.replace("ACTION", "block, enforce: cut")
    driver = Driver(opened(session_of(build(rules))))
    driver.feed("hm, well. More")
    (ask,) = driver.open
    assert {tuple(each.detectors) for each in ask.questions} == {("manners",), ("depth",)}
    driver.close()
    assert driver.said == "hm, well. More"


def test_channels_are_asked_about_apart(build: Build) -> None:
    driver = Driver(opened(session_of(build(MAIL + DEEP.replace("ACTION", "redact")))))
    driver.do(driver.screen.feed(element("It is bad. ") + element("It is bad", kind="reasoning"), 0.0))
    driver.do(driver.screen.feed(element(" luck. ", kind="reasoning"), 0.0))
    driver.close()
    heard = texts_of(b"".join(c.data for c in driver.done if isinstance(c, Send)))
    assert heard == {(0, "content"): "It is <RUDE>. ", (0, "reasoning"): "It is <RUDE> luck. "}


def test_an_answer_that_is_left_alone_says_what_was_not_read(build: Build) -> None:
    session = session_of(build(MAIL + DEEP.replace("ACTION", "redact")))
    driver = Driver(opened(session))
    driver.feed("It is bad. And")
    driver.screen.abandon()
    assert session.output.decision is not None
    assert session.output.decision.failed == {"depth": "the answer ended before it was read"}
    assert session.output.decision.hits == ()
    trace = TraceContext("t", "s", "c", "", "", 0)
    transfer = Transfer(1, "p", "u", "w")
    record = build_record(session, trace, transfer, Outcome.CANCELLED, with_content=True)
    assert record.output_content == ()


def test_a_remark_that_has_to_be_asked_about_is_withheld(build: Build) -> None:
    screener = build(MAIL + RUDE.replace("ACTION", "redact"))
    assert opened(session_of(screener)).remark("the model is gone") == "the model is gone"
    driver = Driver(opened(session_of(screener)))
    assert driver.screen.remark("hm, the model is gone") == "<REDACTED>"
    driver.close()
    assert driver.asked == ["hm, the model is gone"]


def test_rules_that_change_nothing_ask_about_the_same_sentences(build: Build) -> None:
    rules = MAIL + DEEP.replace("ACTION", "flag")
    session = session_of(build(rules))
    driver = Driver(opened(session))
    driver.feed("It is bad. And so on. ")
    assert (driver.said, driver.asked) == ("It is bad. And so on. ", [])
    driver.close()
    told, _ = whole(build(rules), "It is bad. And so on. ")
    assert session.output.decision is not None and told.output.decision is not None
    assert session.output.decision.findings == told.output.decision.findings
    assert [(f.start, f.end) for f in told.output.decision.findings] == [(6, 9)]


def test_what_is_read_whole_here_is_asked_about_whole(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Served, "by_sentence", frozenset({"depth"}))
    screener = build(MAIL + RUDE.replace("ACTION", "redact") + "# whole\n")
    driver = Driver(opened(session_of(screener)))
    driver.feed("hm, well. More. ")
    assert (driver.said, driver.open) == ("", [])
    driver.close()
    assert driver.said == "hm, well. More. "


def test_cut_is_for_what_is_judged_by_sentence(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Served, "by_sentence", frozenset[str]())
    with pytest.raises(ConfigError, match="`cut` is for detectors that read"):
        build(MAIL + DEEP.replace("ACTION", "block, enforce: cut") + "# whole\n")
