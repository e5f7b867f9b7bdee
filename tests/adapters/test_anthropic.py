"""Anthropic's requests, answers and streams: whose words are where, and what replaces a blocked one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel.adapters.anthropic import MESSAGES, Anthropic, AnthropicConfig
from sentinel.adapters.base import MethodKind
from sentinel.core.errors import WireError
from sentinel.core.exchange import Channel
from tests.adapters.answers import (
    PROMPTS,
    elements_of,
    event,
    messages_events,
    messages_stream,
    objects_of,
    opened,
    texts_by_channel,
)
from tests.adapters.messages import check_edits, check_nothing_is_unread

ADAPTER = Anthropic(AnthropicConfig())
BYTES = "iVBORw0KGgo" * 12
SIGNATURE = "EqQB+/Zx" * 20

REQUEST: dict[str, Any] = {
    "model": "claude",
    "max_tokens": 100,
    "stream": True,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
    "messages": [
        {"role": "user", "content": "Hello there."},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I think.", "signature": SIGNATURE},
                {"type": "text", "text": "Let me look."},
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "look",
                    "input": {"q": "a\u0040b c", "n": 4111},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "It is."}],
                },
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BYTES}},
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": BYTES},
                    "title": "A title",
                    "context": "From Ann.",
                },
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
                {
                    "type": "search_result",
                    "source": "https://example.com/a b",
                    "title": "Found it",
                    "content": [{"type": "text", "text": "A result."}],
                },
                {"type": "text", "text": "And now?"},
            ],
        },
    ],
    "tools": [
        {
            "name": "look",
            "description": "Looks things up.",
            "input_schema": {
                "type": "object",
                "properties": {"q": {"type": "string", "description": "The question."}},
            },
        }
    ],
    "metadata": {"user_id": "u-17"},
    "stop_sequences": ["END", "the end"],
}
ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "He wants bob.", "signature": SIGNATURE},
        {
            "type": "text",
            "text": "Mail bob.",
            "citations": [
                {
                    "type": "char_location",
                    "cited_text": "bob is here",
                    "document_index": 0,
                    "document_title": "Who is who",
                    "start_char_index": 0,
                }
            ],
        },
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "mail",
            "input": {"to": "bob", "card": 4111111111111111},
        },
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 14},
}


def request_of(message: Any) -> Any:
    return ADAPTER.decode_request(MESSAGES, json.dumps(message).encode())


def answered(message: Any) -> Any:
    return ADAPTER.decode_response(MESSAGES, json.dumps(message).encode(), request_of(PROMPTS[MESSAGES]))


def parts_of(decoded: Any) -> list[tuple[str, str, str]]:
    return [(part.role.value, part.path, part.text) for part in decoded.parts]


def test_methods() -> None:
    assert ADAPTER.methods == {MESSAGES: MethodKind.ASKED}


# Requests --------------------------------------------------------------------------------------------------


def test_whose_words_are_in_a_request() -> None:
    decoded = request_of(REQUEST)
    assert parts_of(decoded) == [
        ("system", "system[0].text", "Be brief."),
        ("prompt", "messages[0].content", "Hello there."),
        ("answer", "messages[1].content[0].thinking", "I think."),
        ("answer", "messages[1].content[1].text", "Let me look."),
        ("answer", "messages[1].content[2].input", '{"q": "a@b c", "n": 4111}'),
        ("context", "messages[2].content[0].content[0].text", "It is."),
        ("context", "messages[2].content[2].source.data", BYTES),
        ("context", "messages[2].content[2].title", "A title"),
        ("context", "messages[2].content[2].context", "From Ann."),
        ("context", "messages[2].content[4].source", "https://example.com/a b"),
        ("context", "messages[2].content[4].title", "Found it"),
        ("context", "messages[2].content[4].content[0].text", "A result."),
        ("prompt", "messages[2].content[5].text", "And now?"),
        ("system", "tools[0].description", "Looks things up."),
        ("system", "tools[0].input_schema.properties.q.description", "The question."),
        ("prompt", "stop_sequences[1]", "the end"),
    ]
    assert decoded.unread == ("messages[2].content[1].source.data", "messages[2].content[3].source.file_id")
    assert (decoded.model, decoded.streaming) == ("claude", True)


def test_a_system_prompt_that_is_one_text() -> None:
    assert parts_of(request_of({"system": "Be brief."})) == [("system", "system", "Be brief.")]


def test_thinking_that_only_its_maker_can_read_is_named() -> None:
    block = {"type": "redacted_thinking", "data": SIGNATURE}
    decoded = request_of({"messages": [{"role": "assistant", "content": [block]}]})
    assert (decoded.parts, decoded.unread) == ([], ("messages[0].content[0].data",))


def test_requests_are_edited_in_place() -> None:
    check_edits(lambda data: ADAPTER.decode_request(MESSAGES, data), REQUEST)


def test_nothing_in_a_request_is_unread() -> None:
    assert check_nothing_is_unread(lambda data: ADAPTER.decode_request(MESSAGES, data), REQUEST) > 300


@pytest.mark.parametrize("data", [b"", b"[]", b'{"a":1,"a":2}', b"\xff{}"])
def test_requests_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(WireError):
        ADAPTER.decode_request(MESSAGES, data)


# Answers ---------------------------------------------------------------------------------------------------


def test_texts_of_an_answer() -> None:
    decoded = answered(ANSWER)
    assert parts_of(decoded) == [
        ("answer", "content[0].thinking", "He wants bob."),
        ("answer", "content[1].text", "Mail bob."),
        ("answer", "content[1].citations[0].cited_text", "bob is here"),
        ("answer", "content[1].citations[0].document_title", "Who is who"),
        ("answer", "content[2].input", '{"to": "bob", "card": 4111111111111111}'),
    ]
    assert (decoded.model, decoded.response_id) == ("claude", "msg_1")
    assert (decoded.input_tokens, decoded.output_tokens) == (7, 14)


def test_answers_are_edited_in_place() -> None:
    request = request_of(PROMPTS[MESSAGES])
    check_edits(lambda data: ADAPTER.decode_response(MESSAGES, data, request), ANSWER)


def test_nothing_in_an_answer_is_unread() -> None:
    request = request_of(PROMPTS[MESSAGES])
    assert (
        check_nothing_is_unread(lambda data: ADAPTER.decode_response(MESSAGES, data, request), ANSWER) > 100
    )


def test_a_signature_goes_with_the_thinking_that_it_signs() -> None:
    decoded = answered(ANSWER)
    texts = [part.text for part in decoded.parts]
    kept = json.loads(decoded.encode([texts[0], "Mail <P>.", *texts[2:]]))
    assert kept["content"][0]["signature"] == SIGNATURE
    gone = json.loads(decoded.encode(["He wants <P>.", *texts[1:]]))
    assert gone["content"][0] == {"type": "thinking", "thinking": "He wants <P>.", "signature": ""}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"to": "<P>", "card": <CARD>}', {"to": "<P>", "card": "<CARD>"}),
        ("no input is left", {"text": "no input is left"}),
        ('{"to": "é\n"}', {"to": "é\n"}),
    ],
)
def test_an_edited_input_is_an_object(text: str, value: Any) -> None:
    decoded = answered(ANSWER)
    texts = [part.text for part in decoded.parts]
    assert json.loads(decoded.encode([*texts[:-1], text]))["content"][2]["input"] == value


def test_upstream_errors() -> None:
    body = b'{"type":"error","error":{"type":"api_error","message":"bad bob"},"request_id":"req 1"}'
    decoded = ADAPTER.decode_error(MESSAGES, body)
    assert [part.text for part in decoded.parts] == ["bad bob", "req 1"]
    assert b"bob" not in decoded.encode(["", ""])


# Streams ---------------------------------------------------------------------------------------------------


def test_channels_of_a_stream() -> None:
    stream = opened(MESSAGES)
    elements = elements_of(stream, [messages_stream()])
    thinking, text, arguments = (
        Channel(0, "reasoning", 0),
        Channel(0, "content", 1),
        Channel(0, "arguments", 2),
    )
    assert texts_by_channel(elements) == {
        thinking: "He wants bob@example.com",
        text: "Mail bob@example.com",
        arguments: '{"to": "bob@example.com", "x": "\n"}',
    }
    assert [channel for element in elements for channel in element.ends] == [thinking, text, arguments]
    assert (stream.model, stream.response_id, stream.input_tokens, stream.output_tokens) == (
        "m",
        "msg_1",
        3,
        14,
    )


@pytest.mark.parametrize("edit", [False, True])
def test_a_streamed_signature_goes_with_its_thinking(edit: bool) -> None:
    sent = b""
    for element in elements_of(opened(MESSAGES), [messages_stream()]):
        texts = [slot.text.replace("bob", "<P>") if edit else slot.text for slot in element.slots]
        sent += element.encode(texts)
    (signature,) = (
        said["delta"]["signature"]
        for said in objects_of(sent)
        if said["type"] == "content_block_delta" and "signature" in said["delta"]
    )
    assert signature == ("" if edit else "EqQB" * 30)


def test_citations_are_read() -> None:
    citation = {"type": "web_search_result_location", "cited_text": "bob is here", "url": "https://x.y/?a b"}
    delta = {"type": "citations_delta", "citation": citation}
    stream = opened(MESSAGES)
    (element,) = stream.feed(event({"type": "content_block_delta", "index": 3, "delta": delta}))
    assert [slot.text for slot in element.slots] == ["bob is here", "https://x.y/?a b"]
    assert list(element.ends) == [slot.channel for slot in element.slots]


def test_a_block_that_begins_with_text_does_not_begin_twice() -> None:
    start = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": "Hello bob"},
    }
    (element,) = opened(MESSAGES).feed(event(start))
    assert element.head(["Hello "]) == b""
    (said,) = objects_of(element.encode(["<P>"]))
    assert said["content_block"]["text"] == "Hello <P>"


def test_an_error_in_a_stream_is_read() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "bob is busy"}}
    (element,) = opened(MESSAGES).feed(event(error, "error"))
    assert [slot.text for slot in element.slots] == ["bob is busy"]


# What we say ourselves -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kinds"),
    [
        (0, ["message_start", "message_delta", "message_stop"]),
        (1, ["message_delta", "message_stop"]),
        (3, ["content_block_stop", "message_delta", "message_stop"]),
        (6, ["message_delta", "message_stop"]),
        (len(messages_events()) - 1, ["message_stop"]),
    ],
)
def test_a_cut_closes_what_is_open(sent: int, kinds: list[str]) -> None:
    stream = opened(MESSAGES)
    for element in elements_of(stream, [messages_stream()])[:sent]:
        element.encode()
    said = objects_of(stream.cut("Blocked by a rule.", "d-1"))
    assert [message["type"] for message in said] == kinds
    for message in said:
        if message["type"] == "message_delta":
            assert message["delta"]["stop_reason"] == "refusal"
            assert message["delta"]["stop_details"]["explanation"] == "Blocked by a rule."
            assert message["sentinel"] == {"decision_id": "d-1"}
        if message["type"] == "content_block_stop":
            assert message["index"] == 0


def test_a_refusal_is_an_answer() -> None:
    request = request_of({**PROMPTS[MESSAGES], "stream": False})
    decoded = ADAPTER.decode_response(MESSAGES, ADAPTER.refusal_response(request, "Not allowed."), request)
    assert parts_of(decoded) == [("answer", "content[0].text", "Not allowed.")]


def test_a_refusal_of_a_stream_is_a_stream() -> None:
    stream = ADAPTER.refusal_response(request_of(PROMPTS[MESSAGES]), "Not allowed.")
    elements = elements_of(opened(MESSAGES), [stream])
    assert texts_by_channel(elements)[Channel()] == "Not allowed."
    assert [said["type"] for said in objects_of(stream)] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [
        ("blocked", "invalid_request_error"),
        ("unsupported", "invalid_request_error"),
        ("too_large", "request_too_large"),
        ("overloaded", "overloaded_error"),
        ("odd", "api_error"),
    ],
)
def test_errors_of_our_own(kind: str, error_type: str) -> None:
    assert json.loads(ADAPTER.error_body("Not now.", kind, {"decision_id": "d"})) == {
        "type": "error",
        "error": {"type": error_type, "message": "Not now."},
        "sentinel": {"decision_id": "d"},
    }
