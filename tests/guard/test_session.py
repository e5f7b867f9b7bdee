"""Courses of an exchange as playbooks: what happens, and the command that must come back."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

from sentinel.core.decision import Action
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.record import Screened
from sentinel.core.redact import Redactor
from sentinel.guard.commands import Answer, Command, Forward, Inspect, Refuse
from sentinel.guard.events import Event, Inspected, RequestRead, ResponseRead, Unreadable
from sentinel.guard.screener import Screener
from sentinel.guard.session import Session

RULES = """
rules:
  - id: block-bad
    level: high
    detect: {detector: marks, type: BAD}
    action: block
    message: "not that"
  - id: hide-mail
    level: medium
    stage: input
    detect: {detector: marks, type: MAIL}
    action: redact
    operator: pseudonymise
  - id: hide-mail-in-answers
    level: medium
    stage: output
    detect: {detector: marks, type: MAIL}
    action: redact
  - id: see-secret
    level: low
    detect: {detector: marks, type: SECRET}
    action: flag
"""
NO_INPUT_RULES = """
rules:
  - {id: out, level: low, stage: output, detect: {detector: marks, type: BAD}, action: block}
"""

Screeners = Callable[[str], Screener]


class Play:
    """Plays a course; `say` lets the detectors answer whenever they are asked."""

    def __init__(self, screener: Screener, redactor: Redactor) -> None:
        self.session = Session(screener, CallContext("/s/M"), "e" * 32, redactor)
        self.screener = screener

    def say(self, event: Event) -> Command:
        command = self.session.receive(event)
        while isinstance(command, Inspect):
            inspections = self.screener.inspect(command.texts, command.needs, backgrounds=command.backgrounds)
            command = self.session.receive(Inspected(inspections, 7))
        return command

    def request(self, *texts: str) -> Command:
        return self.say(RequestRead([TextPart(Role.PROMPT, text, "p") for text in texts]))

    def response(self, *texts: str) -> Command:
        return self.say(ResponseRead([TextPart(Role.ANSWER, text, "a") for text in texts]))


@pytest.fixture
def play(screener: Screeners, redactor: Redactor) -> Play:
    return Play(screener(RULES), redactor)


def test_clean_exchange_passes_as_it_came(play: Play) -> None:
    assert play.request("hello") == Forward(None)
    assert play.response("hi") == Answer(None)
    assert play.session.decision is not None
    assert play.session.decision.action is Action.ALLOW


def test_flag_passes_and_is_told(play: Play) -> None:
    assert play.request("SECRET1") == Forward(None)
    assert play.session.decision is not None
    assert (play.session.decision.action, play.session.decision.rule) == (Action.FLAG, "see-secret")


def test_blocked_prompt_never_reaches_the_model(play: Play) -> None:
    command = play.request("hello", "BAD1")
    assert isinstance(command, Refuse)
    assert (command.decision.stage, command.decision.rule) == (Stage.INPUT, "block-bad")
    assert command.decision.message == "not that"
    with pytest.raises(TypeError):
        play.response("anything")


def test_blocked_answer_never_reaches_the_caller(play: Play) -> None:
    play.request("hello")
    command = play.response("BAD1")
    assert isinstance(command, Refuse)
    assert command.decision.stage is Stage.OUTPUT


def test_pseudonyms_go_to_the_model_and_values_come_back(play: Play) -> None:
    assert play.request("write to MAIL7 now") == Forward(["write to <MAIL_1> now"])
    assert play.response("I wrote to <MAIL_1>.") == Answer(["I wrote to MAIL7."])


def test_a_look_alike_typed_by_the_caller_is_not_restored_as_a_value(play: Play) -> None:
    assert play.request("<MAIL_1> and MAIL7") == Forward(["<MAIL_1~> and <MAIL_1>"])
    assert play.response("<MAIL_1~> and <MAIL_1>") == Answer(["<MAIL_1> and MAIL7"])


def test_output_is_screened_before_values_come_back(play: Play) -> None:
    """The model's own finding is redacted, the caller's value in the same answer is not."""
    play.request("write to MAIL7")
    assert play.response("<MAIL_1> and MAIL9") == Answer(["MAIL7 and <MAIL>"])


def test_a_broken_detector_closes_redact_and_block_rules(play: Play) -> None:
    command = play.request("BREAK")
    assert isinstance(command, Refuse)
    assert command.decision.failed == {"marks": "broke"}


@pytest.mark.parametrize("screened", [Screened.STREAM, Screened.TOO_LARGE])
def test_what_cannot_be_read_is_refused_by_closed_rules(play: Play, screened: Screened) -> None:
    command = play.say(Unreadable(Stage.INPUT, screened, "no adapter reads it"))
    assert isinstance(command, Refuse)
    assert play.session.input.screened is screened


def test_what_cannot_be_read_passes_where_no_rule_asks(screener: Screeners, redactor: Redactor) -> None:
    play = Play(screener(NO_INPUT_RULES), redactor)
    assert play.say(Unreadable(Stage.INPUT, Screened.STREAM, "a stream")) == Forward(None)
    assert play.session.input.screened is Screened.STREAM


def test_a_rule_for_one_model_holds_where_the_model_is_not_known(
    screener: Screeners, redactor: Redactor
) -> None:
    """A stream does not tell its model to somebody who cannot read it."""
    rules = RULES.replace("action: block", "action: block\n    match: {model: llama}")
    play = Play(screener(rules.partition("  - id: hide-mail")[0]), redactor)
    assert isinstance(play.say(Unreadable(Stage.INPUT, Screened.STREAM, "a stream")), Refuse)


def test_a_stage_without_rules_is_not_called_screened(screener: Screeners, redactor: Redactor) -> None:
    play = Play(screener(NO_INPUT_RULES), redactor)
    assert play.request("BAD1") == Forward(None)
    assert play.session.input.screened is Screened.NO_RULE
    assert isinstance(play.response("BAD1"), Refuse)


def test_a_message_with_bytes_that_are_no_text_is_not_called_screened(play: Play) -> None:
    play.say(RequestRead([TextPart(Role.PROMPT, "what is in this picture?", "p")], partly=True))
    assert play.session.input.screened is Screened.PARTLY


def test_events_out_of_order_are_a_mistake_of_the_driver(play: Play) -> None:
    with pytest.raises(TypeError, match="expected a request"):
        play.response("early")


@pytest.mark.parametrize("said", ["hello", "BAD1"])
def test_a_session_that_is_let_go_frees_its_texts_at_once(
    screener: Screeners, redactor: Redactor, said: str
) -> None:
    """Were it to hold itself, thousands of exchanges would lie in memory until the collector came by."""

    class Watched(str):
        pass

    gc.disable()
    try:
        play = Play(screener(RULES), redactor)
        text = Watched(said)
        freed = weakref.ref(text)
        play.request(text)
        del text, play
        assert freed() is None
    finally:
        gc.enable()
