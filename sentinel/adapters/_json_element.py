"""Elements of a streamed answer: server-sent events that leave as they came, or with other texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from sentinel.adapters._json import Edit, escape, splice
from sentinel.adapters._json_message import write_whole
from sentinel.adapters._json_walk import Flow, How
from sentinel.adapters._templates import Kind, Mark, Plan, Spot
from sentinel.adapters.base import Slot
from sentinel.core.exchange import Channel

_SIGNED = "reasoning"  # the kind of channel whose text some protocols sign
_LINE_END = re.compile(r"\r\n|\r|\n")


class Outlet(Protocol):
    """What a stream knows of the elements that have left: they are encoded in their order. `edited` are the
    channels that may be signed and have been edited."""

    edited: set[Channel]

    def sent(self, text: str, plan: Plan, *, whole: bool) -> None:
        """An event leaves, or its head."""
        ...

    def write(self, channel: Channel, text: str) -> str:
        """The next fragment of a channel's JSON text."""
        ...

    def follow(self, channel: Channel, text: str) -> None:
        """The next fragment leaves as it came."""
        ...


class Passed(msgspec.Struct, gc=False):
    """An element that holds no text: a comment, a blank line, the end of the stream."""

    event: str
    ends: Sequence[Channel] = ()
    slots: Sequence[Slot] = ()

    def encode(self, texts: Sequence[str] | None = None) -> bytes:
        return self.event.encode()

    def head(self, texts: Sequence[str]) -> bytes:
        return b""


class Event(msgspec.Struct, gc=False):
    """An element with texts. `text` is the event with its data on one line, `event` what came where that
    differs; `match` says where a template's places are in it. `moved` says that an escape was cut, so that
    the slots are not what came. `heads` are the texts that have left early, or are kept for `encode`."""

    slots: Sequence[Slot]
    ends: Sequence[Channel]
    stream: Outlet
    text: str
    plan: Plan
    match: re.Match[str] | None = None
    event: str = ""
    moved: bool = False
    heads: list[str] | None = None
    repeats: bool = False  # a head has left

    def encode(self, texts: Sequence[str] | None = None) -> bytes:
        plan = self.plan
        self.stream.sent(self.text, plan, whole=True)
        if texts is None:
            if self.heads is not None:
                raise ValueError("a part of the element has left: encode takes the rest")
            if not (self.moved or plan.altered or plan.signed):
                if plan.json_text:
                    self._follow()
                return (self.event or self.text).encode()
            texts = [slot.text for slot in self.slots]
        return self._edited(texts).encode()

    def _follow(self) -> None:
        for spot, slot in zip(self.plan.spots, self.slots, strict=True):
            if spot.how is How.JSON_TEXT and spot.flow is Flow.GOES_ON:
                self.stream.follow(slot.channel, slot.text)

    def _edited(self, texts: Sequence[str]) -> str:
        heads = self.heads or [""] * len(self.slots)
        edits: list[Edit] = []
        changed = self.moved
        for spot, slot, head, text in zip(self.plan.spots, self.slots, heads, texts, strict=True):
            if head + text != slot.text:
                changed = True
                if slot.channel.kind == _SIGNED:
                    self.stream.edited.add(slot.channel)
            splits = self.plan.splits and spot.flow is Flow.GOES_ON
            written = self._write(spot, slot, text if splits else head + text)
            if self.moved or head + text != slot.text or (splits and head):
                edits.append((*spot.span(self.match), written))
        edits += [mark.left_out(self.match) for mark in self.plan.marks if self._is_left_out(mark, changed)]
        if not edits:
            return self.event or self.text
        return splice(self.text, edits + self.plan.joints)

    def _is_left_out(self, mark: Mark, changed: bool) -> bool:
        match mark.kind:
            case Kind.DESCRIBES:
                return changed
            case Kind.ONCE:
                return self.repeats
            case Kind.SIGNS:
                return mark.channel in self.stream.edited
        return mark.kind is Kind.NEVER

    def _write(self, spot: Spot, slot: Slot, text: str) -> str:
        if spot.how is How.LINE:
            return _LINE_END.sub(spot.line_end, text)
        if spot.how is How.JSON_TEXT and spot.flow is Flow.GOES_ON:
            return escape(self.stream.write(slot.channel, text))
        return write_whole(text, spot.how)

    def head(self, texts: Sequence[str]) -> bytes:
        if not any(texts):
            return b""
        before = self.heads or [""] * len(self.slots)
        self.heads = [head + text for head, text in zip(before, texts, strict=True)]
        plan = self.plan
        if not plan.splits:
            return b""
        self.stream.sent(self.text, plan, whole=False)
        edits: list[Edit] = []
        for spot, slot, text in zip(plan.spots, self.slots, texts, strict=True):
            written = self._write(spot, slot, text) if spot.flow is Flow.GOES_ON else spot.empty
            edits.append((*spot.span(self.match), written))
        told = {Kind.DESCRIBES, Kind.LAST, Kind.NEVER} | ({Kind.ONCE} if self.repeats else set())
        edits += [mark.left_out(self.match) for mark in plan.marks if mark.kind in told]
        self.repeats = True
        return splice(self.text, edits + plan.joints).encode()
