"""Which HTTP header fields travel, and the paths that name a method.

Everything travels but what belongs to one connection (RFC 9110, section 7.6.1), the framing that each side
makes anew, and the trace context that we continue. Names are lower-case bytes throughout, as ASGI gives them.
"""

from __future__ import annotations

import functools
import re
import urllib.parse
from collections.abc import Iterable

from sentinel.core.ids import TraceContext, trace_context

Headers = list[tuple[bytes, bytes]]

_CONNECTION = frozenset(
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"]
)
_PROXY = frozenset([b"proxy-authenticate", b"proxy-authorization"])
_ONE_CONNECTION = _CONNECTION | _PROXY
_FROM_CALLER = frozenset(
    [b"host", b"content-length", b"expect", b"traceparent", b"tracestate", b"http2-settings"]
)

# Of the bytes of a body: wrong once we write other bytes.
ABOUT_BYTES = frozenset(
    [
        b"accept-ranges",
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"digest",
        b"etag",
        b"repr-digest",
    ]
)

_SEGMENT = re.compile(r"[A-Za-z_.-]{1,40}|v\d{1,3}")
_MAX_SEGMENTS = 8


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Without the fields of one connection, among them those that `Connection` names."""
    kept = list(headers)
    named = {
        token.strip().lower() for name, value in kept if name == b"connection" for token in value.split(b",")
    }
    dropped = _ONE_CONNECTION | named if named else _ONE_CONNECTION
    return [field for field in kept if field[0] not in dropped]


def upstream_headers(headers: Headers, trace: TraceContext) -> list[tuple[str, str]]:
    """A caller's end-to-end fields for the model server, with our span as the parent.

    Raises UnicodeDecodeError on a value that is not UTF-8, for aiohttp writes no other.
    """
    kept = [
        (name.decode("ascii"), value.decode("utf-8")) for name, value in headers if name not in _FROM_CALLER
    ]
    kept.append(("traceparent", trace.upstream_header))
    if trace.state:
        kept.append(("tracestate", trace.state))
    return kept


def continue_trace(headers: Headers) -> TraceContext:
    """The exchange's place in the caller's trace, or the start of one."""
    parents = [value.decode("latin-1") for name, value in headers if name == b"traceparent"]
    states = [value.decode("latin-1") for name, value in headers if name == b"tracestate"]
    return trace_context(parents[-1] if parents else None, ",".join(states) or None)


def values(headers: Headers, name: bytes) -> list[str]:
    """Each value of a field, in order."""
    return [value.decode("latin-1").strip() for key, value in headers if key == name]


def first(headers: Headers, name: bytes) -> str:
    """The first value of a field, or ""."""
    return next((value.decode("latin-1").strip() for key, value in headers if key == name), "")


def media_type(headers: Headers) -> tuple[str, str]:
    """`content-type` as (type, charset) in lower case; "" for what is not told."""
    return _media_type(first(headers, b"content-type"))


@functools.lru_cache(64)
def _media_type(value: str) -> tuple[str, str]:
    kind, _, rest = value.lower().partition(";")
    charset = ""
    for parameter in rest.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip() == "charset":
            charset = value.strip().strip('"')
    return kind.strip(), charset


def canonical(path: str) -> str:
    """The path that a model server may take `path` (percent-decoded) for: a spelling that leads to a known
    method must not lead around its rules."""
    segments: list[str] = []
    for segment in urllib.parse.unquote(path).split("/"):
        name = segment.partition(";")[0]
        if name == "..":
            del segments[-1:]
        elif name not in ("", "."):
            segments.append(name)
    return "/" + "/".join(segments).lower()


def template(path: str) -> str:
    """A path as it may stand in a record: names stay, identifiers and everything else become `*`."""
    segments = path.strip("/").split("/")
    shown = [segment if _SEGMENT.fullmatch(segment) else "*" for segment in segments[:_MAX_SEGMENTS]]
    return "/" + "/".join(shown) + ("/*" if len(segments) > _MAX_SEGMENTS else "")
