"""Requests of /v1/chat/completions, /v1/completions and /v1/responses: the whole conversation, and
whose words each text is.

https://platform.openai.com/docs/api-reference/chat/create, .../completions/create, .../responses/create.
"""

from __future__ import annotations

from collections.abc import Callable

from sentinel.adapters._json import Node
from sentinel.adapters._json_walk import (
    Key,
    MessageWalker,
    arguments,
    member,
    opaque,
    settings,
    shown,
    strings,
    structure,
)
from sentinel.adapters._openai_chat import function, tool_call
from sentinel.core.errors import WireError
from sentinel.core.exchange import Role

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.PROMPT,
    "assistant": Role.ANSWER,
    "tool": Role.CONTEXT,
    "function": Role.CONTEXT,
}
_SYSTEM = frozenset(
    ("instructions", "tools", "functions", "response_format", "text", "chat_template", "guided_json")
)
_CONTEXT = frozenset(("documents", "context", "contexts"))
# Texts only where they do not look like identifiers.
_SETTINGS = frozenset(
    (
        *("model", "user", "metadata", "stop", "service_tier", "reasoning_effort", "reasoning", "modalities"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity", "truncation"),
        *("include", "tool_choice", "function_call", "stream_options", "audio", "context_management"),
    )
)
# They name a history or a prompt that is not in the message.
_ELSEWHERE = frozenset(("previous_response_id", "conversation"))
_SCHEMA_WORDS = frozenset(("type", "format", "$ref", "required", "enum", "syntax"))
_PART_WORDS = frozenset(
    (
        *("type", "id", "role", "status", "detail", "format", "media_type", "mime_type", "call_id"),
        *("tool_call_id", "approval_request_id", "file_id", "container_id", "server_label"),
    )
)
_URLS = frozenset(("image_url", "file_url", "video_url", "audio_url"))
_MEDIA = frozenset(("data", "file_data", "b64_json", "encrypted_content", "prompt_embeds"))
_NAMES = frozenset(("name", "server_label"))
# Under these a tool or a format is defined, with its name.
_DEFINED = frozenset(("function", "custom", "json_schema", "format"))
_ANY = Key()


def walk_request(root: Node, walk: MessageWalker, *, token_ids: bool) -> None:
    """Every text of a request; `token_ids` lets prompts of token ids pass, unread."""
    for name, node in root.members.items():
        walk.role = Role.PROMPT
        if name == "messages":
            _each(node, walk, name, _message)
        elif name == "input":
            _each(node, walk, name, _item)
        elif name == "prompt":
            _prompt(node, walk, token_ids)
        elif name in _SETTINGS:
            settings(walk, node, name, _ANY)
        elif name in _ELSEWHERE:
            if node.value is not None:
                walk.unread(node, name)
            settings(walk, node, name, _ANY)
        elif name in _MEDIA:
            opaque(walk, node, name, _ANY)
        elif name == "logit_bias":
            for inner in node.members.values():  # its names are token ids
                strings(walk, inner, name, _ANY)
        elif name in _SYSTEM:
            _each(node, walk, name, _definition, Role.SYSTEM)
        else:
            walk.role = Role.CONTEXT if name in _CONTEXT else Role.PROMPT
            strings(walk, node, name, _ANY)


def _each(
    node: Node,
    walk: MessageWalker,
    path: str,
    read: Callable[[Node, MessageWalker, str], None],
    role: Role = Role.PROMPT,
) -> None:
    many = type(node.value) is list
    for number, item in enumerate(node.items if many else [node]):
        walk.role = role
        read(item, walk, f"{path}[{number}]" if many else path)


def _definition(node: Node, walk: MessageWalker, path: str) -> None:
    """Tools and formats: descriptions are text; names are not, nor are the words of JSON Schema."""
    if type(node.value) is not dict:
        strings(walk, node, path, _ANY)
        return
    for name, inner in node.members.items():
        if name in _NAMES:
            structure(walk, inner, f"{path}.{name}", _ANY)
        elif name in _DEFINED:
            _definition(inner, walk, f"{path}.{name}")
        else:
            member(walk, name, inner, path, _ANY, known=_SCHEMA_WORDS)


def _message(message: Node, walk: MessageWalker, path: str) -> None:
    walk.role = _ROLES.get(message.text("role"), Role.PROMPT)
    if type(message.value) is not dict:
        strings(walk, message, path, _ANY)
        return
    for name, node in message.members.items():
        here = f"{path}.{shown(name)}"
        if name in ("role", "tool_call_id"):
            structure(walk, node, here, _ANY)
        elif name == "tool_calls" and type(node.value) is list:
            for number, call in enumerate(node.value):
                tool_call(call, walk, f"{here}[{number}]", Key(0, "arguments", number))
        elif name == "function_call" and type(node.value) is dict:
            function(node, walk, here, Key(0, "arguments"))
        elif name == "audio" and node.get("id") is not None:
            walk.unread(node, here)
            settings(walk, node, here, _ANY)
        else:
            if shown(name) != name:
                walk.name(node, here, _ANY)
            _part(node, walk, here)


def _item(item: Node, walk: MessageWalker, path: str) -> None:
    """An item of the Responses API's input: a message, a call, what a call returned, a reference."""
    kind = item.text("type")
    if kind == "item_reference":
        walk.unread(item, path)
    if kind in ("message", "") and "role" in item.members:
        _message(item, walk, path)
        return
    if kind.endswith(("_output", "_result")):
        walk.role = Role.CONTEXT
    elif kind.endswith("_call") or kind == "reasoning":
        walk.role = Role.ANSWER
    _part(item, walk, path)


def _prompt(node: Node, walk: MessageWalker, token_ids: bool) -> None:
    """A prompt, several, token ids; or, of the Responses API, a prompt that is stored elsewhere."""
    if type(node.value) is dict:
        walk.unread(node, "prompt")
        for name, inner in node.members.items():
            if name in ("id", "version"):
                structure(walk, inner, f"prompt.{name}", _ANY)
            else:
                member(walk, name, inner, "prompt", _ANY)
        return
    if any(type(item.value) in (int, float, list) for item in node.items):
        if not token_ids:
            raise WireError(
                "prompt holds token ids, which no rule can read (adapters.openai.token_ids: pass)"
            )
        walk.unread(node, "prompt")
    strings(walk, node, "prompt", _ANY)


def _part(node: Node, walk: MessageWalker, path: str) -> None:
    """A part of a message's content, or an item that is no message."""
    for number, item in enumerate(node.items):
        _part(item, walk, f"{path}[{number}]")
    if type(node.value) is str:
        walk.text(node, path, _ANY)
    role = walk.role
    if node.text("type") in ("file", "input_file", "document"):
        walk.role = Role.CONTEXT
    for name, inner in node.members.items():
        here = f"{path}.{shown(name)}"
        if shown(name) != name:
            walk.name(inner, here, _ANY)
        if name in _PART_WORDS or (name == "name" and "call_id" in node.members):
            if name == "file_id" and inner.value is not None:
                walk.unread(inner, here)
            settings(walk, inner, here, _ANY)
        elif name in _URLS:
            media_url(inner, walk, here)
        elif name in _MEDIA:
            opaque(walk, inner, here, _ANY)
        elif name == "arguments":
            arguments(walk, inner, here, _ANY)
        else:
            _part(inner, walk, here)
    walk.role = role


def media_url(node: Node, walk: MessageWalker, path: str) -> None:
    """A picture or a file by its address, which is a text, or within it."""
    if type(node.value) is dict:
        for name, inner in node.value.items():
            if name == "url":
                media_url(inner, walk, f"{path}.url")
            else:
                member(walk, name, inner, path, _ANY, known=_PART_WORDS)
        return
    if type(node.value) is str and node.value.startswith(("http:", "https:")):
        walk.unread(node, path)
    opaque(walk, node, path, _ANY)
