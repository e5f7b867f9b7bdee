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
_NO_KEY = (-1, -1)

STRING = r'"([^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+)"'
_BLANK = r"[ \t\n\r]*+"
# A string, a number (its integer, then the rest) or a word, with what comes after it; or the begin of more.
_SCALAR = rf"(?:{STRING}|(-?(?:0|[1-9][0-9]*+))((?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)|(true|false|null))"
_REST = rf"(?:{_SCALAR}{_BLANK}([,}}\]])|([{{\[]))"
_ROOT = re.compile(rf"{_BLANK}(?:{_SCALAR}|([{{\[]))")
_ITEM = re.compile(_BLANK + _REST)
_MEMBER = re.compile(_BLANK + STRING + _BLANK + ":" + _BLANK + _REST)
_EMPTY = re.compile(_BLANK + r"[}\]]")
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
    key: tuple[int, int] = _NO_KEY

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
    found = _ROOT.match(text, start, stop)
    if found is None:
        raise _wrong(start, "no value where one is due")
    if found.lastindex == 5:
        node, position = _inner(text, found.end(), stop, 1)
    else:
        node, position = _scalar(found, 1), found.end()
    blank = _END.match(text, position, stop)
    assert blank is not None
    if blank.end() != stop:
        raise _wrong(position, "more follows the value")
    return node


def _scalar(found: re.Match[str], group: int, key: tuple[int, int] = _NO_KEY) -> Node:
    """The string, number or word in the groups from `group` on."""
    raw = found[group]
    if raw is not None:
        start, end = found.span(group)
        return Node(start, end, raw if "\\" not in raw else unescape(raw), key)
    whole = found[group + 1]
    if whole is not None:
        rest = found[group + 2]
        value = int(whole) if not rest and len(whole.lstrip("-")) <= 18 else 0.0
        return Node(found.start(group + 1), found.end(group + 2), value, key)
    start, end = found.span(group + 3)
    return Node(start, end, _LITERALS[found[group + 3]], key)


def _inner(
    text: str, position: int, stop: int, depth: int, key: tuple[int, int] = _NO_KEY
) -> tuple[Node, int]:
    """The object or array whose bracket stands right before `position`."""
    if depth > MAX_DEPTH:
        raise WireError(f"not JSON that can be read: nested deeper than {MAX_DEPTH}")
    start = position - 1
    is_object = text[start] == "{"
    value: dict[str, Node] | list[Node] = {} if is_object else []
    read, last = (_member, "}") if is_object else (_item, "]")
    empty = _EMPTY.match(text, position, stop)
    if empty is not None and text[empty.end() - 1] == last:
        return Node(start, empty.end(), value, key), empty.end()
    after = ","
    while after == ",":
        after, position = read(text, position, stop, depth, value)
    if after != last:
        raise _wrong(position, "one bracket opens, another closes")
    return Node(start, position, value, key), position


def _member(text: str, position: int, stop: int, depth: int, members: Any) -> tuple[str, int]:
    found = _MEMBER.match(text, position, stop)
    if found is None:
        raise _wrong(position, "no member of an object where one is due")
    name = found[1]
    if "\\" in name:
        name = unescape(name)
    if name in members:
        raise WireError("not JSON that can be read: an object names a member twice")
    if found.lastindex == 7:
        members[name], position = _inner(text, found.end(), stop, depth + 1, found.span(1))
        return _after(text, position, stop)
    members[name] = _scalar(found, 2, found.span(1))
    return found[6], found.end()


def _item(text: str, position: int, stop: int, depth: int, items: Any) -> tuple[str, int]:
    found = _ITEM.match(text, position, stop)
    if found is None:
        raise _wrong(position, "no item of an array where one is due")
    if found.lastindex == 6:
        node, position = _inner(text, found.end(), stop, depth + 1)
        items.append(node)
        return _after(text, position, stop)
    items.append(_scalar(found, 1))
    return found[5], found.end()


def _after(text: str, position: int, stop: int) -> tuple[str, int]:
    found = _NEXT.match(text, position, stop)
    if found is None:
        raise _wrong(position, "neither a comma nor a bracket")
    return found[1], found.end()


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
