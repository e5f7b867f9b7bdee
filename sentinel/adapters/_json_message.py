"""Whole messages in JSON: the walker that takes their texts and where these stand, and the decoded message
that puts edited texts back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from sentinel.adapters._json import Edit, Node, decode_utf8, escape, parse, splice
from sentinel.adapters._json_text import JsonTextReader, JsonTextWriter, is_json_text
from sentinel.adapters._json_walk import Flow, How, Key, is_structural, placed, strings
from sentinel.adapters.base import Decoded
from sentinel.core.errors import WireError
from sentinel.core.exchange import Role, TextPart

MOST_UNREAD = 16
ERROR_WORDS = frozenset(("type", "code", "param", "status"))


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
