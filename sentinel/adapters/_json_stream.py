"""A streamed answer of JSON objects in server-sent events: its elements, and the state that joins them.

A channel that has ended never comes back: what follows under its name is a channel of its own. So is each
text that stands complete in its element; one that servers repeat with every event is one channel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from sentinel.adapters._json import Node, parse, unescape
from sentinel.adapters._json_element import Event, Passed
from sentinel.adapters._json_message import MOST_UNREAD, nothing, whole_text
from sentinel.adapters._json_text import JsonTextReader, JsonTextWriter, is_json_text
from sentinel.adapters._json_walk import (
    Flow,
    How,
    Key,
    is_structural,
    placed,
    strings,
)
from sentinel.adapters._sse import EventReader, Frame, read_frame
from sentinel.adapters._templates import Kind, Mark, Plan, Spot, Template, Templates
from sentinel.adapters.base import Element, Slot
from sentinel.core.errors import WireError
from sentinel.core.exchange import RESUMED, Channel

_MOST_CHANNELS = 4096
_MOST_COMPLETE = 10_000
_MOST_TEMPLATES = 8
_MOST_TRIES = 32
# Comments as servers send them to keep a connection: a few words, a time.
_is_keepalive = re.compile(r"[A-Za-z0-9_ .:+-]{0,64}").fullmatch
_DONE = "[DONE]"
_UNKNOWN = JsonTextReader()
# Structure that differs from event to event, or from stream to stream, and decides nothing.
_VARIES = frozenset(
    (
        *("id", "item_id", "created", "model", "system_fingerprint", "provider", "obfuscation"),
        "sequence_number",
    )
)
# In a choice, one of these ends those of a lower rank: models finish one before they begin the next.
_RANKS = {"reasoning": 0, "content": 1, "refusal": 1, "arguments": 2}


class EventWalker:
    """Takes what a walk over an event's object finds."""

    keyed = True

    def __init__(self, stream: JsonStream, text: str) -> None:
        self.slots: list[Slot] = []
        self.ends: list[Channel] = []
        self.plan = Plan([], [])
        self.moved = False
        self.template = True  # events of this make may come again, and a template would find their texts
        self._stream = stream
        self._text = text

    def text(self, node: Node, path: str, key: Key, flow: Flow = Flow.ONCE, how: How = How.STRING) -> None:
        if flow is Flow.GOES_ON and how is not How.JSON:
            if node.value:
                self._go_on(node, key, how)
            return
        said, how = whole_text(node, how, self._text)
        if not said:
            return
        self.template = self.template and flow is Flow.ONCE and how is How.STRING
        if flow is Flow.WHOLE:
            channel, flow = self._stream.whole(key, said)
            repeats = flow is Flow.WHOLE
        else:
            channel, repeats = self._stream.once(key, said)
            flow = Flow.ONCE
        if flow is Flow.ONCE:
            self.ends.append(channel)
        self._add(Slot(channel, said, repeats, how is not How.STRING), node, key, flow, how)

    def _go_on(self, node: Node, key: Key, how: How) -> None:
        stream, said, quoted = self._stream, node.value, False
        channel = stream.go_on(key, self)
        if how is How.JSON_TEXT:
            said, quoted, moved = stream.read_fragment(channel, said)
            self.moved = self.moved or moved
            self.plan.json_text = True
        stream.keep(key, channel, said)
        self._add(Slot(channel, said, False, quoted), node, key, Flow.GOES_ON, how)

    def _add(self, slot: Slot, node: Node, key: Key, flow: Flow, how: How) -> None:
        self.slots.append(slot)
        self.plan.spots.append(Spot(key, node.start, node.end, how, flow))

    def name(self, node: Node, path: str, key: Key) -> None:
        start, end = node.key
        self.template = False
        said = parse(self._text, start - 1, end + 1)
        self.text(said, path, key)

    def line(self, start: int, end: int, key: Key, flow: Flow, line_end: str) -> None:
        """A text that is (the rest of) a line of the event."""
        self.template = False
        said, repeats = self._text[start:end], False
        if flow is Flow.ONCE:
            channel, repeats = self._stream.once(key, said)
            self.ends.append(channel)
        else:
            channel = self._stream.go_on(key, self)
        self.slots.append(Slot(channel, said, repeats))
        self.plan.spots.append(Spot(key, start, end, How.LINE, flow, line_end))

    def _mark(self, kind: Kind, node: Node, filler: str, channel: Channel | None = None) -> None:
        if node.value is not None:
            string = type(node.value) is str
            self.plan.marks.append(Mark(kind, node.start, node.end, string, filler, channel))

    def structure(self, node: Node) -> None:
        name = self._text[node.key[0] : node.key[1]]
        if name in _VARIES and (type(node.value) is str or (type(node.value) is int and node.value >= 0)):
            self._mark(Kind.ANY, node, "null")

    def told_once(self, node: Node) -> None:
        if type(node.value) is not str or is_structural(node.value):  # a text is told with the last part
            self._mark(Kind.ONCE, node, "null")

    def told_last(self, node: Node) -> None:
        self._mark(Kind.LAST, node, "null")

    def describes(self, node: Node) -> None:
        if type(node.value) in (dict, list) and node.value:
            self.template = False
        self._mark(Kind.DESCRIBES, node, nothing(node))

    def misleads(self, node: Node) -> None:
        self.template = False
        self.plan.altered = True
        self._mark(Kind.NEVER, node, nothing(node))

    def signs(self, node: Node, key: Key) -> None:
        self.template = False
        self.plan.signed = True
        self._mark(Kind.SIGNS, node, nothing(node), self._stream.last_channel(key))

    def unread(self, node: Node, path: str) -> None:
        self.template = False
        self._stream.unread = (*self._stream.unread, path)[:MOST_UNREAD]
        self._mark(Kind.DESCRIBES, node, nothing(node))

    def probable(self, key: Key, said: Sequence[str], logprobs: Sequence[Node]) -> None:
        channel = self._stream.last_channel(key)
        for number, slot in enumerate(self.slots):
            if slot.channel == channel and not slot.whole:
                tokens = placed(slot.text, said, logprobs, self._text)
                self.slots[number] = msgspec.structs.replace(slot, tokens=tokens)

    def end(self, keys: Callable[[Key], bool]) -> None:
        """The element ends these channels."""
        self.template = False
        self.ends += self._stream.end(keys)


class JsonStream:
    """The decoder of one streamed answer. A protocol says what is in an event's object (`walk`), and what
    ends the answer (`cut`); `repeats` that its events repeat whole texts, `follows` that it needs to know of
    every event that has left."""

    repeats = False
    follows = False

    def __init__(self, templates: Templates, max_event_bytes: int) -> None:
        self.model = ""
        self.response_id = ""
        self.input_tokens = 0
        self.output_tokens = 0
        self.unread: tuple[str, ...] = ()
        self.edited: set[Channel] = set()
        self.last_sent = ""
        self._reader = EventReader(max_event_bytes)
        self._shared = templates
        self._templates: list[Template] = []
        self._tries = _MOST_TRIES
        self._live: dict[Key, Channel] = {}
        self._restarts: dict[Key, int] = {}
        self._complete: dict[tuple[Key, str], Channel] = {}
        self._readers: dict[Channel, JsonTextReader | None] = {}
        self._writers: dict[Channel, JsonTextWriter] = {}
        self._said: dict[Key, tuple[Channel, list[str]]] = {}
        self._room = max_event_bytes  # characters that may yet be kept in `_said`

    def walk(self, root: Node, walk: EventWalker) -> None:
        """Calls the walker for everything in an event's object."""
        raise NotImplementedError

    def left(self, effect: object) -> None:
        """An element with that effect has left."""

    def cut(self, message: str, decision_id: str) -> bytes:
        raise NotImplementedError

    # Reading ---------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> list[Element]:
        return [self._element(event) for event in self._reader.feed(data)]

    def close(self) -> list[Element]:
        return [self._element(event) for event in self._reader.close()]

    def _element(self, event: str) -> Element:
        for number, template in enumerate(self._templates):
            match = template.pattern.fullmatch(event)
            if match is not None:
                element = self._quick(event, match, template.plan)
                if element is not None:
                    if number:
                        self._templates.insert(0, self._templates.pop(number))
                    return element
        return self._walked(event)

    def _quick(self, event: str, match: re.Match[str], plan: Plan) -> Event | None:
        slots: list[Slot] = []
        ends: list[Channel] = []
        moved = False
        live = self._live
        for spot in plan.spots:
            if spot.flow is Flow.GOES_ON and spot.key not in live:
                return None
        for spot in plan.spots:
            said, quoted = match[spot.group], False
            if "\\" in said:
                said = unescape(said)
            repeats = False
            if spot.flow is Flow.ONCE:
                channel, repeats = self.once(spot.key, said)
                ends.append(channel)
            else:
                channel = live[spot.key]
                if spot.how is How.JSON_TEXT:
                    said, quoted, cut = self.read_fragment(channel, said)
                    moved = moved or cut
                if self.repeats:
                    self.keep(spot.key, channel, said)
            slots.append(Slot(channel, said, repeats, quoted))
        return Event(slots, ends, self, event, plan, match, "", moved)

    def _walked(self, event: str) -> Element:
        frame = read_frame(event)
        walk = EventWalker(self, frame.text)
        self._fields(frame, walk)
        if frame.start >= 0:
            self._data(frame, walk)
        plan = walk.plan
        follows = (self.follows and frame.start >= 0) or plan.effect is not None
        if not (walk.slots or plan.altered or plan.signed or follows):
            return Passed(event, walk.ends)
        came = "" if event == frame.text else event
        if walk.template and not came and self._tries and len(self._templates) < _MOST_TEMPLATES:
            self._tries -= 1
            template = self._shared.find(event, plan)
            if template is not None:
                self._templates.append(template)
        return Event(walk.slots, walk.ends, self, frame.text, plan, None, came, walk.moved)

    def _fields(self, frame: Frame, walk: EventWalker) -> None:
        for field in frame.others:
            value = frame.text[field.start : field.end]
            plain = _is_keepalive if not field.name else is_structural
            if not plain(value):
                kind = field.name if is_structural(field.name) else "field"
                walk.line(field.start, field.end, Key(0, kind or "comment"), Flow.ONCE, " ")
            elif field.name == "id":
                walk.plan.marks.append(Mark(Kind.ANY, field.start, field.end, True))

    def _data(self, frame: Frame, walk: EventWalker) -> None:
        text, start, end = frame.text, frame.start, frame.end
        data = text[start:end]
        walk.plan.joints = [(joint, joint + 1, "\ndata: ") for joint in frame.joints]
        first = data.lstrip(" \t")[:1]
        if first == "{":
            self.walk(parse(text, start, end), walk)
            return
        if data == _DONE:
            walk.end(lambda key: True)
            return
        if first in ("[", '"'):
            try:
                strings(walk, parse(text, start, end), "data", Key(0, "data"))
                return
            except WireError:
                if "\\" in data:  # escapes that a more lenient receiver would read
                    raise
        if data:
            walk.line(start, end, Key(0, "data"), Flow.GOES_ON, "\ndata: ")

    # Channels --------------------------------------------------------------------------------------------

    def go_on(self, key: Key, walk: EventWalker) -> Channel:
        """The channel that a text continues, or begins."""
        channel = self._live.get(key)
        if channel is None:
            if len(self._restarts) + len(self._live) >= _MOST_CHANNELS:
                raise WireError(f"more than {_MOST_CHANNELS} texts in one stream")
            self._overtake(key, walk)
            channel = key_channel(key, self._restarts.get(key, 0))
            self._live[key] = channel
        return channel

    def _overtake(self, key: Key, walk: EventWalker) -> None:
        """End what the model has finished by beginning this. A channel is ended so only once: a server that
        mixes them gets its texts whole from then on."""
        rank = _RANKS.get(key.kind, -1)
        here = {slot.channel for slot in walk.slots}

        def finished(other: Key) -> bool:
            lower = 0 <= _RANKS.get(other.kind, rank) < rank or (other.kind == key.kind == "arguments")
            open_here = self._live[other] in here
            return other.choice == key.choice and lower and not open_here and other not in self._restarts

        if rank > 0 and any(finished(other) for other in self._live):
            walk.end(finished)

    def end(self, keys: Callable[[Key], bool]) -> list[Channel]:
        """End the channels of these keys."""
        ended = [key for key in self._live if keys(key)]
        for key in ended:
            self._restarts[key] = self._restarts.get(key, 0) + 1
        return [self._live.pop(key) for key in ended]

    def once(self, key: Key, said: str) -> tuple[Channel, bool]:
        """The channel of a text that is complete in its element, and whether an element before told it."""
        channel = self._complete.get((key, said))
        if channel is not None:
            return channel, True
        if len(self._complete) == _MOST_COMPLETE:
            raise WireError(f"more than {_MOST_COMPLETE} complete texts in one stream")
        # From -2 on: -1 is the number of what has none.
        channel = self._complete[key, said] = Channel(key.choice, key.kind, -2 - len(self._complete))
        return channel, False

    def last_channel(self, key: Key) -> Channel | None:
        """The channel that the key names, or named last."""
        live = self._live.get(key)
        if live is None and key in self._restarts:
            return key_channel(key, self._restarts[key] - 1)
        return live

    def keep(self, key: Key, channel: Channel, said: str) -> None:
        """Remember a text that will be repeated."""
        if self.repeats and len(said) <= self._room:
            self._room -= len(said)
            self._said.setdefault(key, (channel, []))[1].append(said)

    def whole(self, key: Key, said: str) -> tuple[Channel, Flow]:
        """The channel that `said` repeats. Where nothing has been said, it says it; where something else was,
        it is a text of its own."""
        if key not in self._said and key not in self._live and key not in self._restarts:
            channel = key_channel(key, 0)
            self._restarts[key] = 1
            self.keep(key, channel, said)
            return channel, Flow.ONCE
        said_before = self._said.get(key)
        if said_before is not None and "".join(said_before[1]) == said:
            return said_before[0], Flow.WHOLE
        channel, repeats = self.once(key, said)
        return channel, Flow.WHOLE if repeats else Flow.ONCE

    def read_fragment(self, channel: Channel, said: str) -> tuple[str, bool, bool]:
        """A fragment of a tool call's arguments decoded, whether it is JSON text, and whether an escape was
        cut at either end of it."""
        if channel not in self._readers:
            if not said.strip(" \t\r\n"):
                return said, True, False
            self._readers[channel] = JsonTextReader() if is_json_text(said) else None
        reader = self._readers[channel]
        if reader is None:
            return said, False, False
        had = reader.kept
        said = reader.read(said)
        return said, True, bool(had or reader.kept)

    # Sending ---------------------------------------------------------------------------------------------

    def sent(self, text: str, plan: Plan, *, whole: bool) -> None:
        self.last_sent = text
        if whole and plan.effect is not None:
            self.left(plan.effect)

    def write(self, channel: Channel, text: str) -> str:
        writer = self._writer(channel)
        return text if writer is None else writer.write(text)

    def follow(self, channel: Channel, text: str) -> None:
        writer = self._writer(channel)
        if writer is not None:
            writer.follow(text)

    def _writer(self, channel: Channel) -> JsonTextWriter | None:
        """The writer of a channel's JSON text; None where it is some other text."""
        if self._readers.get(channel, _UNKNOWN) is None:
            return None
        writer = self._writers.get(channel)
        if writer is None:
            writer = self._writers[channel] = JsonTextWriter()
        return writer


def sse(data: object, event: str = "") -> bytes:
    """An event of our own."""
    line = b"event: " + event.encode() + b"\n" if event else b""
    return line + b"data: " + msgspec.json.encode(data) + b"\n\n"


def key_channel(key: Key, restarts: int) -> Channel:
    return Channel(key.choice, key.kind, key.number + restarts * RESUMED)
