"""Requests of /v1/chat/completions, /v1/completions and /v1/responses: the whole conversation, and
whose words each text is.

https://platform.openai.com/docs/api-reference/chat/create, .../completions/create, .../responses/create.
"""

from __future__ import annotations

from sentinel.adapters._json import Node
from sentinel.adapters._json_message import MessageWalker
from sentinel.adapters._json_requests import ANY, MEDIA, definition, each, part
from sentinel.adapters._json_walk import (
    Key,
    member,
    opaque,
    settings,
    shown,
    strings,
    structure,
)
from sentinel.adapters._openai_completions import function, tool_call
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
_MESSAGE_STRUCTURE = frozenset(("role", "type", "id", "status", "phase", "tool_call_id"))
# They name a history or a prompt that is not in the message.
_ELSEWHERE = frozenset(("previous_response_id", "conversation"))


def walk_request(root: Node, walk: MessageWalker, *, token_ids: bool) -> None:
    """Every text of a request; `token_ids` lets prompts of token ids pass, unread."""
    for name, node in root.members.items():
        walk.role = Role.PROMPT
        if name == "messages":
            each(node, walk, name, _message)
        elif name == "input":
            each(node, walk, name, _item)
        elif name == "prompt":
            _prompt(node, walk, token_ids)
        elif name in _SETTINGS:
            settings(walk, node, name, ANY)
        elif name in _ELSEWHERE:
            if node.value is not None:
                walk.unread(node, name)
            settings(walk, node, name, ANY)
        elif name in MEDIA:
            opaque(walk, node, name, ANY)
        elif name == "logit_bias" and all(map(str.isdecimal, node.members)):
            for inner in node.members.values() or [node]:  # its names are token ids
                strings(walk, inner, name, ANY)
        elif name in _SYSTEM:
            each(node, walk, name, definition, Role.SYSTEM)
        else:
            walk.role = Role.CONTEXT if name in _CONTEXT else Role.PROMPT
            member(walk, name, node, "", ANY)


def _message(message: Node, walk: MessageWalker, path: str) -> None:
    walk.role = _ROLES.get(message.text("role"), Role.PROMPT)
    if type(message.value) is not dict:
        strings(walk, message, path, ANY)
        return
    for name, node in message.members.items():
        here = f"{path}.{shown(name)}"
        if name in _MESSAGE_STRUCTURE:
            structure(walk, node, here, ANY)
        elif name == "tool_calls" and type(node.value) is list:
            for number, call in enumerate(node.value):
                tool_call(call, walk, f"{here}[{number}]", Key(0, "arguments", number))
        elif name == "function_call" and type(node.value) is dict:
            function(node, walk, here, Key(0, "arguments"))
        elif name == "audio" and node.get("id") is not None:
            walk.unread(node, here)
            settings(walk, node, here, ANY)
        else:
            if shown(name) != name:
                walk.name(node, here, ANY)
            part(node, walk, here)


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
    part(item, walk, path)


def _prompt(node: Node, walk: MessageWalker, token_ids: bool) -> None:
    """A prompt, several, token ids; or, of the Responses API, a prompt that is stored elsewhere."""
    if type(node.value) is dict:
        walk.unread(node, "prompt")
        for name, inner in node.members.items():
            if name in ("id", "version"):
                structure(walk, inner, f"prompt.{name}", ANY)
            else:
                member(walk, name, inner, "prompt", ANY)
        return
    if any(type(item.value) in (int, float, list) for item in node.items):
        if not token_ids:
            raise WireError(
                "prompt holds token ids, which no rule can read (adapters.openai.token_ids: pass)"
            )
        walk.unread(node, "prompt")
    strings(walk, node, "prompt", ANY)
