"""A record as OpenTelemetry spans: one SERVER span towards the caller, and one CLIENT span towards the model
when the model was reached. Ids and times are the record's, so that building them again gives the same spans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from sentinel import __version__
from sentinel.core.exchange import Stage
from sentinel.core.record import FindingRow, Outcome, Record, Screened
from sentinel.telemetry import semconv
from sentinel.telemetry.semconv import GenAi

MAX_EVENTS = 128
"""Findings told on one span (OpenTelemetry's default bound); the findings table holds all of them."""

# A refusal or a caller's mistake is no error of the server (gRPC conventions, span status of servers).
_SERVER_ERRORS = frozenset(
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]
)
_HTTP_ERRORS = range(500, 600)
_MODEL_FAILED = frozenset([Outcome.UPSTREAM_ERROR, Outcome.DEADLINE, Outcome.INTERRUPTED])

AttributeValue = str | bool | int | float | Sequence[str]


class SpanBuilder:
    """Builds spans under one resource and one version of the conventions."""

    def __init__(self, service_name: str, conventions: str) -> None:
        self._names = semconv.VERSIONS[conventions]
        self._resource = Resource.create({"service.name": service_name, "service.version": __version__})
        self._scope = InstrumentationScope("sentinel", __version__, self._names.schema_url)

    def build(self, record: Record) -> list[ReadableSpan]:
        """The spans of a final record. Raises ValueError when an id of the record is not hexadecimal."""
        shared = _shared_attributes(record, self._names)
        name = _span_name(record)
        server = _context(record, record.server_span)
        parent = _context(record, record.parent_span, remote=True) if record.parent_span else None
        spans = [
            self._span(
                name,
                server,
                parent,
                SpanKind.SERVER,
                shared | _server_attributes(record, self._names),
                _status(record, _server_failed(record)),
                (record.started_ns, _ended(record)),
                _evaluations(record, self._names),
            )
        ]
        if record.upstream_ns:
            spans.append(
                self._span(
                    name,
                    _context(record, record.client_span),
                    server,
                    SpanKind.CLIENT,
                    shared | _client_attributes(record),
                    _status(record, record.outcome in _MODEL_FAILED),
                    _model_times(record),
                )
            )
        return spans

    def _span(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        status: Status,
        times: tuple[int, int],
        events: Sequence[Event] = (),
    ) -> ReadableSpan:
        return ReadableSpan(
            name,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes=attributes,
            events=events,
            kind=kind,
            status=status,
            start_time=times[0],
            end_time=times[1],
            instrumentation_scope=self._scope,
        )


def _carries_prompts(record: Record) -> bool:
    return Screened.UNKNOWN_METHOD not in (record.input_screened, record.output_screened)


def _operation(record: Record) -> str:
    return semconv.OPERATIONS.get(record.protocol, semconv.TEXT_COMPLETION)


def _span_name(record: Record) -> str:
    if not _carries_prompts(record):
        return record.method.lstrip("/")
    return f"{_operation(record)} {record.model}".rstrip()


def _context(record: Record, span_id: str, *, remote: bool = False) -> SpanContext:
    return SpanContext(
        int(record.trace_id, 16),
        int(span_id, 16),
        is_remote=remote,
        trace_flags=TraceFlags(int(record.trace_flags, 16)),
        trace_state=TraceState.from_header([record.trace_state]) if record.trace_state else None,
    )


def _ended(record: Record) -> int:
    return max(record.started_ns, record.ended_ns)


def _stage_us(record: Record, stage: Stage) -> int:
    return sum(decision.elapsed_us for decision in record.decisions if decision.stage == stage)


def _model_times(record: Record) -> tuple[int, int]:
    """The model was asked once the prompt was screened, and took `upstream_ns`."""
    start = min(record.started_ns + 1000 * _stage_us(record, Stage.INPUT), _ended(record))
    return start, min(start + record.upstream_ns, _ended(record))


def _status(record: Record, failed: bool) -> Status:
    return Status(StatusCode.ERROR, record.error_type or record.grpc_code) if failed else Status()


def _over_http(record: Record) -> bool:
    """gRPC's codes have names, HTTP's are numbers."""
    return record.grpc_code.isdigit()


def _server_failed(record: Record) -> bool:
    if _over_http(record):
        return int(record.grpc_code) in _HTTP_ERRORS
    return record.grpc_code in _SERVER_ERRORS


def _transport(record: Record) -> dict[str, AttributeValue]:
    if _over_http(record):
        return {semconv.HTTP_ROUTE: record.method, semconv.HTTP_STATUS: int(record.grpc_code)}
    service, _, method = record.method.lstrip("/").rpartition("/")
    return {
        semconv.RPC_SYSTEM: "grpc",
        semconv.RPC_SERVICE: service,
        semconv.RPC_METHOD: method,
        semconv.RPC_STATUS: record.grpc_code,
    }


def _shared_attributes(record: Record, names: GenAi) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        **_transport(record),
        semconv.EXCHANGE_ID: record.exchange_id,
        semconv.ROUTE: record.route,
        semconv.PROTOCOL: record.protocol,
    }
    if _carries_prompts(record):
        found[names.operation_name] = _operation(record)
        found[names.provider_name] = record.protocol
        found[names.request_stream] = record.streaming
    for name, value in (
        (names.request_model, record.model),
        (names.response_id, record.response_id),
        (names.input_tokens, record.input_tokens),
        (names.output_tokens, record.output_tokens),
        (semconv.ERROR_TYPE, record.error_type),
    ):
        if value:
            found[name] = value
    return found


def _server_attributes(record: Record, names: GenAi) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        semconv.OUTCOME: record.outcome.value,
        semconv.ACTION: record.action,
        semconv.INPUT_SCREENED: record.input_screened.value,
        semconv.OUTPUT_SCREENED: record.output_screened.value,
        semconv.SCREEN_US: record.screen_us,
        semconv.FINDING_COUNT: len(record.findings),
    }
    for name, value in (
        (semconv.RULE, record.rule),
        (semconv.POLICY, record.policy),
        (semconv.TENANT, record.tenant),
        (semconv.WORKER, record.worker),
        (semconv.RELEASED_CHARS, record.released_chars),
        (semconv.DECISION_IDS, [decision.decision_id for decision in record.decisions]),
    ):
        if value:
            found[name] = value
    for detector, version in record.detectors.items():
        found[f"{semconv.DETECTOR}.{detector}"] = version
    # Content is in a record only when it is switched on, and then only redacted.
    if record.input_content:
        found[names.input_messages] = _messages("user", record.input_content)
    if record.output_content:
        found[names.output_messages] = _messages("assistant", record.output_content)
    return found


def _client_attributes(record: Record) -> dict[str, AttributeValue]:
    if not record.upstream:
        return {}
    host, colon, port = record.upstream.rpartition(":")
    if not colon or not port.isdigit():
        return {semconv.SERVER_ADDRESS: record.upstream}
    return {semconv.SERVER_ADDRESS: host.strip("[]"), semconv.SERVER_PORT: int(port)}


def _messages(role: str, texts: Sequence[str]) -> str:
    parts = [{"type": "text", "content": text} for text in texts]
    return msgspec.json.encode([{"role": role, "parts": parts}]).decode()


def _evaluations(record: Record, names: GenAi) -> list[Event]:
    asked = min(record.started_ns + 1000 * _stage_us(record, Stage.INPUT), _ended(record))
    times = {Stage.INPUT.value: asked, Stage.OUTPUT.value: _ended(record)}
    return [
        Event(
            names.evaluation_event,
            _evaluation(finding, record.response_id, names),
            times.get(finding.stage, asked),
        )
        for finding in record.findings[:MAX_EVENTS]
    ]


def _evaluation(finding: FindingRow, response_id: str, names: GenAi) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        names.evaluation_name: f"{finding.detector}.{finding.type}",
        names.evaluation_score: finding.score,
        names.evaluation_label: finding.action or "found",
        semconv.FINDING_STAGE: finding.stage,
        semconv.FINDING_DETECTOR: finding.detector,
        semconv.FINDING_TYPE: finding.type,
        semconv.FINDING_PATH: finding.path,
        semconv.FINDING_START: finding.start,
        semconv.FINDING_END: finding.end,
        semconv.FINDING_ENFORCED: finding.enforced,
        semconv.FINDING_THRESHOLD: finding.threshold,
    }
    for name, value in (
        (names.evaluation_explanation, finding.why),
        (names.response_id, response_id),
        (semconv.FINDING_RULE, finding.rule),
        (semconv.FINDING_LEVEL, finding.level),
        (semconv.FINDING_HMAC, finding.value_hmac),
        (
            semconv.FINDING_EVIDENCE,
            [f"{start}-{end} {weight:.3g}" for start, end, weight in finding.evidence],
        ),
    ):
        if value:
            found[name] = value
    return found
