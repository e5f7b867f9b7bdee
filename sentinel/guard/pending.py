"""Elements of a streamed answer that wait, and their texts' places in their channels."""

from __future__ import annotations

import re

from sentinel.adapters.base import Element, Slot
from sentinel.guard.channel import ChannelText

_SAYS_SOMETHING = re.compile(r"\w").search


class Stretch:
    """A slot's place in its channel; `start` moves on when a part of it was sent ahead."""

    __slots__ = ("channel", "end", "slot", "start", "taken")

    def __init__(self, slot: Slot, channel: ChannelText, start: int, end: int) -> None:
        self.slot = slot
        self.channel = channel
        self.start = start
        self.end = end
        self.taken = 0  # characters of the slot's text that were sent ahead

    def text(self, end: int) -> str:
        """What leaves of it up to `end`."""
        rest = self.slot.text[self.taken : self.taken + end - self.start]
        return self.channel.released(self.start, end, rest)

    def take(self, end: int) -> None:
        self.taken += end - self.start
        self.start = end


class Pending:
    """An element that has not left, or not wholly."""

    __slots__ = ("arrived", "element", "stretches")

    def __init__(self, element: Element, stretches: list[Stretch], arrived: float) -> None:
        self.element = element
        self.stretches = stretches
        self.arrived = arrived

    # One for each message of a stream: plain loops, for a generator costs more than what it looks at.

    @property
    def decided(self) -> bool:
        for stretch in self.stretches:
            if stretch.channel.edited.settled < stretch.end:
                return False
        return True

    @property
    def undecided(self) -> ChannelText:
        """The first text that it waits for."""
        for stretch in self.stretches:
            if stretch.channel.edited.settled < stretch.end:
                return stretch.channel
        raise LookupError("all of it is decided")

    def encode(self) -> bytes:
        for stretch in self.stretches:
            edited = stretch.channel.edited
            if stretch.taken or (edited.edits and edited.touched(stretch.start, stretch.end)):
                return self.element.encode([each.text(each.end) for each in self.stretches])
        return self.element.encode()

    def head(self) -> bytes:
        """What may leave of it by now, as an element of its own; b"" when that is not worth one."""
        for stretch in self.stretches:
            known = stretch.channel.edited.settled - stretch.start
            # On prose it is the space before a word, with nearly every message.
            if known > 1 or (known == 1 and not stretch.slot.text[stretch.taken].isspace()):
                return self._head()
        return b""

    def _head(self) -> bytes:
        limits = [_limit(stretch) for stretch in self.stretches]
        texts = [each.text(end) for each, end in zip(self.stretches, limits, strict=True)]
        if not any(map(_SAYS_SOMETHING, texts)):
            return b""
        for stretch, end in zip(self.stretches, limits, strict=True):
            stretch.take(end)
        return self.element.head(texts)


def _limit(stretch: Stretch) -> int:
    """How much of a stretch may be sent ahead. One that repeats its channel's text leaves as a whole."""
    if stretch.slot.whole:
        return stretch.start
    return max(stretch.start, min(stretch.channel.edited.settled, stretch.end))
