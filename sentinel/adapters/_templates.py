"""Where the texts of an event stand, and a short way to read the next event that is made the same.

A model server makes thousands of events that differ in one string. Once an event has been walked, a template
says: the same characters everywhere, but for strings in these places, identifiers in those. An event that
matches it has its texts where the walked one had them, and no others; every other event is walked.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import msgspec

from sentinel.adapters._json import STRING, Edit
from sentinel.adapters._json_walk import (
    STRUCTURAL,
    Flow,
    How,
    Key,
)
from sentinel.core.exchange import Channel

Match = re.Match[str]
_TEXT = STRING[1:-1]  # without its quotes: one group
_LONGEST = 2048
_MOST_SPOTS = 8
_MOST_TEMPLATES = 256
_MOST_SEEN = 1024


class Kind(Enum):
    """What is done with a value beside the texts."""

    ANY = "any"  # may differ from event to event
    ONCE = "once"  # told once: not again when an element leaves in two parts
    LAST = "last"  # leaves with the last part
    DESCRIBES = "describes"  # left out when a text changes
    NEVER = "never"  # always left out
    SIGNS = "signs"  # left out when the text of its channel has changed


class Mark(msgspec.Struct, gc=False):
    """A value beside the texts. `filler` stands in its place when it is left out."""

    kind: Kind
    start: int
    end: int
    string: bool
    filler: str = "null"
    channel: Channel | None = None
    group: int = 0

    def left_out(self, match: Match | None) -> Edit:
        start, end = (self.start, self.end) if match is None else match.span(self.group)
        if self.string and self.filler:  # its quotes go too
            return start - 1, end + 1, self.filler
        return start, end, self.filler


class Spot(msgspec.Struct, gc=False):
    """Where a slot's text stands. `line_end` is what ends a line within it, where it is written as lines."""

    key: Key
    start: int
    end: int
    how: How
    flow: Flow
    line_end: str = " "
    group: int = 0

    def span(self, match: Match | None) -> tuple[int, int]:
        return (self.start, self.end) if match is None else match.span(self.group)

    @property
    def empty(self) -> str:
        """The text that says nothing."""
        return "{}" if self.how is How.JSON else ""


class Plan(msgspec.Struct, gc=False):
    """What there is in an event. `splits` says that it can leave in two parts, `json_text` that a text is a
    fragment of JSON text, `altered` that it never leaves as it came, `signed` that it may not. `effect` is
    for the stream to know when the event has left, `joints` put its data on lines again."""

    spots: list[Spot]
    marks: list[Mark]
    splits: bool = True
    json_text: bool = False
    altered: bool = False
    signed: bool = False
    effect: Any = None
    joints: list[Edit] = []


class Template(msgspec.Struct):
    """`plan` has its groups; `match` is None for an event that is made in another way."""

    pattern: re.Pattern[str]
    plan: Plan


class Templates:
    """The templates of all streams. A template is made when an event of its make comes a second time, and
    only so many are kept."""

    def __init__(self) -> None:
        self._made: dict[str, Template] = {}
        self._seen: dict[str, None] = {}

    def find(self, text: str, plan: Plan) -> Template | None:
        """The template of a walked event, where it has one."""
        if len(text) > _LONGEST or not 0 < len(plan.spots) <= _MOST_SPOTS:
            return None
        source = _source(text, plan)
        if source is None:
            return None
        made = self._made.get(source)
        if made is not None:
            return made
        if source not in self._seen:
            _add(self._seen, source, None, _MOST_SEEN)
            return None
        template = Template(re.compile(source), plan)
        _add(self._made, source, template, _MOST_TEMPLATES)
        return template


def _add(cache: dict[str, Any], source: str, value: Any, most: int) -> None:
    """Keep it; the oldest goes where there is no room."""
    if len(cache) >= most:
        del cache[next(iter(cache))]
    cache[source] = value


def _source(text: str, plan: Plan) -> str | None:
    """The pattern, and the number of each group in the plan."""
    places: dict[tuple[int, int], list[Spot | Mark]] = {}
    everything: list[Spot | Mark] = [*plan.spots, *plan.marks]
    for place in everything:
        places.setdefault((place.start, place.end), []).append(place)
    pieces: list[str] = []
    position = 0
    for group, ((start, end), here) in enumerate(sorted(places.items()), 1):
        if start < position:
            return None
        pieces += (re.escape(text[position:start]), _group(text[start:end], here))
        for one in here:
            one.group = group
        position = end
    pieces.append(re.escape(text[position:]))
    return "".join(pieces)


def _group(written: str, here: list[Spot | Mark]) -> str:
    for place in here:
        if isinstance(place, Spot):
            return _TEXT
    for place in here:
        if isinstance(place, Mark) and place.kind is Kind.ANY:
            return f"({STRUCTURAL})" if place.string else "([0-9]{1,18}+)"
    return f"({re.escape(written)})"
