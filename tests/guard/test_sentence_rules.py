"""Rules whose detector reads sentences, on streamed answers: held until read, or cut when one fires."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.background import Background
from sentinel.core.decision import Action
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors import registry
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.commands import Cut
from sentinel.guard.screener import Screener, load_screener
from tests.guard.streams import element
from tests.guard.test_answer import MARGIN, content, opened, played, recorded, session_of, unary

RULES = """
rules:
  - {id: mail, level: low, stage: output, detect: {detector: pii, type: EMAIL_ADDRESS}, action: redact}
  - {id: rude, level: high, stage: output, detect: {detector: manners}, action: ACTION, enforce: ENFORCE,
     message: mind your manners}
"""


class Manners:
    """Finds `rude` in a sentence, unless its left context says `not`."""

    name = "manners"
    version = "1"
    scope: Literal["sentence"] = "sentence"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        self.asked.append(text[start:])
        if "BREAK" in text[start:]:
            raise ValueError("broken")
        quiet = text[:start].rstrip().endswith("not.")
        found = [] if quiet else re.finditer("rude", text[start:])
        return Inspection(
            tuple(Finding("manners", "RUDE", start + m.start(), start + m.end(), 0.9) for m in found)
        )


@pytest.fixture
def manners(monkeypatch: pytest.MonkeyPatch) -> Manners:
    made = Manners()
    entry: Any = None
    monkeypatch.setattr(registry, "_third_parties", lambda: {"manners": entry})
    monkeypatch.setattr(registry, "_load_third_party", lambda *_: made)
    return made


@pytest.fixture
def build(
    manners: Manners, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Screener]:
    def screener(action: str, enforce: str = "hold") -> Screener:
        file = tmp_path / "rules.yaml"
        file.write_text(RULES.replace("ACTION", action).replace("ENFORCE", enforce))
        return load_screener([file], DetectorsConfig(), tmp_path_factory.getbasetemp() / "sentence-cache")

    return screener


SAID = "Dear j@b.co, hello. You are rude. Or not. Still rude? Bye"


@MARGIN
@given(st.data())
def test_sentences_that_are_held_are_edited_as_the_whole_text_would_be(
    build: Callable[..., Screener], data: st.DataObject
) -> None:
    screener = build("redact")
    places = sorted(data.draw(st.sets(st.integers(1, len(SAID) - 1), max_size=9)))
    pieces = [SAID[start:end] for start, end in zip([0, *places], [*places, len(SAID)], strict=True)]
    commands = played(opened(session_of(screener)), map(element, pieces))
    assert content(commands) == unary(screener, SAID, "hi")[1]
    assert content(commands) == "Dear <EMAIL_ADDRESS>, hello. You are <RUDE>. Or not. Still rude? Bye"


def test_each_sentence_is_read_once(build: Callable[..., Screener], manners: Manners) -> None:
    screener = build("redact")
    manners.asked.clear()
    played(opened(session_of(screener)), (element(char) for char in SAID))
    assert manners.asked == ["Dear j@b.co, hello.", " You are rude.", " Or not.", " Still rude?", " Bye"]


def test_a_sentence_waits_until_it_is_read(build: Callable[..., Screener]) -> None:
    screen = opened(session_of(build("block")))
    assert content(screen.feed(element("All is well. You are"), 0.0)) == "All is well."
    commands = screen.feed(element(" rude! "), 0.0)
    assert content(commands) == " You are"
    assert isinstance(commands[-1], Cut)


def test_an_unread_sentence_is_read_for_the_record_when_the_caller_leaves(
    build: Callable[..., Screener],
) -> None:
    session = session_of(build("redact"))
    screen = opened(session)
    screen.feed(element("All is well. You are rude, j@b.co to"), 0.0)
    screen.abandon()
    assert recorded(session) == "All is well. You are <RUDE>, <EMAIL_ADDRESS> to"


def test_a_cut_rule_lets_sentences_go_and_cuts_when_it_fires(build: Callable[..., Screener]) -> None:
    session = session_of(build("block", "cut"))
    screen = opened(session)
    assert content(screen.feed(element("You are rude"), 0.0)) == "You are "  # the last word may be an address
    commands = screen.feed(element(" to me. And so on"), 0.0)
    assert isinstance(commands[-1], Cut)
    assert commands[-1].decision.message == "mind your manners"
    assert session.decision is not None and session.decision.action is Action.BLOCK
    assert screen.released >= len("You are ")


def test_a_redact_rule_that_cuts_blocks(build: Callable[..., Screener]) -> None:
    session = session_of(build("redact", "cut"))
    commands = played(opened(session), [element("You are rude. And so on")])
    assert isinstance(commands[-1], Cut)
    assert session.decision is not None
    assert (session.decision.action, session.decision.rule) == (Action.BLOCK, "rude")


def test_a_broken_detector_closes(build: Callable[..., Screener]) -> None:
    session = session_of(build("block"))
    commands = played(opened(session), [element("Fine. Then "), element("BREAK it. More")])
    assert content(commands) == "Fine."
    assert isinstance(commands[-1], Cut)
    assert session.output.decision is not None and "manners" in session.output.decision.failed


def test_patterns_do_not_cut(build: Callable[..., Screener], tmp_path: Path) -> None:
    file = tmp_path / "cut.yaml"
    file.write_text(
        "rules:\n  - {id: r, detect: {detector: pii, type: EMAIL_ADDRESS}, action: block, enforce: cut}\n"
    )
    with pytest.raises(ConfigError, match="cut.yaml:2: enforce: rule r: `cut` is for detectors that read"):
        load_screener([file], DetectorsConfig(), tmp_path / "cache")
