"""What a protocol's walk over a JSON message calls for each value that it meets: text, structure, or bytes
that are no text. Two walkers take the calls: in `_json_message` the one for whole messages, in `_json_stream`
the one for elements of a stream.

A string is structure only where the protocol says so (an id, a role, a type) and only while it looks so;
every other string is text, and so are the names of members that no protocol defines.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from sentinel.adapters._json import Node
from sentinel.core.exchange import TokenProbability

# Identifiers, roles, types, models: what a protocol's own strings look like.
STRUCTURAL = r"[A-Za-z0-9_.:/-]{0,128}+"
is_structural = re.compile(STRUCTURAL).fullmatch
# Base64 and its URL variant, line ends included; in a data URL or not. What is shorter may be a word.
is_opaque = re.compile(r"(?:data:[a-z0-9.+/;=-]{1,100};base64,)?+[A-Za-z0-9+/=_\r\n-]{64,}+").fullmatch
# A member's name that may be shown and is not read as text: a word, with hardly any digits.
_is_name = re.compile(r"[A-Za-z_$][A-Za-z_-]{0,40}+[0-9]{0,3}[A-Za-z_-]{0,8}").fullmatch
_LONGEST_NAME = 64
_INDEX = re.compile(r"\[[0-9]+\]")
_ENCRYPTED = frozenset(("encrypted_content", "encrypted_index", "encrypted_stdout"))


class How(Enum):
    """How a text is written."""

    STRING = "string"  # as a JSON string
    JSON_TEXT = "json text"  # as JSON text within a JSON string
    JSON = "json"  # as JSON that stands in the message as it is
    LINE = "line"  # as the rest of a line of an SSE event


class Flow(Enum):
    """How a text of a stream's element relates to those of other elements."""

    GOES_ON = "goes on"  # continues its channel's text
    ONCE = "once"  # is a text of its own, complete
    WHOLE = "whole"  # repeats its channel's text


class Key(NamedTuple):
    """What a channel is called before the streams of one connection number it."""

    choice: int = 0
    kind: str = "content"
    number: int = 0


class Walker(Protocol):
    """Takes what a walk finds. `path` names the place for people, `key` the channel; a walker that is not
    `keyed` cares for the keys of signed texts only."""

    keyed: bool

    def text(self, node: Node, path: str, key: Key, flow: Flow = Flow.ONCE, how: How = How.STRING) -> None:
        """A text. For `How.JSON` the node may be any value."""
        ...

    def name(self, node: Node, path: str, key: Key) -> None:
        """The name of a member, where it is text: `node` is the member."""
        ...

    def structure(self, node: Node) -> None:
        """A string or number without meaning for the reader of the answer: it may differ each time."""
        ...

    def told_once(self, node: Node) -> None:
        """Not repeated when an element leaves in two parts, for readers would join both."""
        ...

    def told_last(self, node: Node) -> None:
        """Leaves with the last part of an element."""
        ...

    def describes(self, node: Node) -> None:
        """Tells the texts in another way: left out when one of them changes."""
        ...

    def misleads(self, node: Node) -> None:
        """Like `describes`, but tells other texts than this element's own: in a stream it never leaves."""
        ...

    def signs(self, node: Node, key: Key) -> None:
        """Left out when the text of that channel has changed."""
        ...

    def probable(self, key: Key, said: Sequence[str], logprobs: Sequence[Node]) -> None:
        """How probable the model found each token of that channel's text; `said` are the tokens."""
        ...

    def unread(self, node: Node, path: str) -> None:
        """Holds what is no text, or stands for what is not in the message."""
        ...


def shown(name: str) -> str:
    """The member's name for a path: never the text of a user."""
    return _shown(name) if len(name) <= _LONGEST_NAME else "#"


@functools.lru_cache(4096)
def _shown(name: str) -> str:
    return name if _is_name(name) else "#"


def strings(
    walk: Walker, node: Node, path: str, key: Key, flow: Flow = Flow.ONCE, known: frozenset[str] = frozenset()
) -> None:
    """Every string under `node` as a text, but for the settings named in `known`, wherever they stand."""
    value = node.value
    if type(value) is str:
        walk.text(node, path, key, flow)
    elif type(value) is dict:
        for name, inner in value.items():
            member(walk, name, inner, path, key, flow, known)
    elif type(value) is list:
        for number, item in enumerate(value):
            numbered = Key(key.choice, key.kind, key.number * 1024 + number)
            strings(walk, item, f"{path}[{number}]", numbered, flow, known)


def member(
    walk: Walker,
    name: str,
    node: Node,
    path: str,
    key: Key,
    flow: Flow = Flow.ONCE,
    known: frozenset[str] = frozenset(),
) -> None:
    """A member of the object at `path`, as `strings` reads it."""
    label = shown(name)
    step = f"{path}.{label}" if path else label
    if label != name or label == "#":
        walk.name(node, step, key)
    if name in known:
        settings(walk, node, step, key)
    elif name in _ENCRYPTED and type(node.value) is str:
        opaque(walk, node, step, key)
    else:
        if walk.keyed:
            key = Key(key.choice, f"{key.kind}.{label}", key.number)
        strings(walk, node, step, key, flow, known)


def settings(walk: Walker, node: Node, path: str, key: Key) -> None:
    """A value that the protocol defines: its strings are texts where they do not look like identifiers."""
    value = node.value
    if type(value) is dict:
        for name, inner in value.items():
            label = shown(name)
            if label != name or label == "#":
                walk.name(inner, f"{path}.{label}", key)
            step = f"{path}.{label}"
            settings(walk, inner, step, key)
    elif type(value) is list:
        for number, item in enumerate(value):
            settings(walk, item, f"{path}[{number}]", key)
    else:
        structure(walk, node, path, key)


def structure(walk: Walker, node: Node, path: str, key: Key) -> None:
    """A string that the protocol defines: no text while it looks like an identifier."""
    value = node.value
    if type(value) in (dict, list) or (type(value) is str and not is_structural(value)):
        strings(walk, node, path, key._replace(kind=path_kind(path)))
    else:
        walk.structure(node)


def path_kind(path: str) -> str:
    """The path without its indices."""
    return _INDEX.sub("", path) if "[" in path else path


def opaque(walk: Walker, node: Node, path: str, key: Key, flow: Flow = Flow.ONCE) -> None:
    """Base64 of media or of what only its maker can read; a text where it does not look so."""
    value = node.value
    if type(value) is str and is_opaque(value):
        walk.unread(node, path)
    else:
        strings(walk, node, path, key, flow)


def arguments(walk: Walker, node: Node, path: str, key: Key, flow: Flow = Flow.ONCE) -> None:
    """A tool call's arguments: JSON text in a string, or JSON itself, or some other text."""
    value = node.value
    if type(value) is str:
        walk.text(node, path, key, flow, How.JSON_TEXT)
    elif value:
        walk.text(node, path, key, flow, How.JSON)


def placed(
    text: str, said: Sequence[str], logprobs: Sequence[Node], message: str
) -> tuple[TokenProbability, ...]:
    """The tokens `said` with their places in `text`; none where they do not spell it, as they cannot where a
    character is cut between two."""
    if len(said) != len(logprobs) or "".join(said) != text:
        return ()
    ends = list(itertools.accumulate(map(len, said)))
    return tuple(
        (start, end, float(message[node.start : node.end]))
        for start, end, node in zip([0, *ends[:-1]], ends, logprobs, strict=True)
        if type(node.value) in (int, float)
    )
