"""A text inspected while it arrives: the findings that inspecting the whole text would give, each as soon as
nothing that follows can change it.

    0 .... context .... clean ........ settled ......... pushed
           kept as      no match       what is behind may
           left context spans it       still be part of a match

- No match spans `clean`: whatever lies behind it is searched as if nothing stood before it, except that
  what looks to the left (context words, look-behinds) sees `CONTEXT` characters.
- Every character is searched a bounded number of times: `clean` follows `settled` every `_STEP` characters at
  the latest, and where there is no progress, the next search waits until the text has grown by a part of what
  is unsettled.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

import msgspec

from sentinel.core.background import NO_BACKGROUND, Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._live import Live
from sentinel.detectors._normalise import (
    context_start,
    has_look_alike,
    normalised,
    undisguised,
    unusual,
    word_start,
)
from sentinel.detectors._patterns import MAX_HEAD
from sentinel.detectors._sentences import LEFT, sentences
from sentinel.detectors._skeleton import skeleton
from sentinel.detectors.base import SentenceDetector
from sentinel.detectors.detector_set import DetectorSet, View
from sentinel.detectors.inspection import inspect_sentence, joined, moved

CONTEXT = 4096  # characters to the left that a finding may depend on (`_context`)
_SPARE = 4096  # beyond which the context is trimmed: seldom, for it copies
_STEP = 128  # characters without a clean place before a settled one is sought among live matches
_NOTHING = Inspection()


class Progress(msgspec.Struct, frozen=True, gc=False):
    """`settled`: up to where everything is decided; `inspection`: the findings that became final. `dropped`:
    up to where the text goes on with what was dropped."""

    settled: int
    inspection: Inspection
    dropped: int = 0


class Inspector:
    """One text, piece by piece, for pattern detectors. Offsets are characters of the whole text."""

    def __init__(self, detectors: DetectorSet, view: View, live: Live) -> None:
        self._detectors = detectors
        self._view = View(view.expressions, (), view.floor)  # patterns alone
        self._live = live
        self._text = ""
        self._skeleton = b""
        self._origin = 0  # of `_text` in the whole
        self._clean = 0  # from here on, all in `_text`
        self._settled = 0
        self._retry = 0
        self._run: _Following | None = None  # what was live in the text that was dropped before `_clean`
        self._dropped = 0
        self._usual = True  # nothing but characters that normalising leaves alone, from `_clean` on
        self.kept: int | None = None
        """From here on nobody else is done with the text (None: as `settled`)."""

    @property
    def pushed(self) -> int:
        return self._origin + len(self._text)

    @property
    def settled(self) -> int:
        return self._origin + self._settled

    def slice(self, start: int, end: int) -> str:
        """A stretch that is not further back than CONTEXT characters behind what is settled, or `kept`."""
        return self._text[start - self._origin : end - self._origin]

    def push(self, text: str) -> None:
        self._text += text
        self._skeleton += skeleton(text)
        if self._usual and not text.isascii():
            self._usual = not unusual(text)

    def advance(self, *, final: bool = False) -> Progress:
        """Settle what can be; everything when the text is complete."""
        if self._run is not None:
            self._skip(self._run)
        end = len(self._text)
        if final:
            inspection = self.provisional() if end > self._settled else _NOTHING
            self._clean = self._settled = end
            return self._progress(inspection)
        if end < self._retry:
            return self._progress(_NOTHING)
        limit = self._earliest(end)
        if limit <= self._settled:
            self._retry = end + (end - self._clean) // 16
            return self._progress(_NOTHING)
        if self._usual and self._detectors.silent(self._skeleton, self._clean, end):
            self._settled = limit
            if limit - self._clean >= _STEP:
                self._clean = limit
                self._trim()
            return self._progress(_NOTHING)
        clean = self._earliest(limit) == limit
        if not clean and limit - self._clean < _STEP:
            return self._progress(_NOTHING)
        return self._settle(limit if clean else end, limit)

    def provisional(self) -> Inspection:
        """What would be found behind what is settled if the text ended here."""
        found = self._detectors.inspect(self._text, self._view, start=self._clean)
        return moved(found, self._origin)

    def untold(self) -> Inspection:
        """What was found and not told, or would be found if the text ended here."""
        return self.provisional()

    def drop(self, *, follow: bool) -> None:
        """Forget what is held back: it was dealt with otherwise. With `follow`, so must be what belongs to it
        in the text to come (`Progress.dropped`)."""
        self._run = _Following(self._live, self._text[self._settled :]) if follow else None
        self._clean = self._settled = len(self._text)
        self._dropped = self.settled if follow else 0
        self._trim()

    def _skip(self, run: _Following) -> None:
        while self._settled < len(self._text):
            if not run.go_on(self._text[self._settled]):
                self._run = None
                break
            self._settled += 1
        self._clean = self._settled
        self._dropped = self.settled
        self._retry = 0
        self._trim()

    def _progress(self, inspection: Inspection) -> Progress:
        return Progress(self.settled, inspection, self._dropped)

    def _earliest(self, end: int) -> int:
        """Where the earliest undecided match may begin if the text were read to `end` only."""
        floor = self._clean
        earliest = self._live.earliest(self._skeleton, end, floor)
        if earliest < end - MAX_HEAD:
            bounded = self._live.reach(self._skeleton, end, floor).bounded
            if bounded > earliest:
                earliest = min(bounded, self._cut_off(floor, end))
        return earliest if self._usual else min(earliest, self._earliest_normalised(earliest, end))

    def _cut_off(self, floor: int, end: int) -> int:
        """An endless match begins at most MAX_HEAD characters before its first candidate."""
        first = self._detectors.first_candidate(self._skeleton[floor:end], self._view)
        return max(floor, (end if first is None else floor + first) - MAX_HEAD)

    def _earliest_normalised(self, raw: int, end: int) -> int:
        """The same for the text without its disguises, which depend on whole words."""
        begin = context_start(self._text, self._clean)
        text = self._text[begin:end]
        # A digit that follows a dash would change it.
        plain = normalised(f"{text}0" if text.endswith(("\u2013", "\u2014")) else text)
        earliest = end
        if plain is not None:
            shape = skeleton(plain.text)[: bisect_left(plain.origin, len(text))]
            reach = self._live.earliest(shape, len(shape), 0)
            earliest = end if reach == len(shape) else begin + plain.origin[reach]
        earliest = min(raw, earliest)
        if has_look_alike(self._text[self._clean : earliest]):
            word = word_start(self._text, earliest)
            if has_look_alike(self._text[word:earliest]):
                earliest = word
        return max(earliest, self._clean)

    def _settle(self, end: int, limit: int) -> Progress:
        """Search up to `end`; what begins before `limit` counts, unless something undecided is around it."""
        look = self._detectors.look(
            self._text[:end], self._view, start=self._clean, shape=self._skeleton[:end]
        )
        limit = min(limit, look.open_from)
        found = look.inspection.findings
        spans = [*look.spans, *((finding.start, finding.end) for finding in found)]
        limit = _before_all(limit, spans)
        if limit <= self._settled:
            self._retry = len(self._text) + max(16, (len(self._text) - self._clean) // 4)
            return self._progress(_NOTHING)
        kept = tuple(finding for finding in found if finding.start < limit)
        inspection = msgspec.structs.replace(look.inspection, findings=kept)
        self._clean = self._settled = limit
        self._usual = self._usual or not unusual(self._text[limit:])
        progress = self._progress(moved(inspection, self._origin))
        self._trim()
        return progress

    def _trim(self) -> None:
        spare = self._clean - CONTEXT
        if self.kept is not None:
            spare = min(spare, self.kept - self._origin - CONTEXT)
        if spare > _SPARE:
            self._text = self._text[spare:]
            self._skeleton = self._skeleton[spare:]
            self._origin += spare
            self._clean -= spare
            self._settled -= spare
            self._retry = max(0, self._retry - spare)


class _Following:
    """What goes on with a text that was dropped: its live matches, as it is written and as it reads, and
    those that begin while any goes on, for a value whose beginning is dropped leaves nothing behind."""

    def __init__(self, live: Live, text: str) -> None:
        self._alive = live.alive(skeleton(text)), live.alive(skeleton(undisguised(text)))

    def go_on(self, char: str) -> bool:
        """Whether this character belongs to it."""
        steps = [(a, each) for a, form in zip(self._alive, _forms(char), strict=True) for each in form]
        for alive, each in steps:
            alive.go_on(each)
        going = any(alive.going for alive in self._alive)
        if going:
            for alive, each in steps:
                alive.begin(each)
        return going


def _forms(char: str) -> tuple[bytes, bytes]:
    return skeleton(char), skeleton(undisguised(char))


def _before_all(limit: int, spans: Sequence[tuple[int, int]]) -> int:
    """The last place up to `limit` that no span goes across."""
    for start, end in sorted(spans, reverse=True):
        if start < limit < end:
            limit = start
    return limit


class Reader(Protocol):
    """What reads a text piece by piece; see Inspector."""

    @property
    def settled(self) -> int: ...

    @property
    def pushed(self) -> int: ...

    def push(self, text: str) -> None: ...

    def slice(self, start: int, end: int) -> str: ...

    def advance(self, *, final: bool = False) -> Progress: ...

    def provisional(self) -> Inspection: ...

    def untold(self) -> Inspection: ...

    def drop(self, *, follow: bool) -> None: ...


class SentenceInspector:
    """One text, piece by piece, for detectors that read sentences: each sentence once, when it is complete.
    Offsets are characters of the whole text."""

    def __init__(self, detectors: Sequence[SentenceDetector], background: Background = NO_BACKGROUND) -> None:
        self._detectors = detectors
        self._background = background
        self._text = ""  # from `_origin` on: what is not settled, and its left context
        self._origin = 0
        self.settled = 0

    def push(self, text: str) -> None:
        self._text += text

    def advance(self, *, final: bool = False) -> Progress:
        """Settle the sentences that are complete."""
        found: list[Inspection] = []
        for start, end in sentences(self._text, self.settled - self._origin, final=final):
            found.append(self._read(start, end))
            self.settled = self._origin + end
        spare = self.settled - self._origin - LEFT
        if spare > _SPARE:
            self._text = self._text[spare:]
            self._origin += spare
        return Progress(self.settled, joined(found))

    def _read(self, start: int, end: int) -> Inspection:
        told = [inspect_sentence(each, self._text, start, end, self._background) for each in self._detectors]
        return moved(joined(told), self._origin)

    def untold(self) -> Inspection:
        """What would be found if the text ended here."""
        start, end = self.settled - self._origin, len(self._text)
        return self._read(start, end) if start < end else _NOTHING

    def drop(self) -> None:
        """Begin the next sentence behind all that was pushed."""
        self.settled = self._origin + len(self._text)


class BySentence(Protocol):
    """What reads a text sentence by sentence; see SentenceInspector."""

    @property
    def settled(self) -> int: ...

    def push(self, text: str) -> None: ...

    def advance(self, *, final: bool = False) -> Progress: ...

    def untold(self) -> Inspection: ...

    def drop(self) -> None: ...


class Together:
    """Patterns and sentences of one text: settled is what both have settled, as far as no finding of either
    goes across."""

    def __init__(self, patterns: Inspector, by_sentence: BySentence) -> None:
        self._patterns = patterns
        self._by_sentence = by_sentence
        self._waiting: list[Finding] = []
        self.settled = 0

    @property
    def pushed(self) -> int:
        return self._patterns.pushed

    def push(self, text: str) -> None:
        self._patterns.push(text)
        self._by_sentence.push(text)

    def slice(self, start: int, end: int) -> str:
        return self._patterns.slice(start, end)

    def advance(self, *, final: bool = False) -> Progress:
        one, two = self._patterns.advance(final=final), self._by_sentence.advance(final=final)
        waiting = [*self._waiting, *one.inspection.findings, *two.inspection.findings]
        waiting.sort(key=lambda finding: (finding.start, finding.end, finding.type))
        limit = _before_all(min(one.settled, two.settled), [(f.start, f.end) for f in waiting])
        ready = tuple(finding for finding in waiting if finding.start < limit)
        self._waiting = waiting[len(ready) :]
        self.settled = self._patterns.kept = max(self.settled, limit)
        told = joined([one.inspection, two.inspection])
        return Progress(self.settled, msgspec.structs.replace(told, findings=ready), one.dropped)

    def provisional(self) -> Inspection:
        return self._patterns.provisional()

    def untold(self) -> Inspection:
        waiting = Inspection(tuple(self._waiting))
        return joined([waiting, self._patterns.untold(), self._by_sentence.untold()])

    def drop(self, *, follow: bool) -> None:
        self._patterns.drop(follow=follow)
        self._by_sentence.drop()
        self._waiting = []
        self.settled = self._patterns.kept = self._patterns.settled
