"""What travels, and which path is which."""

from __future__ import annotations

import pytest

from sentinel.core.ids import trace_context
from sentinel.proxy import http_headers as headers

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_fields_of_one_connection_stay_behind() -> None:
    given = [
        (b"connection", b"close, X-Private"),
        (b"x-private", b"1"),
        (b"keep-alive", b"timeout=5"),
        (b"te", b"trailers"),
        (b"trailer", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"proxy-authorization", b"secret"),
        (b"proxy-connection", b"keep-alive"),
        (b"authorization", b"Bearer x"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    kept = headers.end_to_end(given)
    assert kept == [(b"authorization", b"Bearer x"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]


def test_connection_cannot_name_what_we_add() -> None:
    given = headers.end_to_end([(b"connection", b"traceparent"), (b"traceparent", PARENT.encode())])
    told = dict(headers.upstream_headers(given, trace_context(None, None)))
    assert list(told) == ["traceparent"]


def test_the_model_server_gets_our_span_and_nothing_of_the_framing() -> None:
    given = [
        (b"host", b"sidecar"),
        (b"content-length", b"3"),
        (b"expect", b"100-continue"),
        (b"traceparent", PARENT.encode()),
        (b"tracestate", b"a=1"),
        (b"tracestate", b"b=2"),
        (b"x-name", "Zoë".encode()),
    ]
    trace = headers.continue_trace(given)
    assert (trace.trace_id, trace.parent_span) == (PARENT[3:35], PARENT[36:52])
    assert headers.upstream_headers(given, trace) == [
        ("x-name", "Zoë"),
        ("traceparent", trace.upstream_header),
        ("tracestate", "a=1,b=2"),
    ]


def test_a_value_that_is_not_utf_8_is_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        headers.upstream_headers([(b"x", b"\xff")], trace_context(None, None))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"application/json", ("application/json", "")),
        (b'Application/JSON ; Charset="UTF-8"', ("application/json", "utf-8")),
        (b"text/event-stream;charset=latin-1; x=y", ("text/event-stream", "latin-1")),
    ],
)
def test_media_type(value: bytes, found: tuple[str, str]) -> None:
    assert headers.media_type([(b"content-type", value)]) == found
    assert headers.media_type([]) == ("", "")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "//v1//chat/completions",
        "/v1/./chat/completions",
        "/x/../v1/chat/completions",
        "/../v1/chat/completions",
        "/V1/Chat/Completions",
        "/v1/chat/%63ompletions",
        "/v1/chat;a=b/completions;c",
    ],
)
def test_spellings_of_one_path(path: str) -> None:
    assert headers.canonical(path) == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "/*"),
        ("/v1/embeddings", "/v1/embeddings"),
        ("/v1/files/file-a1b2/content", "/v1/files/*/content"),
        ("/users/jane@example.com", "/users/*"),
        ("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/*"),
        ("/" + "a" * 41, "/*"),
    ],
)
def test_a_recorded_path_holds_names_alone(path: str, shown: str) -> None:
    assert headers.template(path) == shown
