"""Streamed answers: the same outcome as for the whole text, however it is cut, and nothing too early."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.adapters.openai import OpenAI, OpenAIConfig
from sentinel.core.decision import Action, Cause
from sentinel.core.errors import WireError
from sentinel.core.exchange import CallContext, Role, TextPart
from sentinel.core.ids import TraceContext
from sentinel.core.record import Outcome, Screened
from sentinel.core.redact import Redactor
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.answer import AnswerScreen, open_answer
from sentinel.guard.commands import Command, Cut, Inspect, Keep, Refuse, Send, StreamCommand
from sentinel.guard.events import Event, Inspected, RequestRead, ResponseRead
from sentinel.guard.recording import Transfer, build_record
from sentinel.guard.screener import Screener, load_screener
from sentinel.guard.session import Session
from tests.guard.streams import Lines, element, texts_of
from tests.guard.texts import cuts, texts

# One rule for each operator, and every secret; the level decides where findings overlap.
RULES = """
rules:
  - {id: in, level: low, stage: input, detect: {detector: pii, type: EMAIL_ADDRESS}, action: redact,
     operator: pseudonymise}
  - {id: mail, level: medium, stage: output, detect: {detector: pii, type: EMAIL_ADDRESS}, action: redact}
  - {id: card, level: high, stage: output, detect: {detector: pii, type: CREDIT_CARD}, action: redact,
     operator: {name: mask, keep_last: 4}}
  - {id: ssn, level: high, stage: output, detect: {detector: pii, type: US_SSN, score: 0.4}, action: redact,
     operator: hash}
  - {id: phone, level: high, stage: output, detect: {detector: pii, type: PHONE_NUMBER, score: 0.4},
     action: redact, operator: {name: replace, with: "(phone)"}}
  - {id: bank, level: high, stage: output, detect: {detector: pii, type: [IBAN_CODE, CRYPTO]}, action: redact,
     operator: {name: mask, char: "#"}}
  - {id: born, level: medium, stage: output, detect: {detector: pii, type: DATE_OF_BIRTH}, action: redact}
  - {id: street, level: medium, stage: output, action: redact,
     detect: {detector: pii, type: [STREET_ADDRESS, POSTAL_CODE], score: 0.4}}
  - {id: doubtful, level: low, stage: output, action: redact,
     detect: {detector: pii, type: [PHONE_NUMBER, CREDIT_CARD, IBAN_CODE], score: 0.3}}
  - {id: secrets, level: critical, stage: output, detect: {detector: secrets}, action: ACTION}
  - {id: seen, level: low, stage: output, detect: {detector: pii, type: [IP_ADDRESS, URL]}, action: flag}
  - {id: quiet, level: low, stage: output, detect: {detector: pii, type: DATE_TIME}, action: block,
     mode: shadow}
"""
ONE = """
rules:
  - id: mail
    level: medium
    stage: output
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
"""
MARGIN = settings(deadline=None, suppress_health_check=list(HealthCheck))
Build = Callable[[str], Screener]


def built_once(folder: Path, load: Callable[[Path], Screener]) -> Build:
    """Of rules in YAML their screener, loaded from a file when they are first asked for."""
    made: dict[str, Screener] = {}

    def screener(rules: str) -> Screener:
        if rules not in made:
            file = folder / f"{len(made)}.yaml"
            file.write_text(rules)
            made[rules] = load(file)
        return made[rules]

    return screener


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("rules")
    return built_once(folder, lambda file: load_screener([file], DetectorsConfig(), folder / "cache"))


def session_of(screener: Screener, *prompts: str) -> Session:
    session = Session(screener, CallContext("/s/M"), "e" * 32, Redactor(b"k" * 32, "k1"))
    told(session, RequestRead([TextPart(Role.PROMPT, prompt, "p") for prompt in prompts]))
    return session


def told(session: Session, event: Event) -> Command:
    command = session.receive(event)
    while isinstance(command, Inspect):
        inspections = session.screener.inspect(command.texts, command.needs, backgrounds=command.backgrounds)
        command = session.receive(Inspected(inspections, 1))
    return command


def unary(screener: Screener, text: str, prompt: str) -> tuple[Session, str | None]:
    """What screening of the whole text makes of it; None when it is refused."""
    session = session_of(screener, prompt)
    command = told(session, ResponseRead([TextPart(Role.ANSWER, text, "a")]))
    if isinstance(command, Refuse):
        return session, None
    edited = getattr(command, "texts", None)
    return session, edited[0] if edited else text


def opened(session: Session) -> AnswerScreen:
    screen = open_answer(session, Lines())
    assert screen is not None
    return screen


def played(screen: AnswerScreen, elements: Iterable[bytes], now: float = 0.0) -> list[StreamCommand]:
    """All commands, the end included."""
    done: list[StreamCommand] = []
    for data in elements:
        done += screen.feed(data, now)
        if done and isinstance(done[-1], Cut):
            return done
    return done + screen.close(now)


def heard(commands: Iterable[StreamCommand]) -> dict[tuple[int, str], str]:
    return texts_of(b"".join(command.data for command in commands if isinstance(command, Send)))


def content(commands: Iterable[StreamCommand]) -> str:
    return heard(commands).get((0, "content"), "")


@settings(MARGIN, max_examples=400)
@given(st.data())
def test_a_stream_is_edited_as_the_whole_text_would_be(build: Build, data: st.DataObject) -> None:
    """S1 and S2: at every moment what has left is a beginning of the edited whole."""
    text = data.draw(texts()).replace("MAIL_1", "EMAIL_ADDRESS_1")
    pieces = data.draw(cuts(text))
    prompt = data.draw(st.sampled_from(["hi", "write to joe@mail.example"]))
    screener = build(RULES.replace("ACTION", "redact"))
    whole, expected = unary(screener, text, prompt)
    assert expected is not None
    session = session_of(screener, prompt)
    commands = played(opened(session), map(element, pieces))
    assert content(commands) == expected
    so_far = ""
    for command in commands:
        if isinstance(command, Send):
            so_far += texts_of(command.data).get((0, "content"), "")
            assert expected.startswith(so_far)
    assert session.output.decision is not None and whole.output.decision is not None
    assert session.output.decision.findings == whole.output.decision.findings
    assert session.output.decision.hits == whole.output.decision.hits
    assert session.output.parts[0].text == text if text else not session.output.parts


@settings(MARGIN, max_examples=300)
@given(st.data())
def test_a_blocked_stream_ends_before_what_blocks_it(build: Build, data: st.DataObject) -> None:
    text = data.draw(texts())
    pieces = data.draw(cuts(text))
    screener = build(RULES.replace("ACTION", "block"))
    whole, expected = unary(screener, text, "hi")
    session = session_of(screener, "hi")
    commands = played(opened(session), map(element, pieces))
    _, unblocked = unary(build(RULES.replace("ACTION", "flag")), text, "hi")
    assert unblocked is not None
    if expected is not None:
        assert content(commands) == expected
        return
    cut = commands[-1]
    assert isinstance(cut, Cut)
    assert unblocked.startswith(content(commands))
    assert whole.output.decision is not None
    blocking = [hit for hit in whole.output.decision.hits if hit.action is Action.BLOCK and hit.enforced]
    first = min(whole.output.decision.findings[i].start for hit in blocking for i in hit.findings)
    assert session.decision is not None and session.decision.action is Action.BLOCK
    assert all(f.start >= first for f in cut.decision.findings if f.detector == "secrets")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_block_inside_of_a_redacted_value_leaves_nothing_of_either(build: Build, size: int) -> None:
    rules = """
rules:
  - {id: url, level: medium, stage: output, detect: {detector: pii, type: URL}, action: redact}
  - {id: secrets, level: high, stage: output, detect: {detector: secrets}, action: block}
"""
    said = "see https://bob.private.com/path?key=AKIA" + "QYLPMN5HHHFPZAM2 now"
    pieces = [said[start : start + size] for start in range(0, len(said), size)]
    commands = played(opened(session_of(build(rules))), map(element, pieces))
    assert isinstance(commands[-1], Cut)
    assert content(commands) == "see "


@settings(MARGIN, max_examples=100)
@given(st.data())
def test_channels_never_mix(build: Build, data: st.DataObject) -> None:
    """S5: interleaved anyhow, each channel is edited as if it were alone."""
    screener = build(RULES.replace("ACTION", "redact"))
    keys = [(0, "content"), (1, "content"), (0, "reasoning"), (0, "arguments")]
    said = {key: data.draw(texts(4)) for key in keys}
    waiting = {key: data.draw(cuts(text)) for key, text in said.items()}
    elements = []
    while any(waiting.values()):
        key = data.draw(st.sampled_from([key for key in keys if waiting[key]]))
        elements.append(element(waiting[key].pop(0), *key))
    commands = played(opened(session_of(screener, "hi")), elements)
    answers = heard(commands)
    for key, text in said.items():
        assert answers.get(key, "") == unary(screener, text, "hi")[1]


def test_prose_leaves_but_for_its_last_word(build: Build) -> None:
    screen = opened(session_of(build(ONE)))
    assert content(screen.feed(element("Hello wor"), 0.0)) == "Hello "
    assert content(screen.feed(element("ld, how"), 0.0)) == "world, "


def test_untouched_elements_leave_as_they_came(build: Build) -> None:
    elements = [element(piece) for piece in ("Hello", " there", " my", " friend")]
    commands = played(opened(session_of(build(ONE))), elements)
    assert [command.data for command in commands if isinstance(command, Send)] == elements


def test_findings_are_kept_before_the_text_that_they_edit_leaves(build: Build) -> None:
    commands = played(opened(session_of(build(ONE))), [element("to j@b.co now "), element("and then")])
    kept = next(index for index, command in enumerate(commands) if isinstance(command, Keep))
    edited = next(i for i, c in enumerate(commands) if isinstance(c, Send) and b"<EMAIL_ADDRESS>" in c.data)
    assert kept < edited
    keep = commands[kept]
    assert isinstance(keep, Keep)
    assert [(row.type, row.start, row.end, row.rule) for row in keep.findings] == [
        ("EMAIL_ADDRESS", 3, 9, "mail")
    ]
    assert b"j@b" not in json.dumps([row.value_hmac + row.why for row in keep.findings]).encode()


def test_an_edited_element_says_so_and_an_emptied_one_too(build: Build) -> None:
    """What describes the old text (log-probabilities) must go with it."""
    pieces = ["to ", "j@", "b.", "co", " now"]
    commands = played(opened(session_of(build(ONE))), map(element, pieces))
    sent = [json.loads(command.data) for command in commands if isinstance(command, Send)]
    edited = [said["slots"][0][2] for said in sent if said.get("edited")]
    assert edited == ["<EMAIL_ADDRESS>", "", ""]


def test_what_repeats_a_text_is_edited_alike(build: Build) -> None:
    screen = opened(session_of(build(ONE)))
    commands = played(
        screen, [element("to j@b"), element(".co"), element("to j@b.co", whole=True, ends=True)]
    )
    assert texts_of(commands[-1].data) == {(0, "content"): "to <EMAIL_ADDRESS>"}  # type: ignore[union-attr]


def test_what_claims_to_repeat_and_does_not_is_read_for_itself(build: Build) -> None:
    screen = opened(session_of(build(ONE)))
    commands = played(screen, [element("to whom"), element("ask x@y.org", whole=True, ends=True)])
    assert content(commands) == "ask <EMAIL_ADDRESS>"


def test_a_text_that_every_event_repeats_is_one_finding(build: Build) -> None:
    adapter, path = OpenAI(OpenAIConfig()), "/v1/chat/completions"
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    request = adapter.decode_request(path, json.dumps(asked).encode())
    session = session_of(build(ONE))
    screen = open_answer(session, adapter.open_stream(path, request))
    assert screen is not None
    said = [{"choices": [{"delta": {"content": word}}], "by": "ask j@b.co"} for word in ("a ", "b ", "c")]
    events = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in said]
    sent = b"".join(getattr(command, "data", b"") for command in played(screen, events))
    assert sent.count(b"ask <EMAIL_ADDRESS>") == 3 and b"j@b" not in sent
    assert session.output.decision is not None and len(session.output.decision.findings) == 1
    assert screen.length == len("a b c") + len("ask j@b.co")


def test_text_that_grows_in_every_element(build: Build) -> None:
    """Servers that repeat the whole text so far in each message."""
    said = "ask jane@example.com or me"
    elements = [element(said[:end], whole=True) for end in range(3, len(said) + 1)]
    commands = played(opened(session_of(build(ONE))), elements)
    assert content(commands) == "ask <EMAIL_ADDRESS> or me"
    for command in commands:
        assert b"jane" not in getattr(command, "data", b"")


def test_an_end_flushes_its_channel_before_it_passes(build: Build) -> None:
    screen = opened(session_of(build(ONE)))
    assert content(screen.feed(element("bye"), 0.0)) == ""
    assert content(screen.feed(element("", ends=True), 0.0)) == "bye"


HELD = """
rules:
  - id: mail
    level: medium
    stage: output
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: ACTION
    max_holdback_chars: 64
    max_hold_ms: 500
    on_error: ERROR
    on_stall: STALL
"""


def held(action: str, stall: str, error: str = "closed") -> str:
    return HELD.replace("ACTION", action).replace("STALL", stall).replace("ERROR", error)


def test_too_much_held_back_text_is_redacted_with_all_that_belongs_to_it(build: Build) -> None:
    session = session_of(build(held("redact", "redact")))
    screen = opened(session)
    commands = screen.feed(element("see " + "a" * 100), 0.0)
    commands += screen.feed(element("a" * 50), 0.0)
    commands += screen.feed(element("aa@b.co and so on"), 0.0)
    commands += screen.close(0.0)
    assert content(commands) == "see <REDACTED> and so on"
    assert session.output.decision is not None
    stalled = [hit for hit in session.output.decision.hits if hit.cause is Cause.STALLED]
    assert [(hit.rule, hit.action) for hit in stalled] == [("mail", Action.REDACT)]
    assert "max_holdback_chars" in stalled[0].why
    assert session.output.decision.action is Action.REDACT


def test_an_endless_value_is_edited_as_in_one_piece(build: Build) -> None:
    rules = held("redact", "redact").replace("EMAIL_ADDRESS", "URL")
    said = "see https://a.example.com/" + "b" * 300 + " there"
    elements = [element(said[start : start + 5]) for start in range(0, len(said), 5)]
    commands = played(opened(session_of(build(rules))), elements)
    assert content(commands) == unary(build(rules), said, "hi")[1] == "see <URL> there"


def test_text_that_waits_too_long_is_redacted(build: Build) -> None:
    session = session_of(build(held("redact", "redact")))
    screen = opened(session)
    commands = screen.feed(element("it is jane"), 10.0)
    assert screen.deadline == pytest.approx(10.5)
    assert screen.tick(10.4) == []
    commands += screen.tick(10.6)
    assert content(commands) == "it is <REDACTED>"
    assert screen.deadline is None
    commands += played(screen, [element("@x.org and so on")], 11.0)
    assert content(commands) == "it is <REDACTED> and so on"


@pytest.mark.parametrize(
    "said",
    [
        "to jane.doe\uff20exam\u200bple.com ok",
        "to jane.d\u043ee@ex\u0430mple.com ok",
        "to j\u200ba\u200bn\u200be@e\u200bxample.com ok",
    ],
)
def test_what_belongs_to_withheld_text_is_followed_through_its_disguises(build: Build, said: str) -> None:
    for place in range(said.index("j") + 1, said.index(" ok")):
        screen = opened(session_of(build(held("redact", "redact"))))
        commands = screen.feed(element(said[:place]), 0.0) + screen.tick(1.0)
        commands += played(screen, map(element, said[place:]), 1.0)
        assert content(commands) in ("to <REDACTED> ok", "to <EMAIL_ADDRESS> ok")


def test_a_look_alike_in_a_text_without_white_space_holds_nothing_of_it(build: Build) -> None:
    screen = opened(session_of(build(ONE)))
    said = "我们今天α去，学"
    assert content(screen.feed(element(said), 0.0)) == said[:-1]


def test_a_stall_can_block(build: Build) -> None:
    session = session_of(build(held("block", "block")))
    screen = opened(session)
    commands = screen.feed(element("it is jane"), 0.0) + screen.tick(1.0)
    assert content(commands) == "it is "
    assert isinstance(commands[-1], Cut)
    assert session.decision is not None and session.decision.action is Action.BLOCK
    assert screen.tick(2.0) == screen.feed(element("more"), 2.0) == []


def test_a_stall_can_release_where_the_rule_is_open(build: Build) -> None:
    screen = opened(session_of(build(held("redact", "release", "open"))))
    commands = screen.feed(element("it is jane"), 0.0) + screen.tick(1.0)
    assert content(commands) == "it is jane"
    commands += played(screen, [element(" or x@y.org")], 2.0)
    assert content(commands) == "it is jane or <EMAIL_ADDRESS>"


WHOLE = """
rules:
  - id: few
    level: medium
    stage: output
    detect: {detector: pii, type: EMAIL_ADDRESS}
    when: findings.size() > 1
    action: ACTION
    max_holdback_chars: LIMIT
"""


def whole(action: str, limit: int = 8192) -> str:
    return WHOLE.replace("ACTION", action).replace("LIMIT", str(limit))


def test_a_rule_about_the_whole_answer_holds_all_of_it(build: Build) -> None:
    screen = opened(session_of(build(whole("redact"))))
    commands = screen.feed(element("a@b.co, plain words and "), 0.0)
    assert commands == []
    commands = played(screen, [element("c@d.org!")])
    assert content(commands) == "<EMAIL_ADDRESS>, plain words and <EMAIL_ADDRESS>!"


def test_a_rule_about_the_whole_answer_blocks_all_of_it(build: Build) -> None:
    commands = played(opened(session_of(build(whole("block")))), [element("a@b.co and c@d.org")])
    assert content(commands) == ""
    assert isinstance(commands[-1], Cut)


def test_a_rule_about_the_whole_answer_is_bounded_too(build: Build) -> None:
    commands = played(
        opened(session_of(build(whole("redact", 64)))),
        [element("word " * 20), element("and more"), element("!")],
    )
    assert content(commands) == "<REDACTED>"


def test_rules_that_change_nothing_hold_nothing_and_are_told_at_the_end(build: Build) -> None:
    session = session_of(build(ONE.replace("redact", "flag")))
    screen = opened(session)
    assert content(screen.feed(element("ask jane@exam"), 0.0)) == "ask jane@exam"
    screen.feed(element("ple.com"), 0.0)
    screen.close(0.0)
    assert session.output.decision is not None
    assert session.output.decision.action is Action.FLAG
    assert [f.type for f in session.output.decision.findings] == ["EMAIL_ADDRESS"]


def test_without_rules_nothing_is_screened(build: Build) -> None:
    session = session_of(build(ONE.replace("output", "input")))
    assert open_answer(session, Lines()) is None
    assert session.output.screened is Screened.NO_RULE


def test_values_come_back_where_no_rule_reads_answers(build: Build) -> None:
    rules = ONE.replace("output", "input") + "    operator: pseudonymise\n"
    session = session_of(build(rules), "write to jane@example.com")
    commands = played(opened(session), [element("Dear <EMAIL_ADD"), element("RESS_1>, hello")])
    assert content(commands) == "Dear jane@example.com, hello"
    assert session.output.screened is Screened.NO_RULE


def test_values_come_back_inside_of_json_arguments(build: Build) -> None:
    rules = ONE.replace("output", "input") + "    operator: pseudonymise\n"
    session = session_of(build(rules), 'write to "jane"@example.com and jane@example.com')
    pieces = ['{"to": "<EMAIL_', 'ADDRESS_1>"}']
    commands = played(opened(session), [element(p, kind="arguments", quoted=True) for p in pieces])
    assert json.loads(heard(commands)[0, "arguments"])["to"].endswith("@example.com")


def test_an_answer_that_stops_in_the_middle_of_an_element_is_told(build: Build) -> None:
    screen = opened(session_of(build(ONE)))
    screen.feed(b'{"slots"', 0.0)
    with pytest.raises(WireError, match="middle"):
        screen.close(0.0)


def test_an_abandoned_answer_has_its_decision(build: Build) -> None:
    session = session_of(build(ONE))
    screen = opened(session)
    screen.feed(element("to j@b.co now and"), 0.0)
    screen.abandon()
    assert session.output.decision is not None
    assert session.output.decision.action is Action.REDACT
    assert session.output.screened is Screened.YES
    assert screen.released == len("to j@b.co now ")


def recorded(session: Session) -> str:
    trace, transfer = TraceContext("t", "s", "c"), Transfer(1, "p", "u", "w")
    return "".join(
        build_record(session, trace, transfer, Outcome.CANCELLED, with_content=True).output_content
    )


def test_what_is_held_back_when_the_caller_leaves_is_recorded_as_if_the_text_had_ended(build: Build) -> None:
    session = session_of(build(ONE))
    screen = opened(session)
    screen.feed(element("to j@b.co"), 0.0)
    screen.abandon()
    assert (recorded(session), screen.released) == ("to <EMAIL_ADDRESS>", 3)


def test_nothing_is_recorded_of_what_was_held_whole_and_not_read(build: Build) -> None:
    session = session_of(build(whole("redact")))
    screen = opened(session)
    screen.feed(element("to j@b.co. And"), 0.0)
    screen.abandon()
    assert recorded(session) == ""


def test_a_stream_keeps_the_rules_that_it_began_with(build: Build) -> None:
    session = session_of(build(ONE))
    screen = opened(session)
    before = session.screener.policy.digest
    assert content(played(screen, [element("to j@b.co")])) == "to <EMAIL_ADDRESS>"
    assert session.output.decision is not None and session.output.decision.policy == before


@pytest.mark.parametrize(("size", "length"), [(1, 10_000), (7, 100_000), (1000, 100_000)])
def test_a_long_text_without_white_space_flows(build: Build, size: int, length: int) -> None:
    screen = opened(session_of(build(ONE)))
    said = "ab" * (length // 2)
    longest = 0
    commands: list[StreamCommand] = []
    for start in range(0, len(said), size):
        commands += screen.feed(element(said[start : start + size]), 0.0)
        longest = max(longest, screen.length - screen.released)
    commands += screen.close(0.0)
    assert content(commands) == said
    assert longest < 256 + 128 + size + 64


def test_text_is_searched_a_bounded_number_of_times(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    screener = build(ONE)
    read = 0
    inspect = type(screener.detectors).look

    def counted(*given: object, **named: object) -> object:
        nonlocal read
        read += len(str(given[1])) - int(str(named.get("start", 0)))
        return inspect(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(screener.detectors), "look", counted)
    for said in ("the quick brown fox " * 200, "a" * 4000, "a@b.co," * 600, "1 2 3 " * 700):
        read = 0
        screen = opened(session_of(screener))
        played(screen, (element(said[i : i + 3]) for i in range(0, len(said), 3)))
        assert read < 12 * len(said)


@pytest.mark.parametrize("action", ["redact", "block"])
def test_a_value_that_a_tool_call_interrupts_does_not_go_on(build: Build, action: str) -> None:
    """Content ends when a tool call begins; where it goes on all the same, clients join the two."""
    adapter, path = OpenAI(OpenAIConfig()), "/v1/chat/completions"
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    request = adapter.decode_request(path, json.dumps(asked).encode())
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    pieces = {"content": "key AKIA" + "QY"}, {"content": "LPMN5HHHFPZAM2 ok, bye"}
    deltas: list[dict[str, object]] = [dict(pieces[0]), {"tool_calls": [call]}, dict(pieces[1]), {}]
    session = session_of(build(RULES.replace("ACTION", action)))
    screen = open_answer(session, adapter.open_stream(path, request))
    assert screen is not None
    said = [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"} for delta in deltas]
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events = [b"data: " + json.dumps({**head, "choices": [each]}).encode() + b"\n\n" for each in said]
    sent = b"".join(getattr(command, "data", b"") for command in played(screen, events))
    assert b"LPMN5" not in sent
    assert (b"<AWS_ACCESS_KEY> ok, bye" in sent) is (action == "redact")


def test_an_answer_with_bytes_that_nothing_reads_is_screened_partly(build: Build) -> None:
    session = session_of(build(ONE))
    stream = Lines()
    screen = open_answer(session, stream)
    assert screen is not None
    screen.feed(element("a picture:"), 0.0)
    stream.unread = ("outputs[picture][0]",)
    screen.close(0.0)
    assert session.output.screened is Screened.PARTLY


@pytest.mark.parametrize("size", [1, 2, 5])
def test_probabilities_of_a_stream_are_those_of_the_whole_answer(build: Build, size: int) -> None:
    """A number that the model itself found improbable is found in a stream as in one piece."""
    rules = """
rules:
  - {id: held, level: low, stage: output, detect: {detector: groundedness, type: UNSUPPORTED}, action: flag}
"""
    adapter, path = OpenAI(OpenAIConfig()), "/v1/chat/completions"
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "When was it built?"}]}
    request = adapter.decode_request(path, json.dumps(asked).encode())
    tokens = [("It", -0.1), (" was", -0.1), (" built", -0.2), (" in", -0.1), (" 1911", -2.5)]
    events = []
    for start in range(0, len(tokens), size):
        some = tokens[start : start + size]
        told = {"content": [{"token": token, "logprob": logprob} for token, logprob in some]}
        delta = {"content": "".join(token for token, _ in some)}
        choice = {"index": 0, "delta": delta, "logprobs": told, "finish_reason": None}
        events.append(b"data: " + json.dumps({"id": "1", "choices": [choice]}).encode() + b"\n\n")
    session = session_of(build(rules), "When was it built?")
    screen = open_answer(session, adapter.open_stream(path, request))
    assert screen is not None
    played(screen, events)
    assert session.output.decision is not None
    (finding,) = session.output.decision.findings
    assert finding.type == "UNSUPPORTED" and "1911" not in finding.why
    assert session.output.parts[0].text[slice(*finding.evidence[0][:2])] == "1911"
