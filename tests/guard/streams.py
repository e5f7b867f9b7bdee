"""A protocol of our own for streamed answers in tests: every element is a JSON array of slots, one a line.

[[choice, kind, text, whole, quoted], ...]
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sentinel.adapters.base import Element, Slot
from sentinel.core.errors import WireError
from sentinel.core.exchange import Channel


class Line:
    def __init__(self, data: bytes, slots: Sequence[Slot], ends: Sequence[Channel]) -> None:
        self.data, self.slots, self.ends = data, slots, ends

    def encode(self, texts: Sequence[str] | None = None) -> bytes:
        return self.data if texts is None else self._with(texts)

    def head(self, texts: Sequence[str]) -> bytes:
        return self._with(texts, head=True)

    def _with(self, texts: Sequence[str], *, head: bool = False) -> bytes:
        slots = [
            [slot.channel.choice, slot.channel.kind, text, slot.whole, slot.quoted]
            for slot, text in zip(self.slots, texts, strict=True)
        ]
        ends = [] if head else [[channel.choice, channel.kind] for channel in self.ends]
        return json.dumps({"slots": slots, "ends": ends, "edited": True}).encode() + b"\n"


class Lines:
    model = "m"
    response_id = ""
    input_tokens = 0
    output_tokens = 0
    unread: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Element]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [self._line(line + b"\n") for line in lines]

    def close(self) -> list[Element]:
        if self._rest:
            raise WireError("the answer ends in the middle of a line")
        return []

    def cut(self, message: str, decision_id: str) -> bytes:
        return json.dumps({"cut": message}).encode() + b"\n"

    @staticmethod
    def _line(data: bytes) -> Element:
        said = json.loads(data)
        slots = [
            Slot(Channel(c, kind), text, whole, quoted) for c, kind, text, whole, quoted in said["slots"]
        ]
        return Line(data, slots, [Channel(c, kind) for c, kind in said.get("ends", [])])


def element(
    text: str,
    choice: int = 0,
    kind: str = "content",
    *,
    whole: bool = False,
    quoted: bool = False,
    ends: bool = False,
) -> bytes:
    said = {"slots": [[choice, kind, text, whole, quoted]], "ends": [[choice, kind]] if ends else []}
    return json.dumps(said).encode() + b"\n"


def texts_of(data: bytes) -> dict[tuple[int, str], str]:
    """What a receiver reads in each channel."""
    heard: dict[tuple[int, str], str] = {}
    for line in data.splitlines():
        for choice, kind, text, whole, _ in json.loads(line).get("slots", []):
            heard[choice, kind] = text if whole else heard.get((choice, kind), "") + text
    return heard
