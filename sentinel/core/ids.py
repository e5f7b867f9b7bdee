"""Identifiers. Trace ids follow W3C Trace Context; the others are 128 random bits in hexadecimal."""

from __future__ import annotations

import os
import re

import msgspec

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


_pool: list[str] = []


def new_id() -> str:
    """32 hexadecimal digits, random."""
    try:
        return _pool.pop()
    except IndexError:
        # One system call for many ids; pop and extend are atomic, so threads may share the pool.
        noise = os.urandom(16 * 64).hex()
        _pool.extend(noise[start : start + 32] for start in range(32, len(noise), 32))
        return noise[:32]


class TraceContext(msgspec.Struct, frozen=True, gc=False):
    """Where an exchange stands in a trace.

    `server_span` is Sentinel's span towards the caller, `client_span` the one towards the model,
    `parent_span` the caller's span or "".
    """

    trace_id: str
    server_span: str
    client_span: str
    parent_span: str = ""
    state: str = ""
    flags: str = "01"

    @property
    def upstream_header(self) -> str:
        """The `traceparent` to send upstream."""
        return f"00-{self.trace_id}-{self.client_span}-{self.flags}"


def trace_context(traceparent: str | None, tracestate: str | None) -> TraceContext:
    """Continue the caller's trace, or start one when the header is missing or malformed (W3C section 4.3)."""
    noise = new_id()
    spans = noise[:16], noise[16:]
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match:
        version, trace_id, parent, flags, rest = match.groups()
        malformed = (
            version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not parent.strip("0")
        )
        if not malformed:
            return TraceContext(trace_id, *spans, parent_span=parent, state=tracestate or "", flags=flags)
    return TraceContext(new_id(), *spans)
