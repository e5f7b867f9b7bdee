"""The short way to read a message of a token stream that is made like the one before, all but its text.

    [field 2 of Triton's message and its length] before | tag, length, length of the text, text | after

Where everything around the one text is the same to the byte, the message says the same but for that text, so
parsing it again would find nothing new.
"""

from __future__ import annotations

import msgspec

_WRAPPED = 0x12  # field 2 of ModelStreamInferResponse
_RAW = 0x32  # field 6 of ModelInferResponse
_PREFIX = 4  # bytes of the length before an element


class Shape(msgspec.Struct, frozen=True, gc=False):
    """How a message is made whose one text lies in raw contents."""

    wrapped: bool
    before: bytes
    after: bytes

    def text(self, data: bytes) -> str | None:
        """The text of a message of this shape; None for any other."""
        at, total = 0, len(data)
        if self.wrapped:
            if not data or data[0] != _WRAPPED:
                return None
            size, at = _varint(data, 1)
            if at + size != total:
                return None
        before = self.before
        if not data.startswith(before, at):
            return None
        at += len(before)
        if at >= total or data[at] != _RAW:
            return None
        size, at = _varint(data, at + 1)
        end = at + size
        if size < _PREFIX or int.from_bytes(data[at : at + _PREFIX], "little") != size - _PREFIX:
            return None
        if end > total or data[end:] != self.after:
            return None
        try:
            return str(data[at + _PREFIX : end], "utf-8")
        except UnicodeDecodeError:
            return None


def shape_of(data: bytes, text: str) -> Shape | None:
    """The shape of a message with that text; None where it is not made so, or not certainly."""
    raw = text.encode()
    element = len(raw).to_bytes(_PREFIX, "little") + raw
    entry = bytes([_RAW]) + _as_varint(len(element)) + element
    at = data.find(entry)
    if not text or at < 0 or data.find(entry, at + 1) >= 0:
        return None
    start = 0
    wrapped = data[0] == _WRAPPED
    if wrapped:
        size, start = _varint(data, 1)
        if start + size != len(data):
            return None
    shape = Shape(wrapped, data[start:at], data[at + len(entry) :])
    return shape if at >= start and shape.text(data) == text else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; an impossible number where the data end first."""
    if at < len(data) and data[at] < 0x80:
        return data[at], at + 1
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 1 << 62, at


def _as_varint(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
