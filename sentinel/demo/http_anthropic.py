"""The stand-in model as Anthropic's messages: /v1/messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.demo.http_asked import (
    Asked,
    Event,
    Invalid,
    arguments,
    check_model,
    first_argument,
    identifier,
    last_turn,
    pieces,
    texts_in,
    words,
)
from sentinel.demo.model import MODEL


class Messages:
    """One request and its answer: a text, or a tool's use."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        check_model(request)
        if not isinstance(request.get("max_tokens"), int):
            raise Invalid("max_tokens: Field required")
        prompt, told, asking = last_turn(_flat(request.get("messages")), ("tool",))
        tools = request.get("tools") or []
        tool = (
            (str(tools[0].get("name", "")), first_argument(tools[0].get("input_schema"))) if tools else None
        )
        thinks = (request.get("thinking") or {}).get("type") == "enabled"
        self.asked = Asked(prompt, told, (), tool if asking else None, 1, thinks)
        self._id, self._call = identifier("msg"), identifier("toolu")

    def whole(self, answer: str) -> dict[str, Any]:
        blocks = [self._filled(block, text) for block, _, text in self._blocks(answer)]
        return self._message(blocks, self._stop, words(answer))

    def events(self, answer: str) -> Iterator[Event]:
        for name, data in self._events(answer):
            yield name, {"type": name, **data}

    def _events(self, answer: str) -> Iterator[Event]:
        yield "message_start", {"message": self._message([], None, 1)}
        for index, (block, (kind, key), text) in enumerate(self._blocks(answer)):
            yield "content_block_start", {"index": index, "content_block": block}
            if index == 0:
                yield "ping", {}
            for piece in pieces(text):
                yield "content_block_delta", {"index": index, "delta": {"type": kind, key: piece}}
            if kind == "thinking_delta":
                signed = {"type": "signature_delta", "signature": "c3RhbmQtaW4="}
                yield "content_block_delta", {"index": index, "delta": signed}
            yield "content_block_stop", {"index": index}
        ended = {"stop_reason": self._stop, "stop_sequence": None}
        yield "message_delta", {"delta": ended, "usage": {"output_tokens": words(answer)}}
        yield "message_stop", {}

    def _blocks(self, answer: str) -> Iterator[tuple[dict[str, Any], tuple[str, str], str]]:
        """(the block as it begins, type and key of its deltas, its text)."""
        if self.asked.thinks:
            thinking = {"type": "thinking", "thinking": "", "signature": ""}
            yield thinking, ("thinking_delta", "thinking"), self.asked.thought
        if self.asked.tool is None:
            yield {"type": "text", "text": ""}, ("text_delta", "text"), answer
        else:
            use = {"type": "tool_use", "id": self._call, "name": self.asked.tool[0], "input": {}}
            yield use, ("input_json_delta", "partial_json"), arguments(self.asked, answer)

    def _filled(self, block: dict[str, Any], text: str) -> dict[str, Any]:
        kind = block["type"]
        return block | ({"input": json.loads(text)} if kind == "tool_use" else {kind: text})

    @property
    def _stop(self) -> str:
        return "tool_use" if self.asked.tool else "end_turn"

    def _message(self, content: list[Any], stop: str | None, made: int) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": words(self.asked.prompt), "output_tokens": made},
        }


def error_body(message: str, status: int) -> dict[str, Any]:
    kind = {404: "not_found_error"}.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _flat(messages: Any) -> Any:
    """Results of tools, which lie in a user's message, as messages of tools behind it."""
    if not isinstance(messages, list):
        return messages
    found: list[Any] = []
    for message in messages:
        found.append(message)
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            results = [
                part for part in content if isinstance(part, dict) and part.get("type") == "tool_result"
            ]
            found += [{"role": "tool", "content": texts_in(part.get("content"))} for part in results]
    return found
