"""Which metadata travels."""

from __future__ import annotations

import pytest

from sentinel.core.ids import TraceContext
from sentinel.proxy.metadata import continue_trace, downstream_metadata, first, upstream_metadata

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def test_everything_travels_but_what_the_transport_owns() -> None:
    given = (("a", "1"), ("a", "2"), ("b-bin", b"\0\xff"), ("user-agent", "x"), ("grpc-timeout", "1S"))
    assert downstream_metadata(given) == (("a", "1"), ("a", "2"), ("b-bin", b"\0\xff"))


def test_the_callers_trace_goes_on_with_our_span_as_parent() -> None:
    given = (("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "v=1"), ("k", "v"))
    trace = continue_trace(given)
    assert (trace.trace_id, trace.parent_span, trace.state) == (TRACE, PARENT, "v=1")
    sent = dict(upstream_metadata(given, trace))
    assert sent == {"k": "v", "traceparent": f"00-{TRACE}-{trace.client_span}-01", "tracestate": "v=1"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
    ],
)
def test_a_malformed_trace_starts_a_new_one(header: str) -> None:
    trace = continue_trace((("traceparent", header), ("tracestate", "v=1")))
    assert trace.trace_id != TRACE
    assert (trace.parent_span, trace.state) == ("", "")


def test_a_later_version_is_read_as_far_as_we_know_it() -> None:
    assert continue_trace((("traceparent", f"01-{TRACE}-{PARENT}-01-more"),)).trace_id == TRACE


def test_ids_have_their_lengths_and_differ() -> None:
    one, two = continue_trace(()), continue_trace(())
    assert isinstance(one, TraceContext)
    assert (len(one.trace_id), len(one.server_span), len(one.client_span)) == (32, 16, 16)
    assert len({one.trace_id, two.trace_id, one.server_span, one.client_span}) == 4


def test_first_textual_value_of_a_key() -> None:
    given = (("t-bin", b"x"), ("t", "1"), ("t", "2"))
    assert (first(given, "t"), first(given, "t-bin"), first(given, "none")) == ("1", "", "")
