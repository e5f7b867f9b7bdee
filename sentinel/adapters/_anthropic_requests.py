"""Requests of /v1/messages: the whole conversation, and whose words each text is
(https://docs.anthropic.com/en/api/messages).
"""

from __future__ import annotations

from sentinel.adapters._json import Node
from sentinel.adapters._json_message import MessageWalker
from sentinel.adapters._json_requests import ANY, definition, each, part
from sentinel.adapters._json_walk import (
    member,
    settings,
    shown,
    strings,
    structure,
)
from sentinel.core.exchange import Role

_SYSTEM = frozenset(("tools", "mcp_servers", "output_format", "output_config"))
# Texts only where they do not look like identifiers.
_SETTINGS = frozenset(
    (
        *("model", "metadata", "stop_sequences", "service_tier", "tool_choice", "thinking", "container"),
        *("betas", "anthropic_beta", "anthropic_version", "context_management", "inference_geo", "speed"),
    )
)


def walk_request(root: Node, walk: MessageWalker) -> None:
    """Every text of a request."""
    for name, node in root.members.items():
        walk.role = Role.PROMPT
        if name == "messages":
            each(node, walk, name, _message)
        elif name == "system":
            each(node, walk, name, part, Role.SYSTEM)
        elif name in _SYSTEM:
            each(node, walk, name, definition, Role.SYSTEM)
        elif name in _SETTINGS:
            settings(walk, node, name, ANY)
        else:
            member(walk, name, node, "", ANY)


def _message(message: Node, walk: MessageWalker, path: str) -> None:
    role = message.text("role")
    walk.role = {"assistant": Role.ANSWER, "system": Role.SYSTEM}.get(role, Role.PROMPT)
    if type(message.value) is not dict:
        strings(walk, message, path, ANY)
    for name, node in message.members.items():
        here = f"{path}.{shown(name)}"
        if shown(name) != name:
            walk.name(node, here, ANY)
        if name == "role":
            structure(walk, node, here, ANY)
        else:
            part(node, walk, here)
