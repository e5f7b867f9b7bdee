"""Answers of /v1/messages, whole and streamed (https://docs.anthropic.com/en/docs/build-with-claude/streaming)."""

from __future__ import annotations

from typing import Any

import msgspec

from sentinel.adapters._json import Node
from sentinel.adapters._json_message import ERROR_WORDS, count, identifier
from sentinel.adapters._json_stream import EventWalker, JsonStream, sse
from sentinel.adapters._json_walk import (
    Flow,
    Key,
    Walker,
    arguments,
    is_opaque,
    is_structural,
    member,
    opaque,
    path_kind,
    shown,
    strings,
    structure,
)
from sentinel.adapters._templates import Templates

_STRUCTURE = frozenset(("id", "type", "role", "model", "stop_reason", "stop_sequence"))
_BLOCK_STRUCTURE = frozenset(("id", "type", "tool_use_id", "name", "server_name"))
_WORDS = frozenset(("type", "tool_use_id", "file_id", "error_code", "media_type", "id"))
_TEXTS = {"text": "content", "thinking": "reasoning"}
# Deltas by the member that holds the text.
_DELTAS = {**_TEXTS, "partial_json": "arguments"}
_STOPPED = "refusal"


def walk_message(message: Node, walk: Walker, path: str = "") -> None:
    """A message: the answer, or what `message_start` says of it."""
    if type(message.value) is not dict:
        strings(walk, message, path, Key(0, "message"))
    for name, node in message.members.items():
        here = f"{path}.{shown(name)}" if path else shown(name)
        if name == "content" and type(node.value) is list:
            for number, block in enumerate(node.value):
                walk_block(block, walk, f"{here}[{number}]", number)
        elif name in _STRUCTURE:
            structure(walk, node, here, Key())
        elif name == "error":
            strings(walk, node, here, Key(0, name), known=ERROR_WORDS)
        else:
            member(walk, name, node, path, Key(0, path_kind(path) or "message"), known=_WORDS)


def walk_block(block: Node, walk: Walker, path: str, number: int) -> None:
    """A content block."""
    if type(block.value) is not dict:
        strings(walk, block, path, Key(0, "content_block", number))
    kind = block.text("type")
    for name, node in block.members.items():
        here = f"{path}.{shown(name)}"
        if name in _TEXTS and name == kind and type(node.value) is str:
            walk.text(node, here, Key(0, _TEXTS[name], number), Flow.GOES_ON)
        elif name == "signature":
            _signature(node, walk, here, number)
        elif name == "input":
            arguments(walk, node, here, Key(0, "input", number))
        elif name in _BLOCK_STRUCTURE:
            structure(walk, node, here, Key(0, path_kind(here), number))
        elif name == "data":
            opaque(walk, node, here, Key(0, path_kind(here), number))
        else:
            member(walk, name, node, path, Key(0, path_kind(path), number), known=_WORDS)


def _signature(node: Node, walk: Walker, path: str, number: int) -> None:
    """It signs the block's thinking: of edited thinking it would be wrong, and could tell what was there."""
    if type(node.value) is str and (is_opaque(node.value) or is_structural(node.value)):
        walk.signs(node, Key(0, "reasoning", number))
    else:
        strings(walk, node, path, Key(0, path_kind(path), number))


def tokens_of(message: Node) -> tuple[int, int]:
    """Tokens of the prompt (those of the cache too) and of the answer, 0 where they are not told."""
    usage = message.get("usage")
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(count(usage, name) for name in names), count(usage, "output_tokens")


class MessageStream(JsonStream):
    """A streamed message."""

    def __init__(self, model: str, templates: Templates, max_bytes: int) -> None:
        super().__init__(templates, max_bytes)
        self._asked = model
        self._started = self._stopped = False
        self._block: int | None = None

    def walk(self, root: Node, walk: EventWalker) -> None:
        kind = root.text("type")
        number = root.number("index")
        walk.plan.splits = kind == "content_block_delta"
        for name, node in root.members.items():
            if name == "message" and kind == "message_start":
                walk_message(node, walk, name)
                self.response_id, self.model = identifier(node, "id"), identifier(node, "model")
                self._count(node)
            elif name == "content_block":
                walk_block(node, walk, name, number)
            elif name == "delta" and kind == "content_block_delta":
                _delta(node, walk, number)
            elif name == "delta":
                walk_message(node, walk, name)
            elif name == "error":
                strings(walk, node, name, Key(0, name), known=ERROR_WORDS)
            elif name in ("type", "request_id"):
                structure(walk, node, name, Key())
            elif name != "index" or type(node.value) is not int:
                member(walk, name, node, "", Key(0, "event"))
        if kind == "message_delta":
            self._count(root)
        elif kind == "content_block_stop":
            walk.end(lambda key: key.number == number)
        elif kind in ("message_stop", "error"):
            walk.end(lambda key: True)
        if kind in _EFFECTS:
            walk.plan.effect = (kind, number)

    def _count(self, message: Node) -> None:
        told, said = tokens_of(message)
        self.input_tokens, self.output_tokens = told or self.input_tokens, said or self.output_tokens

    def left(self, effect: object) -> None:
        assert isinstance(effect, tuple)
        kind, number = effect
        if kind == "message_start":
            self._started = True
        elif kind == "message_delta":
            self._stopped = True
        else:
            self._block = number if kind == "content_block_start" else None

    def cut(self, message: str, decision_id: str) -> bytes:
        begin = b"" if self._started else _start(self.response_id, self.model or self._asked)
        if self._block is not None:
            begin += _event("content_block_stop", index=self._block)
        if not self._stopped:
            begin += _stop(message, self.output_tokens, {"decision_id": decision_id})
        return begin + _event("message_stop")


# The events that say how far the answer has come.
_EFFECTS = frozenset(("message_start", "content_block_start", "content_block_stop", "message_delta"))


def _delta(delta: Node, walk: EventWalker, number: int) -> None:
    if type(delta.value) is not dict:
        strings(walk, delta, "delta", Key(0, "delta", number), Flow.GOES_ON)
    for name, node in delta.members.items():
        here = f"delta.{shown(name)}"
        if name in _DELTAS and type(node.value) is str:
            key = Key(0, _DELTAS[name], number)
            if name == "partial_json":
                arguments(walk, node, here, key, Flow.GOES_ON)
            else:
                walk.text(node, here, key, Flow.GOES_ON)
        elif name == "signature":
            _signature(node, walk, here, number)
        elif name == "type":
            structure(walk, node, here, Key(0, here, number))
        elif name == "citation":
            strings(walk, node, here, Key(0, here, number), known=_WORDS)
        else:
            member(walk, name, node, "delta", Key(0, "delta", number), Flow.GOES_ON)


# What we say ourselves ------------------------------------------------------------------------------------


def _event(kind: str, **members: Any) -> bytes:
    return sse({"type": kind, **members}, kind)


def _message(answer_id: str, model: str) -> dict[str, Any]:
    return {
        "id": answer_id or "msg_sentinel",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def _start(answer_id: str, model: str) -> bytes:
    return _event("message_start", message=_message(answer_id, model))


def _stop(why: str, tokens: int, facts: dict[str, str]) -> bytes:
    details = {"type": "refusal", "category": None, "explanation": why}
    delta = {"stop_reason": _STOPPED, "stop_sequence": None, "stop_details": details}
    return _event(
        "message_delta",
        delta=delta,
        usage={"output_tokens": tokens},
        **({"sentinel": facts} if facts else {}),
    )


def refusal(model: str, text: str, *, streamed: bool) -> bytes:
    """A message that says `text`, whole or as a stream."""
    block = {"type": "text", "text": text}
    if not streamed:
        return msgspec.json.encode({**_message("", model), "content": [block], "stop_reason": _STOPPED})
    return b"".join(
        (
            _start("", model),
            _event("content_block_start", index=0, content_block={**block, "text": ""}),
            _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
            _event("content_block_stop", index=0),
            _stop(text, 0, {}),
            _event("message_stop"),
        )
    )
