"""Streamed answers as model servers send them, and what a reader makes of a stream."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sentinel.adapters.anthropic import MESSAGES, Anthropic, AnthropicConfig
from sentinel.adapters.base import Element, HttpAdapter
from sentinel.adapters.openai import CHAT, COMPLETIONS, RESPONSES, OpenAI, OpenAIConfig
from sentinel.core.exchange import Channel

PROMPTS = {
    CHAT: {"model": "m", "stream": True, "messages": [{"role": "user", "content": "q"}]},
    COMPLETIONS: {"model": "m", "stream": True, "prompt": "q"},
    RESPONSES: {"model": "m", "stream": True, "input": "q"},
    MESSAGES: {"model": "m", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "q"}]},
}


def adapter_of(method: str) -> HttpAdapter:
    return Anthropic(AnthropicConfig()) if method == MESSAGES else OpenAI(OpenAIConfig())


def opened(method: str, adapter: HttpAdapter | None = None, **members: Any) -> Any:
    adapter = adapter or adapter_of(method)
    request = adapter.decode_request(method, json.dumps({**PROMPTS[method], **members}).encode())
    return adapter.open_stream(method, request)


def event(data: Any, name: str = "", *, ascii_only: bool = False, end: str = "\n") -> bytes:
    """One event; `data` is an object or the text itself."""
    said = data if isinstance(data, str) else json.dumps(data, ensure_ascii=ascii_only, separators=(",", ":"))
    return ((f"event: {name}{end}" if name else "") + f"data: {said}{end}{end}").encode()


def chunk(delta: Any, index: int = 0, finish: str | None = None, **members: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1712345678,
        "model": "m",
        "choices": [choice],
        **members,
    }


def fragments(index: int, call: str, *texts: str) -> list[dict[str, Any]]:
    """A tool call's arguments, streamed."""
    first = {"index": index, "id": call, "type": "function", "function": {"name": "mail", "arguments": ""}}
    rest = [{"index": index, "function": {"arguments": text}} for text in texts]
    return [chunk({"tool_calls": [part]}) for part in (first, *rest)]


def chat_stream(end: str = "\n", ascii_only: bool = False) -> bytes:
    chunks = [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"reasoning_content": text}) for text in ("Let me ", "think … ", "42")),
        *(
            chunk({"content": text}, obfuscation="aB3")
            for text in ("Write ", "to ", "bob@exa", "mple.com", " 😀")
        ),
        *(chunk({"content": text}, index=1) for text in ("another \u2028", "choice")),
        *fragments(0, "call_a", '{"to": "bob', "\\u0040exam", 'ple.com", "x": "\\n', '\\"é\\\\"}'),
        *fragments(1, "call_b", '{"n": 4111111111111111', "}"),
        chunk({}, finish="tool_calls"),
        chunk({"content": "!"}, index=1, finish="stop"),
        {**chunk({}), "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 14}},
    ]
    events = [event(said, ascii_only=ascii_only, end=end) for said in chunks]
    return b": ok" + (end * 2).encode() + b"".join(events) + event("[DONE]", end=end)


def completion_stream() -> bytes:
    base = {"id": "cmpl-1", "object": "text_completion", "created": 5, "model": "m"}
    texts = [("Once upon", None), (" a time bob@", None), ("example.com", None), (".", "length")]
    return b"".join(
        event({**base, "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]})
        for text, finish in texts
    )


def responses_events() -> list[dict[str, Any]]:
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    text = ["Mail bob", "@example", ".com – now"]
    call = ['{"to":"bob\\u00', '40example.com"}']
    message = {"id": "msg_1", "type": "message", "role": "assistant"}
    function = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "mail"}
    response = {"id": "resp_1", "object": "response", "created_at": 7, "model": "m", "error": None}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    said = {**part, "text": "".join(text)}
    done = [
        {**message, "status": "completed", "content": [said]},
        {**function, "status": "completed", "arguments": "".join(call)},
    ]
    usage = {"input_tokens": 3, "output_tokens": 14}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**message, "content": []}},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **at, "delta": bit, "obfuscation": "x1"} for bit in text),
        {"type": "response.output_text.done", **at, "text": "".join(text), "logprobs": []},
        {"type": "response.content_part.done", **at, "part": said},
        {"type": "response.output_item.done", "output_index": 0, "item": done[0]},
        {"type": "response.output_item.added", "output_index": 1, "item": {**function, "arguments": ""}},
        *(
            {
                "type": "response.function_call_arguments.delta",
                "item_id": "fc_1",
                "output_index": 1,
                "delta": bit,
            }
            for bit in call
        ),
        {
            "type": "response.function_call_arguments.done",
            "item_id": "fc_1",
            "output_index": 1,
            "arguments": "".join(call),
        },
        {"type": "response.output_item.done", "output_index": 1, "item": done[1]},
        {
            "type": "response.completed",
            "response": {**response, "status": "completed", "output": done, "usage": usage},
        },
    ]
    return [{**said, "sequence_number": number} for number, said in enumerate(events)]


def responses_stream() -> bytes:
    return b"".join(event(said, said["type"]) for said in responses_events())


def messages_events() -> list[dict[str, Any]]:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }

    def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"type": "content_block_start", "index": index, "content_block": start},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]

    thoughts = [{"type": "thinking_delta", "thinking": text} for text in ("He wants bob@", "example.com")]
    signature = {"type": "signature_delta", "signature": "EqQB" * 30}
    texts = [{"type": "text_delta", "text": text} for text in ("Mail ", "bob@exam", "ple.com")]
    inputs = ['{"to": "bob', "\\u0040example", '.com", "x": "\\', 'n"}']
    calls = [{"type": "input_json_delta", "partial_json": text} for text in inputs]
    return [
        {"type": "message_start", "message": message},
        *block(0, {"type": "thinking", "thinking": "", "signature": ""}, *thoughts, signature),
        {"type": "ping"},
        *block(1, {"type": "text", "text": ""}, *texts),
        *block(2, {"type": "tool_use", "id": "toolu_1", "name": "mail", "input": {}}, *calls),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 14},
        },
        {"type": "message_stop"},
    ]


def messages_stream() -> bytes:
    return b"".join(event(said, said["type"]) for said in messages_events())


STREAMS: list[tuple[str, bytes]] = [
    (CHAT, chat_stream()),
    (CHAT, chat_stream(end="\r\n", ascii_only=True)),
    (CHAT, chat_stream(end="\r")),
    (COMPLETIONS, completion_stream()),
    (RESPONSES, responses_stream()),
    (MESSAGES, messages_stream()),
]


def elements_of(stream: Any, pieces: Iterable[bytes]) -> list[Element]:
    elements = [element for piece in pieces for element in stream.feed(piece)]
    return elements + stream.close()


def texts_by_channel(elements: Sequence[Element]) -> dict[Channel, str]:
    """What each channel says, whole texts aside."""
    said: defaultdict[Channel, str] = defaultdict(str)
    for element in elements:
        for slot in element.slots:
            if not slot.whole:
                said[slot.channel] += slot.text
    return dict(said)


def objects_of(stream: bytes) -> list[Any]:
    """The objects in a stream's events, as a reader with a strict JSON parser sees them."""
    text = stream.decode().replace("\r\n", "\n").replace("\r", "\n")
    data = [
        "\n".join(line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:"))
        for block in text.split("\n\n")
    ]
    return [json.loads(said) for said in data if said and said != "[DONE]"]
