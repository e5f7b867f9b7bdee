from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceState

from sentinel.telemetry.rows import COLUMNS, span_rows, traces_table

STATE = TraceState([("vendor", "1")])


def span(**changes: Any) -> ReadableSpan:
    fields: dict[str, Any] = {
        "name": "chat demo",
        "context": SpanContext(1, 2, is_remote=False, trace_state=STATE),
        "resource": Resource({"service.name": "sentinel", "n": 1}),
        "kind": SpanKind.CLIENT,
        "start_time": 1_000,
        "end_time": 1_500,
        "instrumentation_scope": InstrumentationScope("scope", "7"),
    }
    return ReadableSpan(**fields | changes)


def row(**changes: Any) -> dict[str, Any]:
    return dict(zip(COLUMNS, span_rows([span(**changes)])[0], strict=True))


def test_a_span_is_a_row_of_the_collectors_table() -> None:
    link = Link(SpanContext(3, 4, is_remote=True, trace_state=STATE), {"why": "retry"})
    assert row(
        parent=SpanContext(1, 9, is_remote=True),
        attributes={"a": "b"},
        events=[Event("seen", {"score": 0.5}, timestamp=1_200)],
        links=[link],
        status=Status(StatusCode.ERROR, "boom"),
    ) == {
        "Timestamp": 1_000,
        "TraceId": "0" * 31 + "1",
        "SpanId": "0" * 15 + "2",
        "ParentSpanId": "0" * 15 + "9",
        "TraceState": "vendor=1",
        "SpanName": "chat demo",
        "SpanKind": "Client",
        "ServiceName": "sentinel",
        "ResourceAttributes": {"service.name": "sentinel", "n": "1"},
        "ScopeName": "scope",
        "ScopeVersion": "7",
        "SpanAttributes": {"a": "b"},
        "Duration": 500,
        "StatusCode": "Error",
        "StatusMessage": "boom",
        "Events.Timestamp": [1_200],
        "Events.Name": ["seen"],
        "Events.Attributes": [{"score": "0.5"}],
        "Links.TraceId": ["0" * 31 + "3"],
        "Links.SpanId": ["0" * 15 + "4"],
        "Links.TraceState": ["vendor=1"],
        "Links.Attributes": [{"why": "retry"}],
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (0.25, "0.25"),
        (["a", "b"], '["a","b"]'),
        (("a", "é"), '["a","é"]'),
        ([1, True], "[1,true]"),
    ],
)
def test_attributes_are_text(value: Any, text: str) -> None:
    assert row(attributes={"key": value})["SpanAttributes"] == {"key": text}


def test_a_span_that_ends_before_it_starts_lasts_no_time() -> None:
    assert row(end_time=900)["Duration"] == 0


def test_a_table_is_columns() -> None:
    table = traces_table(span_rows([span(name="one"), span(name="two")]))
    assert tuple(table.columns) == COLUMNS
    assert table.rows == 2
    assert table.data[COLUMNS.index("SpanName")] == ["one", "two"]
