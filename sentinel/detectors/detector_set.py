"""The set of detectors that a process has loaded: they look at a text together.

Patterns of all of them are searched in one pass; the others read the text after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal

import msgspec

from sentinel.core.background import NO_BACKGROUND, Background
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.core.names import Names
from sentinel.core.needs import Needs, detectors_of, everything
from sentinel.detectors._candidates import NotConvertible
from sentinel.detectors._live import Live
from sentinel.detectors._normalise import Normalised, context_start, normalised
from sentinel.detectors._page import Covers, Margins, Page, PatternDetector
from sentinel.detectors._patterns import Candidates, Scanner, Work
from sentinel.detectors._skeleton import skeleton
from sentinel.detectors.base import Reading, SentenceDetector, by_sentence, keeps, reads, types_of
from sentinel.detectors.inspection import by_place, inspect_whole, joined

_NOTHING = Inspection()
_NOBODY = 2.0
_MAX_VIEWS = 256
_SAMPLE = "email: jane@example.com, phone: (212) 555-0123; x-1 card 4111-1111-1111-1111 (ip 192.0.2.1/24)."


class Floors:
    """The least score that anybody asks for, by detector and finding type; over 1 where nobody asks."""

    def __init__(self, needs: Needs) -> None:
        self._needs = [(need.detector, Names(need.types), need.score) for need in needs]
        self._known: dict[tuple[str, str], float] = {}

    def of(self, detector: str, type_: str) -> float:
        key = (detector, type_)
        floor = self._known.get(key)
        if floor is None:
            asked = (score for name, types, score in self._needs if name == detector and type_ in types)
            floor = self._known[key] = min(asked, default=_NOBODY)
        return floor

    def any_of(self, detector: str, types: Collection[str] | None) -> bool:
        """Whether anybody asks for one of these types (None: whatever it finds) of the detector."""
        if types is None:
            return any(name == detector for name, _, _ in self._needs)
        return any(self.of(detector, type_) < _NOBODY for type_ in types)


Scope = Literal["token", "sentence", "text"]


class View(msgspec.Struct, frozen=True, eq=False):
    """What of a set of detectors some rules need: the pattern detectors' expressions, by their indices in the
    scanner, the other detectors, and the scores asked for. `apart` are left out: somebody else asks them."""

    expressions: frozenset[int]
    others: tuple[Reading, ...]
    floor: Callable[[str, str], float]
    apart: tuple[SentenceDetector, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """What was found in a text that goes on. See `_page.Margins`."""

    inspection: Inspection
    spans: list[tuple[int, int]]
    open_from: int


class DetectorSet:
    """Detectors that look at a text together. Thread-safe, as its detectors are."""

    def __init__(
        self,
        patterns: list[PatternDetector],
        others: list[Reading],
        cache_dir: Path,
        *,
        normalise: bool = True,
    ) -> None:
        self._patterns = tuple(patterns)
        self._others = tuple(others)
        self._normalise = normalise
        expressions = [expression for detector in patterns for expression in detector.expressions]
        self._scanner = Scanner(expressions, cache_dir) if patterns else None
        self._owner: list[int] = []
        self._first: list[int] = []
        for index, detector in enumerate(patterns):
            self._first.append(len(self._owner))
            self._owner += [index] * len(detector.expressions)
        every: list[PatternDetector | Reading] = [*patterns, *others]
        self.names = frozenset(detector.name for detector in every)
        self.judging = self.names - {detector.name for detector in patterns}
        """Those that judge a text as a whole, where patterns find one thing beside another."""
        self.versions: dict[str, str] = {}
        for each in every:
            known = self.versions.get(each.name)
            self.versions[each.name] = f"{known}+{each.version}" if known else each.version
        self.keeps = {each.name: keep for each in every if (keep := keeps(each)) is not None}
        self._everything = self._view(everything(self.names))
        self._views: dict[tuple[Needs, frozenset[str]], View] = {}
        self._lives: dict[frozenset[int], Live] = {}

    def view(self, needs: Needs, apart: frozenset[str] = frozenset()) -> View:
        """What some rules need of the set, without those that read sentences under the names `apart`; kept,
        for rules are few and calls many."""
        key = needs, apart
        view = self._views.get(key)
        if view is None:
            view = self._view(needs, apart)
            if len(self._views) < _MAX_VIEWS:
                self._views[key] = view
        return view

    def _view(self, needs: Needs, apart: frozenset[str] = frozenset()) -> View:
        floors = Floors(needs)
        asked = detectors_of(needs)
        chosen = frozenset(
            first + number
            for detector, first in zip(self._patterns, self._first, strict=True)
            if detector.name in asked
            for number, (type_, best) in enumerate(detector.reach)
            if type_ == "*" or best >= floors.of(detector.name, type_)
        )
        others = [d for d in self._others if floors.any_of(d.name, types_of(d))]
        left_out = [
            reader
            for other in others
            if other.name in apart
            and reads(other, Stage.OUTPUT)
            and (reader := by_sentence(other)) is not None
        ]
        others = [other for other in others if other not in left_out]
        return View(chosen, tuple(others), floors.of, tuple(left_out))

    def reading_whole(self, stage: Stage) -> frozenset[str]:
        """The detectors with a reader that must see the whole of a text of this stage."""
        return frozenset(d.name for d in self._others if reads(d, stage) and by_sentence(d) is None)

    def scopes(self, needs: Needs) -> frozenset[Scope]:
        """How much of an answer those that find it must see: "token" for patterns, "sentence" or "text"."""
        view = self.view(needs)
        others = [other for other in view.others if reads(other, Stage.OUTPUT)]
        scopes: set[Scope] = {"sentence" if by_sentence(other) else "text" for other in others}
        return frozenset(scopes | {"token"} if view.expressions else scopes)

    def live(self, view: View) -> Live:
        """What of a text's end may still become a match of the view's expressions.

        Raises ConfigError naming an expression that cannot be told for.
        """
        live = self._lives.get(view.expressions)
        if live is None:
            scanner = self._scanner
            wanted = sorted(view.expressions) if scanner is not None else []
            expressions = [scanner.live_expression(index) for index in wanted] if scanner else []
            try:
                live = Live(expressions)
            except NotConvertible as error:
                message = f"an expression cannot be searched in a streamed answer: {error}"
                raise ConfigError(message, key="detectors") from None
            if len(self._lives) < _MAX_VIEWS:
                self._lives[view.expressions] = live
        return live

    def inspect(
        self,
        text: str,
        view: View | None = None,
        background: Background = NO_BACKGROUND,
        work: Work | None = None,
        *,
        start: int = 0,
    ) -> Inspection:
        """What the view (by default everything) finds in `text` from `start` on, ascending by place.

        A detector that breaks is named in `failed`; the others answer all the same. `work` counts
        confirmation.
        """
        view = view or self._everything
        found = self._search(text, view, work, start, None)
        return self._and_others(found, text, view, background, start) if view.others else found

    def look(self, text: str, view: View, start: int = 0, shape: bytes | None = None) -> Look:
        """The pattern detectors' findings from `start` on in a text that goes on. `shape`: the skeleton of
        the text, where it is known."""
        margins = Margins()
        inspection = self._search(text, view, None, start, margins, shape)
        return Look(inspection, margins.spans, margins.open_from)

    def silent(self, shape: bytes, start: int, end: int) -> bool:
        """Whether a skeleton has no candidate of any expression between `start` and `end`: most of a streamed
        answer, asked with every message."""
        return self._scanner is None or self._scanner.silent(shape, start, end)

    def first_candidate(self, shape: bytes, view: View) -> int | None:
        """Where in a skeleton the first candidate of the view's expressions ends."""
        candidates = self._scanner.candidates(shape) if self._scanner is not None else {}
        return min((ends[0] for each, ends in candidates.items() if each in view.expressions), default=None)

    def _search(
        self,
        text: str,
        view: View,
        work: Work | None,
        start: int,
        margins: Margins | None,
        shape: bytes | None = None,
    ) -> Inspection:
        """What the pattern detectors find."""
        if self._scanner is None or not view.expressions or not text:
            return _NOTHING
        failed: dict[str, str] = {}
        scan = _Scan(self._scanner, view, work or Work(), margins, failed)
        found = self._scan(scan, text, start, shape)
        if self._normalise and not text.isascii():
            self._scan_normalised(scan, text, start, found)
        if not found and not failed:
            return _NOTHING
        if len(found) > 1:
            found.sort(key=by_place)
        return Inspection(tuple(found), {}, failed)

    def _and_others(
        self, found: Inspection, text: str, view: View, background: Background, start: int
    ) -> Inspection:
        """With what the other detectors say, as far as it is asked for."""
        answers = [found]
        for detector in view.others:
            if not reads(detector, background.stage):
                continue
            try:
                answer = inspect_whole(detector, text, background)
                if answer.findings:
                    wanted = tuple(
                        f
                        for f in answer.findings
                        if f.start >= start and f.score >= view.floor(f.detector, f.type)
                    )
                    answer = msgspec.structs.replace(answer, findings=wanted)
                answers.append(answer)
            except Exception as error:  # a broken detector must not take the others with it
                why = f"it raised {type(error).__name__}"
                answers.append(Inspection(failed={detector.name: why}))
        return joined(answers)

    def _scan_normalised(self, scan: _Scan, text: str, start: int, found: list[Finding]) -> None:
        """Add what only the text without disguises shows. Where something stands before `start`, the part
        behind is tried alone first: most texts beyond ASCII are no disguise."""
        if start:
            part = normalised(text[context_start(text, start) :])
            if part is None or not scan.candidates(skeleton(part.text), 0):
                return
        plain = normalised(text)
        if plain is None or not plain.text:
            return
        margins, scan.margins = scan.margins, Margins() if scan.margins is not None else None
        more = self._scan(scan, plain.text, bisect_left(plain.origin, start))
        if margins is not None and scan.margins is not None:
            margins.spans += [plain.original(*span) for span in scan.margins.spans if span[0] < span[1]]
            if scan.margins.open_from < len(plain.text):
                margins.open_from = min(margins.open_from, plain.origin[scan.margins.open_from])
        scan.margins = margins
        _add(found, more, plain)

    def warm(self) -> None:
        """Compile what the first findings would otherwise wait for (0.3 s): for a worker that is not
        busy yet."""
        if self._scanner is not None:
            self._scanner.compile_all()
            self.inspect(_SAMPLE)

    def _scan(self, scan: _Scan, text: str, start: int, shape: bytes | None = None) -> list[Finding]:
        shape = skeleton(text) if shape is None else shape
        candidates = scan.candidates(shape, start)
        if not candidates:
            return []
        hits: dict[int, list[int]] = {}
        for expression in candidates:
            owner = self._owner[expression]
            hits.setdefault(owner, []).append(expression - self._first[owner])
        page = Page(text, shape, scan.scanner, candidates, scan.work, scan.view.floor, start, scan.margins)
        found: list[Finding] = []
        for owner, hit in hits.items():
            detector = self._patterns[owner]
            try:
                found += detector.find(page, self._first[owner], sorted(hit))
            except Exception as error:  # as above
                scan.failed[detector.name] = f"it raised {type(error).__name__}"
        return found


class _Scan(msgspec.Struct):
    """One inspection by the pattern detectors."""

    scanner: Scanner
    view: View
    work: Work
    margins: Margins | None
    failed: dict[str, str]

    def candidates(self, shape: bytes, start: int) -> Candidates:
        found = self.scanner.candidates(shape, start)
        if not found:
            return found
        wanted = self.view.expressions
        return {each: ends for each, ends in found.items() if each in wanted}


def _add(found: list[Finding], more: list[Finding], plain: Normalised) -> None:
    """What only the normalised form shows: a finding that none of its type covers with at least its score, so
    that what is told does not depend on whether anybody asks for lesser ones. One that goes beyond another
    stands beside it, for what an invisible character hid of a value must be edited with the rest."""
    stretches: dict[tuple[str, str, float], list[tuple[int, int]]] = {}
    for finding in found:
        kind = (finding.detector, finding.type, finding.score)
        stretches.setdefault(kind, []).append((finding.start, finding.end))
    known: dict[tuple[str, str], list[tuple[float, Covers]]] = {}
    for (detector, type_, score), places in stretches.items():
        known.setdefault((detector, type_), []).append((score, Covers(places)))
    for finding in more:
        start, end = plain.original(finding.start, finding.end)
        levels = known.get((finding.detector, finding.type), ())
        if not any(score >= finding.score and covers.cover(start, end) for score, covers in levels):
            why = f"{finding.why}, in normalised form"
            found.append(Finding(finding.detector, finding.type, start, end, finding.score, why))
