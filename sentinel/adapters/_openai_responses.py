"""Answers of /v1/responses, whole and streamed.

https://platform.openai.com/docs/api-reference/responses/object and .../responses-streaming. A stream tells
each text three times and more: in deltas, when the text is done, when its part and its item are, and in the
response that the last event holds.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sentinel.adapters._json import Node
from sentinel.adapters._json_message import (
    ERROR_WORDS,
    JsonRequest,
    count,
    identifier,
)
from sentinel.adapters._json_stream import EventWalker, JsonStream, sse
from sentinel.adapters._json_walk import (
    Flow,
    Key,
    Walker,
    arguments,
    member,
    opaque,
    path_kind,
    settings,
    shown,
    strings,
    structure,
)
from sentinel.adapters._openai_completions import tell_tokens
from sentinel.adapters._templates import Templates

_PARTS = 4096  # an output item's number times this, and its part's number, make a channel's number
_STRUCTURE = frozenset(
    (
        *(
            "id",
            "object",
            "type",
            "status",
            "model",
            "created_at",
            "completed_at",
            "item_id",
            "sequence_number",
        ),
        *("call_id", "role", "phase", "service_tier", "truncation", "previous_response_id", "container_id"),
        *("server_label", "approval_request_id", "prompt_cache_key", "safety_identifier", "user"),
    )
)
# What a response repeats of its request: texts where they do not look like identifiers.
_SETTINGS = frozenset(("metadata", "tool_choice", "reasoning", "text", "billing", "prompt_cache_retention"))
_NUMBERS = frozenset(("output_index", "content_index", "summary_index", "annotation_index"))
_OPAQUE = frozenset(("encrypted_content", "partial_image_b64", "result"))
_WORDS = frozenset(
    ("type", "id", "status", "file_id", "container_id", "call_id", "format", "$ref", "required")
)
# What the names of events call a text: the channel's kind, and the member that holds it in full.
_TEXTS = {
    "output_text": ("content", "text"),
    "refusal": ("refusal", "refusal"),
    "reasoning_text": ("reasoning", "text"),
    "reasoning_summary_text": ("reasoning_summary", "text"),
    "function_call_arguments": ("arguments", "arguments"),
    "mcp_call_arguments": ("arguments", "arguments"),
    "custom_tool_call_input": ("input", "input"),
    "code_interpreter_call_code": ("code", "code"),
    "audio.transcript": ("transcript", "transcript"),
}
# The same texts in items, by the types of their parts.
_PART_KINDS = {
    "output_text": "content",
    "text": "content",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
    "summary_text": "reasoning_summary",
}
_LAST = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_FILTERED = "content_filter"
_MESSAGE = "msg_sentinel"
_SEQUENCE = re.compile(r'"sequence_number"[ \t]*:[ \t]*([0-9]+)')


def walk_response(response: Node, walk: Walker, path: str = "", flow: Flow = Flow.WHOLE) -> None:
    """A response object."""
    for name, node in response.members.items():
        here = f"{path}.{shown(name)}" if path else shown(name)
        if name == "output" and type(node.value) is list:
            for number, item in enumerate(node.value):
                _item(item, walk, f"{here}[{number}]", number, flow)
        elif name in _STRUCTURE:
            structure(walk, node, here, Key())
        elif name in _SETTINGS:
            settings(walk, node, here, Key())
        elif name in ("error", "incomplete_details"):
            strings(walk, node, here, Key(0, path_kind(here)), known=ERROR_WORDS | {"reason"})
        elif name == "output_text":  # what some servers add: all of the output in one
            strings(walk, node, here, Key(0, path_kind(here)))
        else:
            known = _WORDS | {"name"} if name == "tools" else _WORDS
            member(walk, name, node, path, Key(0, path_kind(path) or "response"), known=known)
    if type(response.value) is not dict:
        strings(walk, response, path, Key(0, "response"))


def _item(item: Node, walk: Walker, path: str, number: int, flow: Flow) -> None:
    """An item of the output."""
    kind = item.text("type")
    if type(item.value) is not dict:
        strings(walk, item, path, Key(0, "output"))
    for name, node in item.members.items():
        here = f"{path}.{shown(name)}"
        if name in ("content", "summary") and type(node.value) is list:
            for part, inner in enumerate(node.value):
                _part(inner, walk, f"{here}[{part}]", number * _PARTS + part, flow)
        elif name == "arguments" and kind in ("function_call", "mcp_call"):
            arguments(walk, node, here, Key(0, "arguments", number * _PARTS), flow)
        elif name == "input" and kind == "custom_tool_call":
            walk_text(walk, node, here, Key(0, "input", number * _PARTS), flow)
        elif name == "code" and kind == "code_interpreter_call":
            walk_text(walk, node, here, Key(0, "code", number * _PARTS), flow)
        else:
            _beside(name, node, walk, path, named=True)


def _part(part: Node, walk: Walker, path: str, number: int, flow: Flow) -> None:
    """A part of a message or of its reasoning."""
    kind = _PART_KINDS.get(part.text("type"), "")
    if type(part.value) is not dict:
        strings(walk, part, path, Key(0, "content"))
    for name, node in part.members.items():
        here = f"{path}.{shown(name)}"
        if kind and name in ("text", "refusal"):
            walk_text(walk, node, here, Key(0, kind, number), flow)
        elif name == "logprobs":
            walk.describes(node)
        else:
            _beside(name, node, walk, path)
    logprobs = part.get("logprobs")
    if kind and logprobs is not None and logprobs.value:
        tell_tokens(logprobs, walk, Key(0, kind, number))


def walk_text(walk: Walker, node: Node, path: str, key: Key, flow: Flow) -> None:
    """A text of a channel, where it is one."""
    if type(node.value) is str:
        walk.text(node, path, key, flow)
    else:
        strings(walk, node, path, key._replace(kind=path_kind(path)))


def _beside(name: str, node: Node, walk: Walker, path: str, *, named: bool = False) -> None:
    """A member that is no text of the answer: structure, bytes, or what no one knows."""
    here = f"{path}.{shown(name)}" if path else shown(name)
    if name in _STRUCTURE or (named and name == "name"):
        structure(walk, node, here, Key())
    elif name in _OPAQUE:
        opaque(walk, node, here, Key(0, path_kind(here)))
    else:
        member(walk, name, node, path, Key(0, path_kind(path) or "event"), known=_WORDS)


def tokens_of(response: Node) -> tuple[int, int]:
    """Tokens of the prompt and of the answer, 0 where they are not told."""
    usage = response.get("usage")
    return count(usage, "input_tokens"), count(usage, "output_tokens")


def _is_done(key: Key, name: str, item: int, part: int) -> bool:
    """Whether the event `response.<name>.done` ends a channel."""
    if name == "output_item":
        return key.number // _PARTS == item
    if key.number != part:
        return False
    if name == "content_part":
        return key.kind != "reasoning_summary"
    if name == "reasoning_summary_part":
        return key.kind == "reasoning_summary"
    return key.kind == _TEXTS.get(name, (name, ""))[0]


class ResponsesStream(JsonStream):
    """A streamed response."""

    repeats = True
    follows = True

    def __init__(self, request: JsonRequest, templates: Templates, max_bytes: int) -> None:
        super().__init__(templates, max_bytes)
        self._created = 0

    def walk(self, root: Node, walk: EventWalker) -> None:
        kind = root.text("type")
        name, _, verb = kind.removeprefix("response.").rpartition(".")
        item = root.number("output_index")
        part = item * _PARTS + root.number("content_index", root.number("summary_index"))
        walk.plan.splits = verb == "delta"
        for label, node in root.members.items():
            if label == "response":
                self._response(node, walk)
            elif label == "item" and name == "output_item":
                _item(node, walk, label, item, Flow.GOES_ON if verb == "added" else Flow.WHOLE)
            elif label == "part" and verb in ("added", "done"):
                _part(node, walk, label, part, Flow.GOES_ON if verb == "added" else Flow.WHOLE)
            elif not self._text(label, node, walk, name, verb, part, root):
                self._plain(label, node, walk)
        logprobs = root.get("logprobs")
        if verb == "delta" and logprobs is not None and logprobs.value:
            tell_tokens(logprobs, walk, Key(0, _TEXTS.get(name, (name, ""))[0], part))
        if kind in _LAST:
            walk.end(lambda key: True)
        elif verb == "done":
            walk.end(lambda key: _is_done(key, name, item, part))

    def _text(
        self, label: str, node: Node, walk: EventWalker, name: str, verb: str, part: int, root: Node
    ) -> bool:
        """Whether a member is the text that the event is about, or describes it."""
        kind, held = _TEXTS.get(name, (name or "event", ""))
        if label == "delta" and verb == "delta":
            if name == "audio":
                opaque(walk, node, label, Key(0, "audio", part), Flow.GOES_ON)
            elif kind == "arguments":
                arguments(walk, node, label, Key(0, kind, part), Flow.GOES_ON)
            else:
                strings(walk, node, label, Key(0, kind, part), Flow.GOES_ON)
        elif label == held and verb == "done":
            if kind == "arguments":
                arguments(walk, node, label, Key(0, kind, part), Flow.WHOLE)
            else:
                walk_text(walk, node, label, Key(0, kind, part), Flow.WHOLE)
        elif label == "logprobs" and verb in ("delta", "done"):
            said = root.text("delta") or root.text("text")
            told = "".join(item.text("token") for item in node.items)
            (walk.describes if told in ("", said) else walk.misleads)(node)
        elif label == "obfuscation":
            walk.describes(node)
            structure(walk, node, label, Key())
        else:
            return False
        return True

    def _plain(self, label: str, node: Node, walk: EventWalker) -> None:
        if label in _NUMBERS and type(node.value) is int:
            return
        if label == "error":
            strings(walk, node, label, Key(0, label), known=ERROR_WORDS)
        elif label in ("code", "param"):
            structure(walk, node, label, Key())
        else:
            _beside(label, node, walk, "", named=True)

    def _response(self, response: Node, walk: EventWalker) -> None:
        walk_response(response, walk, "response")
        if not self.response_id:
            self.response_id = identifier(response, "id")
            self.model = identifier(response, "model")
            self._created = response.number("created_at")
        told, said = tokens_of(response)
        self.input_tokens, self.output_tokens = told or self.input_tokens, said or self.output_tokens

    def cut(self, message: str, decision_id: str) -> bytes:
        sequence = self._last_sequence_number()
        response = {
            **answer(self.response_id, self.model, self._created, {"type": "refusal", "refusal": message}),
            "sentinel": {"decision_id": decision_id},
        }
        kind = "response.incomplete"
        return sse({"type": kind, "sequence_number": sequence + 1, "response": response}, kind)

    def _last_sequence_number(self) -> int:
        """That of the last event that has left, -1 where none has. Its quotes stand nowhere else in JSON."""
        found = _SEQUENCE.search(self.last_sent)
        return int(found[1]) if found is not None else -1


def answer(answer_id: str, model: str, created: int, part: dict[str, Any]) -> dict[str, Any]:
    """A response of our own, with one part."""
    return {
        "id": answer_id or "resp_sentinel",
        "object": "response",
        "created_at": created,
        "status": "incomplete",
        "error": None,
        "incomplete_details": {"reason": _FILTERED},
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [_message(part)],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def _message(*parts: dict[str, Any]) -> dict[str, Any]:
    status = "incomplete" if parts else "in_progress"
    return {"type": "message", "id": _MESSAGE, "status": status, "role": "assistant", "content": parts}


def refusal(request: JsonRequest, text: str) -> bytes:
    """A response that says `text`, whole or as a stream."""
    part = {"type": "output_text", "text": text, "annotations": []}
    response = answer("", request.model, 0, part)
    if not request.streaming:
        return msgspec.json.encode(response)
    begun = {**response, "status": "in_progress", "incomplete_details": None, "output": []}
    place = {"item_id": _MESSAGE, "output_index": 0, "content_index": 0}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": _message()}),
        ("response.content_part.added", {**place, "part": {**part, "text": ""}}),
        ("response.output_text.delta", {**place, "delta": text, "logprobs": []}),
        ("response.output_text.done", {**place, "text": text, "logprobs": []}),
        ("response.content_part.done", {**place, "part": part}),
        ("response.output_item.done", {"output_index": 0, "item": _message(part)}),
        ("response.incomplete", {"response": response}),
    ]
    return b"".join(
        sse({"type": kind, "sequence_number": number, **said}, kind)
        for number, (kind, said) in enumerate(events)
    )
