"""What the requests of all protocols share: parts of messages, definitions of tools, media."""

from __future__ import annotations

from collections.abc import Callable

from sentinel.adapters._json import Node
from sentinel.adapters._json_message import MessageWalker
from sentinel.adapters._json_walk import (
    Key,
    arguments,
    is_opaque,
    member,
    opaque,
    settings,
    shown,
    strings,
    structure,
)
from sentinel.core.exchange import Role

ANY = Key()  # whole messages have no channels
MEDIA = frozenset(("data", "file_data", "b64_json", "encrypted_content", "prompt_embeds"))
_NAMES = frozenset(("name", "server_label"))
# Under these a tool or a format is defined, with its name.
_DEFINED = frozenset(("function", "custom", "json_schema", "format"))
_SCHEMA_WORDS = frozenset(("type", "format", "$ref", "required", "enum", "syntax", "cache_control"))
_PART_WORDS = frozenset(
    (
        *("type", "id", "role", "status", "detail", "format", "media_type", "mime_type", "call_id"),
        *("tool_call_id", "tool_use_id", "approval_request_id", "file_id", "container_id", "server_label"),
        *("cache_control", "server_name"),
    )
)
_URLS = frozenset(("image_url", "file_url", "video_url", "audio_url"))
# What a call has beside its name.
_CALLS = frozenset(("call_id", "input"))
_DOCUMENTS = frozenset(("file", "input_file", "document", "search_result"))


def each(
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


def definition(node: Node, walk: MessageWalker, path: str) -> None:
    """Tools and formats: descriptions are text; names are not, nor are the words of JSON Schema."""
    if type(node.value) is not dict:
        strings(walk, node, path, ANY)
        return
    for name, inner in node.members.items():
        if name in _NAMES:
            structure(walk, inner, f"{path}.{name}", ANY)
        elif name in _DEFINED:
            definition(inner, walk, f"{path}.{name}")
        else:
            member(walk, name, inner, path, ANY, known=_SCHEMA_WORDS)


def part(node: Node, walk: MessageWalker, path: str) -> None:
    """A part of a message's content, or an item that is no message."""
    for number, item in enumerate(node.items):
        part(item, walk, f"{path}[{number}]")
    if type(node.value) is str:
        walk.text(node, path, ANY)
    role = walk.role
    kind = node.text("type")
    if kind in _DOCUMENTS or kind.endswith("_result"):
        walk.role = Role.CONTEXT
    for name, inner in node.members.items():
        here = f"{path}.{shown(name)}"
        if shown(name) != name:
            walk.name(inner, here, ANY)
        if name in _PART_WORDS or (name == "name" and not _CALLS.isdisjoint(node.members)):
            if name == "file_id" and inner.value is not None:
                walk.unread(inner, here)
            settings(walk, inner, here, ANY)
        elif name in _URLS or (name == "url" and kind == "url"):
            media_url(inner, walk, here)
        elif name in MEDIA and kind != "text":
            opaque(walk, inner, here, ANY)
        elif name == "signature" and type(inner.value) is str and is_opaque(inner.value):
            continue  # of a thinking block, for its maker
        elif name == "arguments" or (name == "input" and type(inner.value) is dict):
            arguments(walk, inner, here, ANY)
        else:
            part(inner, walk, here)
    walk.role = role


def media_url(node: Node, walk: MessageWalker, path: str) -> None:
    """A picture or a file by its address, which is a text, or within it."""
    if type(node.value) is dict:
        for name, inner in node.value.items():
            if name == "url":
                media_url(inner, walk, f"{path}.url")
            else:
                member(walk, name, inner, path, ANY, known=_PART_WORDS)
        return
    if type(node.value) is str and node.value.startswith(("http:", "https:")):
        walk.unread(node, path)
    opaque(walk, node, path, ANY)
