"""What a protocol's walk over a JSON message calls for each value that it meets: text, structure, or bytes
that are no text. Two walkers take the calls: here the one for whole messages, in `_json_stream` the one for
elements of a stream.

A string is structure only where the protocol says so (an id, a role, a type) and only while it looks so;
every other string is text, and so are the names of members that no protocol defines.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

import msgspec

from sentinel.adapters._json import Edit, Node, decode_utf8, escape, parse, splice
from sentinel.adapters._json_text import JsonTextReader, JsonTextWriter, is_json_text
from sentinel.adapters.base import Decoded
from sentinel.core.errors import WireError
from sentinel.core.exchange import Role, TextPart, TokenProbability

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
MOST_UNREAD = 16
ERROR_WORDS = frozenset(("type", "code", "param", "status"))


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


class Place(msgspec.Struct, gc=False):
    """Where a text stands in the message, and how it is written there."""

    start: int
    end: int
    how: How


def whole_text(node: Node, how: How, text: str) -> tuple[str, How]:
    """What a complete text says and how an edit of it is written. `text` is the message."""
    if how is How.STRING:
        return node.value, how
    said = node.value if how is How.JSON_TEXT else text[node.start : node.end]
    if how is How.JSON_TEXT and not is_json_text(said):
        return said, How.STRING
    reader = JsonTextReader()
    said = reader.read(said)
    return said + reader.kept, how


def write_whole(text: str, how: How) -> str:
    """A complete text as it stands in the message."""
    if how is How.STRING:
        return escape(text)
    written = JsonTextWriter().write(text)
    if how is How.JSON_TEXT:
        return escape(written)
    return written if _is_json(written) else f'{{"text":"{escape(text)}"}}'


def _is_json(text: str) -> bool:
    try:
        parse(text)
    except WireError:
        return False
    return True


class MessageWalker:
    """Takes what a walk over a whole message finds. `role` is that of the texts that come next."""

    keyed = False

    def __init__(self, text: str, role: Role, max_texts: int) -> None:
        self.role = role
        self.parts: list[TextPart] = []
        self.places: list[Place] = []
        self.drops: list[Drop] = []
        self.names: list[str] = []
        self._text = text
        self._max_texts = max_texts
        self._signed: dict[Key, int] = {}

    def text(self, node: Node, path: str, key: Key, flow: Flow = Flow.ONCE, how: How = How.STRING) -> None:
        said, how = whole_text(node, how, self._text)
        if said:
            self._signed[key] = len(self.parts)
            self._add(said, path, Place(node.start, node.end, how))

    def name(self, node: Node, path: str, key: Key) -> None:
        start, end = node.key
        self._add(_key_text(self._text, start, end), path, Place(start, end, How.STRING))

    def _add(self, said: str, path: str, place: Place) -> None:
        if len(self.parts) == self._max_texts:
            raise WireError(f"more than {self._max_texts} texts in one message")
        self.parts.append(TextPart(self.role, said, path))
        self.places.append(place)

    def structure(self, node: Node) -> None:
        pass

    def told_once(self, node: Node) -> None:
        pass

    def told_last(self, node: Node) -> None:
        pass

    def describes(self, node: Node) -> None:
        if node.value is not None:
            self.drops.append(Drop((node.start, node.end, nothing(node))))

    def misleads(self, node: Node) -> None:
        self.describes(node)

    def signs(self, node: Node, key: Key) -> None:
        if key in self._signed:
            self.drops.append(Drop((node.start, node.end, nothing(node)), self._signed[key]))

    def unread(self, node: Node, path: str) -> None:
        if len(self.names) < MOST_UNREAD:
            self.names.append(path)

    def probable(self, key: Key, said: Sequence[str], logprobs: Sequence[Node]) -> None:
        number = self._signed.get(key)
        if number is not None:
            part = self.parts[number]
            tokens = placed(part.text, said, logprobs, self._text)
            self.parts[number] = msgspec.structs.replace(part, tokens=tokens)


def _key_text(text: str, start: int, end: int) -> str:
    said = parse(text, start - 1, end + 1).value
    assert type(said) is str
    return said


def nothing(node: Node) -> str:
    """What stands in the place of a value that is left out, of a type that its readers expect."""
    if type(node.value) is list:
        return "[]"
    return "" if type(node.value) is str else "null"


class Drop(NamedTuple):
    """An edit that goes with the edit of a part, by its index; with that of any part where it is -1."""

    edit: Edit
    part: int = -1


class JsonMessage(msgspec.Struct):
    """A decoded message."""

    data: bytes
    model: str
    parts: list[TextPart]
    unread: tuple[str, ...]
    places: list[Place]
    drops: list[Drop]

    def encode(self, texts: Sequence[str]) -> bytes:
        changed = {-1}
        edits: list[Edit] = []
        for index, (part, place, text) in enumerate(zip(self.parts, self.places, texts, strict=True)):
            if text != part.text:
                changed.add(index)
                edits.append((place.start, place.end, write_whole(text, place.how)))
        if not edits:
            return self.data
        edits += [drop.edit for drop in self.drops if drop.part in changed]
        return splice(decode_utf8(self.data), edits).encode()


class JsonRequest(JsonMessage):
    """`choices` is how many alternatives the caller asks for, `schema` the JSON Schema that the answer is to
    follow, "" where it may be anything."""

    method: str = ""
    request_id: str = ""
    streaming: bool = False
    choices: int = 1
    schema: str = ""


class JsonResponse(JsonMessage):
    response_id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


def streaming(root: Node) -> bool:
    """Whether a request asks for a stream. Raises WireError where receivers may not agree on that: a server
    may take 1 or "true" for true, or read member names without regard to case."""
    if any(name != "stream" and name.casefold() == "stream" for name in root.members):
        raise WireError("a member is named almost, but not quite, stream")
    node = root.get("stream")
    if node is None or node.value is None or type(node.value) is bool:
        return node is not None and node.value is True
    raise WireError("stream is neither true nor false")


def identifier(node: Node, name: str) -> str:
    """A member for records: its string where that is structure, else "" (it is a text then)."""
    value = node.text(name)
    return value if is_structural(value) else ""


def count(node: Node | None, name: str) -> int:
    """A token count that a record can hold, 0 where there is none."""
    return max(0, node.number(name)) if node is not None else 0


def read_object(data: bytes) -> tuple[str, Node]:
    """The message's text and its object. Raises WireError on everything else."""
    text = decode_utf8(data)
    root = parse(text)
    if type(root.value) is not dict:
        raise WireError("not a JSON object")
    return text, root


def taken(data: bytes, root: Node, walk: MessageWalker) -> dict[str, Any]:
    """The fields of a message that has been walked."""
    return {
        "data": data,
        "model": identifier(root, "model"),
        "parts": walk.parts,
        "unread": tuple(walk.names),
        "places": walk.places,
        "drops": walk.drops,
    }


class PlainMessage(msgspec.Struct):
    """A message that is one text."""

    data: bytes
    parts: list[TextPart]
    unread: tuple[str, ...] = ()

    def encode(self, texts: Sequence[str]) -> bytes:
        if not self.parts and not texts:
            return self.data
        (text,) = texts
        return text.encode()


def read_error(data: bytes, max_texts: int) -> Decoded:
    """The body of an upstream's error: JSON, or whatever a proxy on the way says. Raises WireError on what is
    not text, and on JSON that two receivers could read in two ways."""
    text = decode_utf8(data)
    if not text.strip():
        return PlainMessage(data, [])
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return PlainMessage(data, [TextPart(Role.ANSWER, text, "body")])
    root = parse(text)
    walk = MessageWalker(text, Role.ANSWER, max_texts)
    strings(walk, root, "body", Key(0, "body"), known=ERROR_WORDS)
    return JsonMessage(**taken(data, root, walk))
