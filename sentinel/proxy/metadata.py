"""Which metadata travels. Everything does, but what the transport owns and the trace context that we
continue.
"""

from __future__ import annotations

from collections.abc import Iterable

from sentinel.core.ids import TraceContext, trace_context

Metadata = tuple[tuple[str, str | bytes], ...]

# The transport writes these itself on each side; as metadata they raise or are dropped (grpc-timeout travels
# as the call's deadline, grpc-encoding is negotiated anew, user-agent belongs to the connection).
_OWNED = frozenset(
    {"user-agent", "te", "content-type", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding"}
)
_NOT_PASSED_ON = _OWNED | {"traceparent", "tracestate"}


def continue_trace(metadata: Iterable[tuple[str, str | bytes]]) -> TraceContext:
    """The exchange's place in the caller's trace, or the start of one."""
    parent = state = None
    for key, value in metadata:
        if key == "traceparent" and isinstance(value, str):
            parent = value
        elif key == "tracestate" and isinstance(value, str):
            state = f"{state},{value}" if state else value
    return trace_context(parent, state)


def upstream_metadata(metadata: Iterable[tuple[str, str | bytes]], trace: TraceContext) -> Metadata:
    """The caller's metadata for the model server, with our span as the parent."""
    kept = [(key, value) for key, value in metadata if key not in _NOT_PASSED_ON]
    kept.append(("traceparent", trace.upstream_header))
    if trace.state:
        kept.append(("tracestate", trace.state))
    return tuple(kept)


def downstream_metadata(metadata: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    """The upstream's initial or trailing metadata for the caller."""
    return tuple([(key, value) for key, value in metadata if key not in _OWNED]) if metadata else ()


def first(metadata: Iterable[tuple[str, str | bytes]], key: str) -> str:
    """The first textual value of a key, or ""."""
    for name, value in metadata:
        if name == key and isinstance(value, str):
            return value
    return ""
