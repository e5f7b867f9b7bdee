"""The messages of Envoy's external processing as values of ours, and back.

Only full-duplex streaming is spoken: it alone lets us hold the headers until the whole body was read, and
stream an answer beside that.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from typing import Any, Literal

from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy.http_headers import Headers

ATTRIBUTES = "envoy.filters.http.ext_proc"

_PIECE = 64 * 1024  # what Envoy's documentation recommends for a piece of a body
_BODIES = ("request_body_mode", "response_body_mode")
_LENGTH = b"content-length"

Side = Literal["request", "response"]


def misconfigured(first: pb.ProcessingRequest) -> str:
    """What of Envoy's configuration does not fit, as a sentence that names the setting, or ""."""
    if first.observability_mode:
        return "observability_mode must be false: Envoy would let everything pass unread"
    if first.WhichOneof("request") != "request_headers":
        return "processing_mode.request_header_mode must be SEND"
    if not first.HasField("protocol_config"):
        return "Envoy does not tell its body modes: version 1.34 or later is needed"
    for field in _BODIES:
        mode = getattr(first.protocol_config, field)
        if mode != pb.FULL_DUPLEX_STREAMED:
            name = pb.BodySendMode.Name(mode) if mode in pb.BodySendMode.values() else str(mode)
            return f"processing_mode.{field} must be FULL_DUPLEX_STREAMED, and is {name}"
    return ""


def fields(headers: pb.HeaderMap) -> Headers:
    """All fields, Envoy's own (`:path`) among them."""
    return [(field.key.encode(), field.raw_value or field.value.encode()) for field in headers.headers]


def scope(message: pb.HttpHeaders) -> dict[str, Any]:
    """A request's head as ASGI tells it."""
    told = fields(message.headers)
    own = {name: value for name, value in told if name.startswith(b":")}
    headers = [field for field in told if not field[0].startswith(b":")]
    headers.append((b"host", own.get(b":authority", b"")))
    raw_path, _, query = own.get(b":path", b"").partition(b"?")
    if not message.end_of_stream and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"transfer-encoding", b"chunked"))  # a body follows
    return {
        "type": "http",
        "http_version": "2",
        "method": own.get(b":method", b"").decode("latin-1"),
        "path": urllib.parse.unquote(raw_path.decode("latin-1")),
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
    }


def status_of(message: pb.HttpHeaders) -> int:
    return int(dict(fields(message.headers)).get(b":status", b"0"))


def attribute(message: pb.ProcessingRequest, name: str) -> str:
    """What Envoy was told to tell beside the headers, or ""."""
    values = message.attributes[ATTRIBUTES].fields if ATTRIBUTES in message.attributes else {}
    return str(values[name].string_value) if name in values else ""


def head(side: Side, before: Headers, after: Headers) -> bytes:
    """Let the headers pass as `after`, which were `before`. Envoy frames what it streams by itself."""
    return _answer(**{f"{side}_headers": pb.HeadersResponse(response=_changed(before, after))})


def body(side: Side, data: bytes, *, last: bool) -> Iterator[bytes]:
    """The next part of a body, in pieces; `last` ends it."""
    pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)] or ([b""] if last else [])
    for number, piece in enumerate(pieces, 1):
        streamed = pb.StreamedBodyResponse(body=piece, end_of_stream=last and number == len(pieces))
        common = pb.CommonResponse(body_mutation=pb.BodyMutation(streamed_response=streamed))
        yield _answer(**{f"{side}_body": pb.BodyResponse(response=common)})


def trailers(side: Side) -> bytes:
    """Let the trailers pass as they are."""
    return _answer(**{f"{side}_trailers": pb.TrailersResponse()})


def instead(status: int, headers: Headers, data: bytes, details: str) -> bytes:
    """An answer of our own in place of whatever would have followed. `details` is for Envoy's access log."""
    answer = pb.ImmediateResponse(
        status=pb.HttpStatus(code=status), headers=pb.HeaderMutation(), body=data, details=details
    )
    _set(answer.headers, [field for field in headers if field[0] != _LENGTH])
    return _answer(immediate_response=answer)


def _changed(before: Headers, after: Headers) -> pb.CommonResponse:
    old, new = _by_name(before), _by_name(after)
    old.pop(_LENGTH, None)
    new.pop(_LENGTH, None)
    mutation = pb.HeaderMutation(remove_headers=[name.decode() for name in old if name not in new])
    _set(mutation, [(name, value) for name, value in after if name in new and old.get(name) != new[name]])
    return pb.CommonResponse(header_mutation=mutation)


def _by_name(headers: Headers) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _set(mutation: pb.HeaderMutation, headers: Headers) -> None:
    actions, seen = pb.HeaderValueOption, set()
    for name, value in headers:
        action = actions.APPEND_IF_EXISTS_OR_ADD if name in seen else actions.OVERWRITE_IF_EXISTS_OR_ADD
        seen.add(name)
        field = pb.HeaderValue(key=name.decode("latin-1"), raw_value=value)
        mutation.set_headers.add(header=field, append_action=action, keep_empty_value=True)


def _answer(**one: Any) -> bytes:
    return pb.ProcessingResponse(**one).SerializeToString()
