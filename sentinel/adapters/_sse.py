"""Server-sent events, byte for byte: where an event ends, which of its lines are data, and what can be told
of the others (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.5 and 9.2.6).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sentinel.adapters._json import decode_utf8
from sentinel.core.errors import WireError

# Atomic: a CRLF is one end of a line, never two.
_END = rb"(?>\r\n|\n|\r)"
_BLOCK = re.compile(_END + _END)
_LEAD = re.compile(rb"(?:(?::[^\r\n]*+)?+" + _END + rb")++")
_LINE = re.compile(r"([^\r\n]*+)(?>\r\n|\n|\r|\Z)")
_BOM = "\ufeff"
# What nearly every event is: the data on one line, perhaps its name before.
_USUAL = re.compile(r"(?:event: [A-Za-z0-9_.]{1,128}+\n)?+data: ([^\r\n]*+)\n\n")


class EventReader:
    """Splits a stream of bytes, cut anywhere, into events; joined, they are the bytes that came.

    Comments and blank lines ahead of an event come as events of their own, as soon as their line is complete.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._max = max_event_bytes
        self._kept = bytearray()
        self._searched = 0  # no event ends in so many bytes of what is kept

    def feed(self, data: bytes) -> list[str]:
        """The events that `data` completes. Raises WireError on bytes that are not UTF-8 and on an event that
        grows beyond its bound."""
        if not self._kept and data.endswith(b"\n\n") and b"\r" not in data and len(data) <= self._max:
            events = decode_utf8(data)[:-2].split("\n\n")
            if not any(event[:1] in ":\n" for event in events):  # "" counts too
                return [event + "\n\n" for event in events]
        self._kept += data
        return self._complete()

    def _complete(self) -> list[str]:
        data = self._kept
        events: list[str] = []
        position, searched = 0, self._searched
        while position < len(data):
            start = max(position, searched)
            if data.find(b"\n", start) < 0 and data.find(b"\r", start) < 0:
                break
            found = _LEAD.match(data, position) if data[position] in b":\r\n" else None
            if found is None:
                found = _BLOCK.search(data, start)
            end = found.end() if found is not None else 0
            # A CR at the end of what has come may be half of a CRLF.
            if found is None or (end == len(data) and data.endswith(b"\r")):
                break
            self._bound(end - position)
            events.append(decode_utf8(data[position:end]))
            position = searched = end
        del data[:position]
        self._bound(len(data))
        self._searched = max(0, len(data) - 3)
        return events

    def _bound(self, length: int) -> None:
        if length > self._max:
            raise WireError(f"an event of the stream is longer than max_event_bytes ({self._max})")

    def close(self) -> list[str]:
        """What is kept, where it is complete lines: some servers leave out the last blank line. An event that
        is cut within a line is dropped, as its receivers do."""
        kept, self._kept = self._kept, bytearray()
        return [decode_utf8(kept)] if kept.endswith((b"\n", b"\r")) else []


class Field(NamedTuple):
    """A line that is no data: the name of its field, "" for a comment, and the offsets of its value."""

    name: str
    start: int
    end: int


class Frame(NamedTuple):
    """An event's lines. `text` is the event with its data on one line, at [start, end), where each of
    `joints` is a line feed that stood between two lines of data; `start` is -1 where there are none."""

    text: str
    start: int
    end: int
    joints: tuple[int, ...]
    others: tuple[Field, ...]


def read_frame(event: str) -> Frame:
    """The lines of one event. Names that are identifiers may be left out of `others`."""
    usual = _USUAL.fullmatch(event)
    if usual is not None:
        return Frame(event, usual.start(1), usual.end(1), (), ())
    lead = _BOM if event.startswith(_BOM) else ""
    lines = [(found[1], found[0][len(found[1]) :]) for found in _LINE.finditer(event, len(lead)) if found[0]]
    data = [value for name, value in (_field(line) for line, _ in lines) if name == "data"]
    pieces = [lead]
    length = len(lead)
    start = end = -1
    others: list[Field] = []
    for line, line_end in lines:
        name, value = _field(line)
        if name == "data":
            if start >= 0:
                continue
            if len(data) > 1:
                value = "\n".join(data)
                line = f"data: {value}"
            end = length + len(line)
            start = end - len(value)
        elif line:
            others.append(Field(name, length + len(line) - len(value), length + len(line)))
        pieces += (line, line_end)
        length += len(line) + len(line_end)
    joints = (found.start() for found in re.finditer("\n", "\n".join(data)))
    return Frame("".join(pieces), start, end, tuple(start + joint for joint in joints), tuple(others))


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    return (name, value.removeprefix(" ")) if colon else (line, "")
