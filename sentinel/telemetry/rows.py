"""Spans as rows of `otel_traces`: the columns of the OpenTelemetry Collector's ClickHouse exporter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from sentinel.store.rows import Table

TRACES = "otel_traces"

_KINDS = {kind: kind.name.capitalize() for kind in SpanKind}
# The Collector writes its own spelling of the status (`ptrace.StatusCode.String()`).
_STATUS = {StatusCode.UNSET: "Unset", StatusCode.OK: "Ok", StatusCode.ERROR: "Error"}

COLUMNS = (
    "Timestamp",
    "TraceId",
    "SpanId",
    "ParentSpanId",
    "TraceState",
    "SpanName",
    "SpanKind",
    "ServiceName",
    "ResourceAttributes",
    "ScopeName",
    "ScopeVersion",
    "SpanAttributes",
    "Duration",
    "StatusCode",
    "StatusMessage",
    "Events.Timestamp",
    "Events.Name",
    "Events.Attributes",
    "Links.TraceId",
    "Links.SpanId",
    "Links.TraceState",
    "Links.Attributes",
)

Row = tuple[Any, ...]


def span_rows(spans: Iterable[ReadableSpan]) -> list[Row]:
    """Spans as values in the order of `COLUMNS`."""
    resource, printed = None, dict[str, str]()
    rows = []
    for span in spans:
        if span.resource is not resource:
            resource, printed = span.resource, _strings(span.resource.attributes)
        rows.append(_row(span, printed))
    return rows


def _row(span: ReadableSpan, resource: dict[str, str]) -> Row:
    context = span.context
    start, end = span.start_time or 0, span.end_time or 0
    scope = span.instrumentation_scope
    return (
        start,
        format_trace_id(context.trace_id),
        format_span_id(context.span_id),
        format_span_id(span.parent.span_id) if span.parent else "",
        context.trace_state.to_header(),
        span.name,
        _KINDS[span.kind],
        resource.get("service.name", ""),
        resource,
        scope.name if scope else "",
        (scope.version or "") if scope else "",
        _strings(span.attributes or {}),
        max(0, end - start),
        _STATUS[span.status.status_code],
        span.status.description or "",
        [event.timestamp for event in span.events],
        [event.name for event in span.events],
        [_strings(event.attributes or {}) for event in span.events],
        [format_trace_id(link.context.trace_id) for link in span.links],
        [format_span_id(link.context.span_id) for link in span.links],
        [link.context.trace_state.to_header() for link in span.links],
        [_strings(link.attributes or {}) for link in span.links],
    )


def traces_table(rows: Sequence[Row]) -> Table:
    """Rows as the columns that `Store.insert` takes."""
    return Table(COLUMNS, [list(column) for column in zip(*rows, strict=True)])


def _strings(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {key: _PRINT.get(type(value), _json)(value) for key, value in attributes.items()}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# As the Collector prints a value: text and numbers as they are, everything else as JSON.
_PRINT: dict[type, Callable[[Any], str]] = {str: str, int: str, float: str}
