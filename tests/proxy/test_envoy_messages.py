"""Envoy's messages as values of ours, and back."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy import envoy_messages as messages
from sentinel.proxy.http_headers import Headers

OWN = [(":method", "POST"), (":authority", "model.example"), (":path", "/v1/a%20b;c?x=1&y=%3F")]


def headers(*fields: tuple[str, str], raw: bool = True) -> pb.HeaderMap:
    def made(key: str, value: str) -> pb.HeaderValue:
        if raw:
            return pb.HeaderValue(key=key, raw_value=value.encode("latin-1"))
        return pb.HeaderValue(key=key, value=value)

    return pb.HeaderMap(headers=[made(*field) for field in fields])


def response(data: bytes) -> pb.ProcessingResponse:
    return pb.ProcessingResponse.FromString(data)


@pytest.mark.parametrize("raw", [True, False])
def test_a_head_as_asgi(raw: bool) -> None:
    told = headers(*OWN, ("x-a", "1"), ("x-a", "2"), ("content-length", "5"), raw=raw)
    scope = messages.scope(pb.HttpHeaders(headers=told))
    assert scope == {
        "type": "http",
        "http_version": "2",
        "method": "POST",
        "path": "/v1/a b;c",
        "raw_path": b"/v1/a%20b;c",
        "query_string": b"x=1&y=%3F",
        "headers": [
            (b"x-a", b"1"),
            (b"x-a", b"2"),
            (b"content-length", b"5"),
            (b"host", b"model.example"),
        ],
    }


@pytest.mark.parametrize(("ended", "chunked"), [(False, True), (True, False)])
def test_a_body_without_a_length_is_announced(ended: bool, chunked: bool) -> None:
    scope = messages.scope(pb.HttpHeaders(headers=headers(*OWN), end_of_stream=ended))
    assert ((b"transfer-encoding", b"chunked") in scope["headers"]) is chunked


@pytest.mark.parametrize(
    ("before", "after", "set_", "removed"),
    [
        ([(b"a", b"1")], [(b"a", b"1")], [], []),
        ([(b"a", b"1"), (b"b", b"2")], [(b"b", b"2")], [], ["a"]),
        (
            [(b"a", b"1")],
            [(b"a", b"2"), (b"c", b"3")],
            [("a", b"2", "OVERWRITE"), ("c", b"3", "OVERWRITE")],
            [],
        ),
        (
            [(b"a", b"1"), (b"a", b"2")],
            [(b"a", b"1"), (b"a", b"3")],
            [("a", b"1", "OVERWRITE"), ("a", b"3", "APPEND")],
            [],
        ),
        ([(b"content-length", b"1")], [(b"content-length", b"2")], [], []),
        ([(b"content-length", b"1")], [], [], []),
        ([], [(b"a", b"\xe4")], [("a", b"\xe4", "OVERWRITE")], []),
    ],
)
def test_a_changed_head(before: Headers, after: Headers, set_: list[Any], removed: list[str]) -> None:
    mutation = response(messages.head("request", before, after)).request_headers.response.header_mutation
    name = pb.HeaderValueOption.HeaderAppendAction.Name
    told = [
        (option.header.key, option.header.raw_value, name(option.append_action).partition("_")[0])
        for option in mutation.set_headers
    ]
    assert (told, list(mutation.remove_headers)) == (set_, removed)


@pytest.mark.parametrize(
    ("size", "last", "pieces"),
    [
        (0, False, []),
        (0, True, [(0, True)]),
        (5, False, [(5, False)]),
        (5, True, [(5, True)]),
        (65_536, True, [(65_536, True)]),
        (140_000, False, [(65_536, False), (65_536, False), (8_928, False)]),
        (140_000, True, [(65_536, False), (65_536, False), (8_928, True)]),
    ],
)
def test_a_body_in_pieces(size: int, last: bool, pieces: list[tuple[int, bool]]) -> None:
    told = [response(each) for each in messages.body("response", b"x" * size, last=last)]
    streamed = [each.response_body.response.body_mutation.streamed_response for each in told]
    assert [(len(each.body), each.end_of_stream) for each in streamed] == pieces


def test_an_answer_of_ours() -> None:
    fields = [(b"content-type", b"application/json"), (b"content-length", b"2"), (b"x-a", b"")]
    answer = response(messages.instead(403, fields, b"{}", "why")).immediate_response
    assert (answer.status.code, answer.body, answer.details) == (403, b"{}", "why")
    assert [option.header.key for option in answer.headers.set_headers] == ["content-type", "x-a"]
    assert all(option.keep_empty_value for option in answer.headers.set_headers)


def test_an_attribute() -> None:
    told: Any = {messages.ATTRIBUTES: {"fields": {"xds.cluster_name": {"string_value": "model"}}}}
    message = pb.ProcessingRequest(attributes=told)
    assert messages.attribute(message, "xds.cluster_name") == "model"
    assert messages.attribute(message, "other") == ""
    assert messages.attribute(pb.ProcessingRequest(), "xds.cluster_name") == ""


def test_a_mode_that_nobody_knows_yet() -> None:
    config = pb.ProtocolConfiguration(request_body_mode=9)  # type: ignore[arg-type]
    message = pb.ProcessingRequest(request_headers=pb.HttpHeaders(), protocol_config=config)
    assert messages.misconfigured(message).endswith("and is 9")
