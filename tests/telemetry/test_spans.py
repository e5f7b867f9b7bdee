from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from sentinel.core.record import DecisionRow, Outcome, Record, Screened
from sentinel.telemetry.spans import MAX_EVENTS, SpanBuilder
from tests.telemetry.records import SECOND_NS, START_NS, finding, record

TRACE = "0af7651916cd43dd8448eb211c80319c"


def build(one: Record, conventions: str = "1.38") -> dict[SpanKind, ReadableSpan]:
    return {span.kind: span for span in SpanBuilder("sentinel", conventions).build(one)}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_ids_parents_and_times_are_the_records() -> None:
    spans = build(record(TRACE, parent_span="53995c3f42cd8ad8", trace_state="vendor=1", trace_flags="01"))
    server, client = spans[SpanKind.SERVER], spans[SpanKind.CLIENT]
    assert {span.context.trace_id for span in spans.values()} == {int(TRACE, 16)}
    assert (server.context.span_id, client.context.span_id) == (0xB7AD6B7169203331, 0x00F067AA0BA902B7)
    assert server.parent and client.parent
    assert (server.parent.span_id, server.parent.is_remote) == (0x53995C3F42CD8AD8, True)
    assert client.parent.span_id == server.context.span_id
    assert server.context.trace_state.to_header() == "vendor=1"
    assert server.context.trace_flags.sampled
    assert (server.start_time, server.end_time) == (START_NS, START_NS + SECOND_NS)
    # The model is asked once the prompt was screened: 100 us.
    assert (client.start_time, client.end_time) == (START_NS + 100_000, START_NS + 100_000 + SECOND_NS // 2)


def test_a_call_without_a_callers_trace_has_no_parent() -> None:
    assert build(record(TRACE))[SpanKind.SERVER].parent is None


def test_the_clients_span_ends_with_the_exchange() -> None:
    client = build(record(TRACE, upstream_ns=5 * SECOND_NS))[SpanKind.CLIENT]
    assert client.end_time == START_NS + SECOND_NS


def test_a_model_that_was_not_reached_has_no_span() -> None:
    assert set(build(record(TRACE, upstream_ns=0))) == {SpanKind.SERVER}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "text_completion demo"),
        ({"protocol": "openai"}, "chat demo"),
        ({"model": ""}, "text_completion"),
        (
            {
                "input_screened": Screened.UNKNOWN_METHOD,
                "method": "/inference.GRPCInferenceService/ServerLive",
            },
            "inference.GRPCInferenceService/ServerLive",
        ),
    ],
)
def test_the_name_is_operation_and_model(fields: dict[str, Any], name: str) -> None:
    assert {span.name for span in build(record(TRACE, **fields)).values()} == {name}


def test_attributes_follow_the_conventions() -> None:
    one = record(TRACE, response_id="r1", input_tokens=7, output_tokens=9, tenant="acme", streaming=True)
    spans = build(one)
    server, client = attributes(spans[SpanKind.SERVER]), attributes(spans[SpanKind.CLIENT])
    shared = {
        "gen_ai.operation.name": "text_completion",
        "gen_ai.provider.name": "open_inference",
        "gen_ai.request.model": "demo",
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "r1",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 9,
        "rpc.service": "inference.GRPCInferenceService",
        "rpc.method": "ModelInfer",
        "rpc.response.status_code": "OK",
        "sentinel.exchange_id": TRACE,
    }
    assert shared.items() <= server.items()
    assert shared.items() <= client.items()
    assert {"server.address": "127.0.0.1", "server.port": 9000}.items() <= client.items()
    assert {
        "sentinel.action": "flag",
        "sentinel.rule": "pii-email",
        "sentinel.policy": "policy-digest",
        "sentinel.tenant": "acme",
        "sentinel.outcome": "answered",
        "sentinel.input.screened": "yes",
        "sentinel.output.screened": "no_rule",
        "sentinel.detector.pii": "2.2",
        "sentinel.decision_ids": ["d" * 32],
    }.items() <= server.items()
    assert not [name for name in server | client if "messages" in name]


def test_the_provider_had_another_name_before() -> None:
    old = attributes(build(record(TRACE), "1.36")[SpanKind.SERVER])
    assert old["gen_ai.system"] == "open_inference"
    assert "gen_ai.provider.name" not in old


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        ("model.example.com:8001", {"server.address": "model.example.com", "server.port": 8001}),
        ("[::1]:8001", {"server.address": "::1", "server.port": 8001}),
        ("unix:/run/model.sock", {"server.address": "unix:/run/model.sock"}),
        ("", {}),
    ],
)
def test_the_upstream_is_told_on_the_clients_span(upstream: str, expected: dict[str, Any]) -> None:
    client = attributes(build(record(TRACE, upstream=upstream))[SpanKind.CLIENT])
    assert {name: value for name, value in client.items() if name.startswith("server.")} == expected


@pytest.mark.parametrize(
    ("outcome", "code", "server_fails", "client_fails"),
    [
        (Outcome.ANSWERED, "OK", False, False),
        (Outcome.REFUSED, "PERMISSION_DENIED", False, False),
        (Outcome.REJECTED, "RESOURCE_EXHAUSTED", False, False),
        (Outcome.UPSTREAM_ERROR, "INVALID_ARGUMENT", False, True),
        (Outcome.UPSTREAM_ERROR, "UNAVAILABLE", True, True),
        (Outcome.DEADLINE, "DEADLINE_EXCEEDED", True, True),
        (Outcome.CANCELLED, "CANCELLED", False, False),
        (Outcome.INTERRUPTED, "UNAVAILABLE", True, True),
        (Outcome.ANSWERED, "200", False, False),
        (Outcome.REFUSED, "403", False, False),
        (Outcome.UPSTREAM_ERROR, "404", False, True),
        (Outcome.UPSTREAM_ERROR, "502", True, True),
        (Outcome.CANCELLED, "499", False, False),
    ],
)
def test_the_status_says_whose_fault_it_is(
    outcome: Outcome, code: str, server_fails: bool, client_fails: bool
) -> None:
    spans = build(record(TRACE, outcome=outcome, grpc_code=code, error_type="boom"))
    failed = {kind: span.status.status_code is StatusCode.ERROR for kind, span in spans.items()}
    assert failed == {SpanKind.SERVER: server_fails, SpanKind.CLIENT: client_fails}
    assert attributes(spans[SpanKind.SERVER])["error.type"] == "boom"


def test_a_call_over_http_is_told_in_http_s_words() -> None:
    told = attributes(build(record(TRACE, method="/v1/messages", grpc_code="403"))[SpanKind.SERVER])
    assert (told["http.route"], told["http.response.status_code"]) == ("/v1/messages", 403)
    assert not [name for name in told if name.startswith("rpc.")]


def test_each_finding_is_an_evaluation_event() -> None:
    answer = finding(stage="output", type="PERSON", action="", why="", enforced=False)
    telling = finding(evidence=((3, 8, 0.7251), (9, 20, 0.1)))
    one = record(TRACE, response_id="r1", findings=(telling, answer))
    found, other = build(one)[SpanKind.SERVER].events
    assert found.name == "gen_ai.evaluation.result"
    assert dict(found.attributes or {}) == {
        "gen_ai.evaluation.name": "pii.EMAIL_ADDRESS",
        "gen_ai.evaluation.score.value": 0.85,
        "gen_ai.evaluation.score.label": "flag",
        "gen_ai.evaluation.explanation": "pattern and domain",
        "gen_ai.response.id": "r1",
        "sentinel.finding.stage": "input",
        "sentinel.finding.detector": "pii",
        "sentinel.finding.type": "EMAIL_ADDRESS",
        "sentinel.finding.path": "inputs[text_input][0]",
        "sentinel.finding.start": 3,
        "sentinel.finding.end": 20,
        "sentinel.finding.rule": "pii-email",
        "sentinel.finding.level": "medium",
        "sentinel.finding.enforced": True,
        "sentinel.finding.threshold": 0.5,
        "sentinel.finding.value_hmac": "k1:00ff",
        "sentinel.finding.evidence": ["3-8 0.725", "9-20 0.1"],
    }
    assert dict(other.attributes or {})["gen_ai.evaluation.score.label"] == "found"
    assert "sentinel.finding.evidence" not in dict(other.attributes or {})
    assert (found.timestamp, other.timestamp) == (START_NS + 100_000, START_NS + SECOND_NS)


def test_events_keep_their_bound() -> None:
    span = build(record(TRACE, findings=(finding(),) * 1000))[SpanKind.SERVER]
    assert len(span.events) == MAX_EVENTS
    assert attributes(span)["sentinel.finding_count"] == 1000


def test_content_is_told_when_the_record_holds_it() -> None:
    span = build(record(TRACE, input_content=("from <EMAIL>",), output_content=("hello",)))[SpanKind.SERVER]
    messages = {name: json.loads(value) for name, value in attributes(span).items() if "messages" in name}
    assert messages == {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "from <EMAIL>"}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}],
    }


@pytest.mark.parametrize("field", ["trace_id", "server_span", "trace_flags", "parent_span"])
def test_an_id_that_is_none_is_an_error(field: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        build(record(TRACE, **{"trace_id": TRACE, field: "not hexadecimal"}))


def test_an_output_decision_takes_no_time_from_the_model() -> None:
    decisions = (
        DecisionRow("1", "input", "allow", elapsed_us=100),
        DecisionRow("2", "output", "allow", elapsed_us=900),
    )
    client = build(record(TRACE, decisions=decisions))[SpanKind.CLIENT]
    assert client.start_time == START_NS + 100_000
