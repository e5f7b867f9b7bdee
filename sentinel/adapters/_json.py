"""JSON text with the place of every value, so that an edit replaces one string and leaves all else as it
came: the order of keys, unknown members, numbers to the last digit.

Stricter than most receivers, for what two parsers read in two ways could hide a text: an object that names a
member twice, a lone surrogate, NaN and whatever else RFC 8259 does not know are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from sentinel.core.errors import WireError

MAX_DEPTH = 128

STRING = r'"([^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+)"'
_BLANK = r"[ \t\n\r]*+"
_VALUE = re.compile(
    _BLANK
    + rf"(?:{STRING}|(-?(?:0|[1-9][0-9]*+))((?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)"
    + r"|(true|false|null)|([{\[]))"
)
_MEMBER = re.compile(_BLANK + STRING + _BLANK + ":")
_FIRST = re.compile(_BLANK + r"([}\]]?+)")
_NEXT = re.compile(_BLANK + r"([,}\]])")
_END = re.compile(_BLANK)
_LITERALS = {"true": True, "false": False, "null": None}
# Clients that split lines as Python's str.splitlines does would break an event at these.
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")

_decode_string = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Node(msgspec.Struct, gc=False):
    """A value and its place: `start` and `end` are offsets in the text, inside the quotes of a string.

    An object is a dict of nodes, an array a list of them. A number is an int where it is written as one of at
    most 18 digits, else a float that says nothing about its digits. `key` is where the member's name stands,
    inside its quotes; (-1, -1) outside objects.
    """

    start: int
    end: int
    value: Any
    key: tuple[int, int] = (-1, -1)

    def get(self, name: str) -> Node | None:
        """The member of that name, where this is an object that has it."""
        value = self.value
        return value.get(name) if type(value) is dict else None

    def text(self, name: str) -> str:
        """The member's string, "" where there is none."""
        node = self.get(name)
        return node.value if node is not None and type(node.value) is str else ""

    def number(self, name: str, default: int = 0) -> int:
        """The member's integer, or the default."""
        node = self.get(name)
        return node.value if node is not None and type(node.value) is int else default

    @property
    def members(self) -> dict[str, Node]:
        """The members of an object; none where this is something else."""
        return self.value if type(self.value) is dict else {}

    @property
    def items(self) -> list[Node]:
        """The items of an array; none where this is something else."""
        return self.value if type(self.value) is list else []


def parse(text: str, start: int = 0, end: int | None = None) -> Node:
    """The value that fills `text[start:end]`. Raises WireError, which never quotes it."""
    stop = len(text) if end is None else end
    node, position = _value(text, start, stop, 0)
    blank = _END.match(text, position, stop)
    assert blank is not None
    if blank.end() != stop:
        raise _wrong(position - start, "more follows the value")
    return node


def _value(text: str, position: int, stop: int, depth: int) -> tuple[Node, int]:
    found = _VALUE.match(text, position, stop)
    if found is None:
        raise _wrong(position, "no value where one is due")
    group = found.lastindex
    end = found.end()
    if group == 1:
        return Node(end - 1 - len(found[1]), end - 1, unescape(found[1])), end
    if group == 5:
        if depth == MAX_DEPTH:
            raise WireError(f"not JSON that can be read: nested deeper than {MAX_DEPTH}")
        read = _object if found[5] == "{" else _array
        return read(text, end, stop, depth + 1)
    if group == 4:
        word = found[4]
        return Node(end - len(word), end, _LITERALS[word]), end
    whole = found[2]
    value = int(whole) if not found[3] and len(whole) <= 18 else 0.0
    return Node(found.start(2), end, value), end


def _object(text: str, position: int, stop: int, depth: int) -> tuple[Node, int]:
    members: dict[str, Node] = {}
    start = position - 1
    first = _FIRST.match(text, position, stop)
    assert first is not None
    if first[1] == "}":
        return Node(start, first.end(), members), first.end()
    while True:
        name = _MEMBER.match(text, position, stop)
        if name is None:
            raise _wrong(position, "no member's name where one is due")
        key = unescape(name[1])
        if key in members:
            raise WireError("not JSON that can be read: an object names a member twice")
        node, position = _value(text, name.end(), stop, depth)
        node.key = name.span(1)
        members[key] = node
        after = _NEXT.match(text, position, stop)
        if after is None or after[1] == "]":
            raise _wrong(position, "an object goes on in no known way")
        position = after.end()
        if after[1] == "}":
            return Node(start, position, members), position


def _array(text: str, position: int, stop: int, depth: int) -> tuple[Node, int]:
    items: list[Node] = []
    start = position - 1
    first = _FIRST.match(text, position, stop)
    assert first is not None
    if first[1] == "]":
        return Node(start, first.end(), items), first.end()
    while True:
        node, position = _value(text, position, stop, depth)
        items.append(node)
        after = _NEXT.match(text, position, stop)
        if after is None or after[1] == "}":
            raise _wrong(position, "an array goes on in no known way")
        position = after.end()
        if after[1] == "]":
            return Node(start, position, items), position


def _wrong(position: int, what: str) -> WireError:
    return WireError(f"not JSON: {what}, at character {position}")


def unescape(raw: str) -> str:
    """The text of what stands between a string's quotes. Raises WireError on a lone surrogate."""
    if "\\" not in raw:
        return raw
    try:
        return _decode_string(f'"{raw}"')
    except msgspec.DecodeError:
        raise WireError("not JSON that can be read: an escape names no character") from None


def escape(text: str) -> str:
    """What stands between the quotes of a string that says `text`."""
    written = _encode(text).decode()[1:-1]
    if not written.isascii() and _LINE_ENDS.search(written):
        written = _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
    return written


def decode_utf8(data: bytes | bytearray) -> str:
    """Raises WireError on what is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise WireError(f"not UTF-8, at byte {error.start}") from None


Edit = tuple[int, int, str]  # start, end, what stands there instead


def splice(text: str, edits: Iterable[Edit]) -> str:
    """The text with every edit made; of two that overlap the outer one counts."""
    pieces: list[str] = []
    position = 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= position:
            pieces += (text[position:start], new)
            position = end
    pieces.append(text[position:])
    return "".join(pieces)
