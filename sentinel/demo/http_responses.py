"""The stand-in model as OpenAI's responses: /v1/responses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.demo.http_asked import (
    Asked,
    Event,
    arguments,
    check_model,
    first_argument,
    identifier,
    last_turn,
    pieces,
    words,
)
from sentinel.demo.model import MODEL


class Response:
    """One request and its answer: a message, or a function's call."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        check_model(request)
        given = request.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        if isinstance(items, list):
            items = [_as_message(item) for item in items]
        prompt, told, asking = last_turn(items, ("tool",))
        tools = request.get("tools") or []
        tool = (str(tools[0].get("name", "")), first_argument(tools[0].get("parameters"))) if tools else None
        self.asked = Asked(prompt, told, (), tool if asking else None)
        self._instructions = request.get("instructions")
        self._id, self._created = identifier("resp"), int(time.time())
        self._item, self._call = identifier("msg"), identifier("call")

    def whole(self, answer: str) -> dict[str, Any]:
        made = words(answer)
        given = words(self.asked.prompt)
        usage = {
            "input_tokens": given,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": given + made,
        }
        return self._response("completed", [self._item_with(answer)], usage)

    def events(self, answer: str) -> Iterator[Event]:
        for number, (name, data) in enumerate(self._events(answer)):
            yield name, {"type": name, "sequence_number": number, **data}

    def _events(self, answer: str) -> Iterator[Event]:
        for state in ("created", "in_progress"):
            yield f"response.{state}", {"response": self._response("in_progress", [], None)}
        begun = self._item_with("", status="in_progress")
        yield "response.output_item.added", {"output_index": 0, "item": begun}
        yield from self._call_events(answer) if self.asked.tool else self._text_events(answer)
        yield "response.output_item.done", {"output_index": 0, "item": self._item_with(answer)}
        yield "response.completed", {"response": self.whole(answer)}

    def _text_events(self, answer: str) -> Iterator[Event]:
        place = {"item_id": self._item, "output_index": 0, "content_index": 0}
        yield "response.content_part.added", {**place, "part": _part("")}
        for piece in pieces(answer):
            yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
        yield "response.output_text.done", {**place, "text": answer, "logprobs": []}
        yield "response.content_part.done", {**place, "part": _part(answer)}

    def _call_events(self, answer: str) -> Iterator[Event]:
        place = {"item_id": self._item, "output_index": 0}
        text = arguments(self.asked, answer)
        for piece in pieces(text):
            yield "response.function_call_arguments.delta", {**place, "delta": piece}
        yield "response.function_call_arguments.done", {**place, "arguments": text}

    def _item_with(self, answer: str, status: str = "completed") -> dict[str, Any]:
        if self.asked.tool is None:
            content = [_part(answer)] if status == "completed" else []
            message = {"id": self._item, "type": "message", "status": status, "role": "assistant"}
            return message | {"content": content}
        return {
            "id": self._item,
            "type": "function_call",
            "status": status,
            "call_id": self._call,
            "name": self.asked.tool[0],
            "arguments": arguments(self.asked, answer) if status == "completed" else "",
        }

    def _response(self, status: str, output: list[Any], usage: Any) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": self._instructions,
            "model": MODEL,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage,
            "metadata": {},
        }


def _as_message(item: Any) -> Any:
    """What a function said is its tool's message."""
    if isinstance(item, dict) and item.get("type") == "function_call_output":
        return {"role": "tool", "content": item.get("output")}
    return item


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
