"""What is kept of an exchange, and what is not."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import pytest

from sentinel.core.exchange import CallContext, Role, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.ids import trace_context
from sentinel.core.record import Outcome, Phase, Record, Screened, decode, encode
from sentinel.core.redact import Redactor
from sentinel.guard.events import Inspected, RequestRead
from sentinel.guard.recording import Transfer, build_edit, build_record
from sentinel.guard.screener import Screener

from .test_session import NO_INPUT_RULES, RULES, Play, Screeners

TRANSFER = Transfer(started_ns=1, ended_ns=2, protocol="p", upstream="u:1", worker="0")


@pytest.fixture
def play(screener: Callable[[str], Screener], redactor: Redactor) -> Play:
    return Play(screener(RULES), redactor)


def kept(play: Play, *, content: bool = False) -> Record:
    trace = trace_context(None, None)
    return build_record(play.session, trace, TRANSFER, Outcome.ANSWERED, with_content=content)


def test_no_matched_value_is_kept(play: Play) -> None:
    play.request("write to MAIL7 about SECRET1")
    play.response("done, MAIL7")
    raw = encode(kept(play))
    assert b"MAIL7" not in raw and b"SECRET1" not in raw
    assert b"MAIL7" not in encode(kept(play, content=True))


def test_findings_carry_offsets_rule_and_keyed_hash(play: Play, redactor: Redactor) -> None:
    play.request("write to MAIL7")
    (row,) = kept(play).findings
    assert (row.stage, row.type, row.start, row.end, row.rule) == ("input", "MAIL", 9, 14, "hide-mail")
    assert (row.action, row.level, row.value_hmac) == ("redact", "medium", redactor.hash("MAIL7"))


def test_evidence_is_kept_and_bounded(play: Play) -> None:
    told = tuple((place, place + 1, 1.0 / (place + 1)) for place in range(9))
    unfit = ((-3, 1, 0.5), (0, 2**33, 0.5), (4, 3, 0.5), (0, 1, math.nan), (0, 1, math.inf))
    found = Finding("marks", "SECRET", 0, 9, 0.9, "its words", evidence=(*unfit, *reversed(told)))
    play.session.receive(RequestRead([TextPart(Role.PROMPT, "a b c d e", "p")]))
    play.session.receive(Inspected([Inspection((found,))], 7))
    record = kept(play)
    assert record.findings[0].evidence == told[:5]
    assert decode(encode(record)) == record


def test_records_of_older_and_newer_versions_are_read(play: Play) -> None:
    """An older one knows no evidence; a newer one may know more than this one."""
    play.request("write to MAIL7")
    record = kept(play)
    raw = msgspec.msgpack.decode(encode(record))
    assert "evidence" not in raw["findings"][0]
    raw["later"] = raw["findings"][0]["later"] = [1]
    assert decode(msgspec.msgpack.encode(raw)) == record


def test_strictest_stage_names_action_and_rule(play: Play) -> None:
    play.request("SECRET1")
    play.response("MAIL2")
    record = kept(play)
    assert (record.action, record.rule) == ("redact", "hide-mail-in-answers")
    assert [row.stage for row in record.decisions] == ["input", "output"]
    assert record.decisions[0].decision_id == f"{record.exchange_id}.input"


def test_content_is_kept_only_when_asked_and_without_findings(play: Play) -> None:
    play.request("write to MAIL7", "and SECRET1")
    assert kept(play).input_content == ()
    assert kept(play, content=True).input_content == ("write to <MAIL>", "and <SECRET>")


def test_content_of_an_answer_never_holds_a_restored_value(play: Play) -> None:
    play.request("write to MAIL7")
    play.response("wrote to <MAIL_1>")
    assert kept(play, content=True).output_content == ("wrote to <MAIL_1>",)


def test_stages_that_were_not_reached_say_so(play: Play) -> None:
    play.request("BAD1")
    record = kept(play)
    assert (record.input_screened, record.output_screened) == (Screened.YES, Screened.NOT_REACHED)


def test_a_record_survives_its_encoding(play: Play) -> None:
    play.request("write to MAIL7")
    play.response("MAIL2")
    record = kept(play)
    assert decode(encode(record)) == record


def test_content_that_the_detectors_did_not_read_is_not_kept(play: Play) -> None:
    play.session.receive(RequestRead([TextPart(Role.PROMPT, "write to MAIL7", "p")]))
    record = kept(play, content=True)  # the caller hung up while the detectors were at work
    assert record.input_content == () and b"MAIL7" not in encode(record)


def test_content_that_a_detector_failed_on_is_not_kept(screener: Screeners, redactor: Redactor) -> None:
    play = Play(screener(RULES.replace("action: block", "action: block\n    on_error: open")), redactor)
    play.session.receive(RequestRead([TextPart(Role.PROMPT, "write to MAIL7", "p")]))
    play.session.receive(Inspected([Inspection(failed={"marks": "no answer within 5 ms"})], 7))
    record = kept(play, content=True)
    assert record.input_content == () and b"MAIL7" not in encode(record)


def test_content_that_no_rule_asks_about_is_kept_as_it_is(screener: Screeners, redactor: Redactor) -> None:
    play = Play(screener(NO_INPUT_RULES), redactor)
    play.request("hello")
    assert kept(play, content=True).input_content == ("hello",)


def test_names_that_others_choose_are_cut(screener: Screeners, redactor: Redactor) -> None:
    play = Play(screener(RULES), redactor)
    play.session.context = CallContext("/s/M", model="m" * 1_000_000)
    play.request("hello")
    transfer = msgspec.structs.replace(TRANSFER, response_id="r" * 1_000_000)
    record = build_record(play.session, trace_context(None, None), transfer, Outcome.ANSWERED)
    assert record.model == "m" * 253 + "..." and record.response_id == "r" * 253 + "..."


def test_a_record_is_bounded_and_counts_what_it_leaves_out(play: Play) -> None:
    play.request(" ".join(f"MAIL{number}" for number in range(1_500)))
    record = kept(play)
    assert (len(record.findings), record.finding_count) == (1_000, 1_500)


def test_an_edit_says_what_was_found_and_nothing_that_was_said(play: Play) -> None:
    play.request("write to MAIL7")
    (row,) = kept(play).findings
    shadow = msgspec.structs.replace(row, rule="quiet", enforced=False)
    edit = build_edit(play.session, 5, [shadow, row], released_chars=9)
    assert (edit.exchange_id, edit.phase, edit.started_ns) == (play.session.exchange_id, Phase.EDIT, 5)
    assert (edit.action, edit.rule, edit.released_chars) == ("redact", "hide-mail", 9)
    assert (edit.finding_count, edit.findings, edit.detectors) == (2, (shadow, row), {"marks": "1"})
    (decided,) = edit.decisions
    assert (decided.decision_id, decided.stage) == (f"{play.session.exchange_id}.output", "output")
    assert (decided.action, decided.rule) == ("redact", "hide-mail")
    assert [(rule, enforced, cause) for rule, _, enforced, cause, _ in decided.hits] == [
        ("quiet", False, "finding"),
        ("hide-mail", True, "finding"),
    ]
    assert decode(encode(edit)) == edit
    assert b"MAIL7" not in encode(edit)


def test_an_edit_is_bounded(play: Play) -> None:
    play.request("write to MAIL7")
    (row,) = kept(play).findings
    edit = build_edit(play.session, 5, [row] * 1_001)
    assert (edit.finding_count, len(edit.findings)) == (1_001, 1_000)
