"""Which detectors exist, and the set of them that a process has loaded.

A third party adds one through the entry point group `sentinel.detectors`: a class that takes no argument
and has the shape of `base.Detector`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from bisect import bisect_right
from collections.abc import Collection, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._normalise import Normalised, normalised
from sentinel.detectors._page import Page, PatternDetector
from sentinel.detectors._patterns import Scanner, Work
from sentinel.detectors._skeleton import skeleton
from sentinel.detectors.base import Detector
from sentinel.detectors.pii import PiiConfig
from sentinel.detectors.secrets import SecretsConfig

ENTRY_POINTS = "sentinel.detectors"

# Name -> class of a pattern detector: it takes its config and the cache directory.
DETECTORS: dict[str, str] = {
    "pii": "sentinel.detectors.pii:PiiDetector",
    "secrets": "sentinel.detectors.secrets:SecretsDetector",
}

_NOTHING = Inspection()
_SAMPLE = "email: jane@example.com, phone: (212) 555-0123; x-1 card 4111-1111-1111-1111 (ip 192.0.2.1/24)."


class DetectorsConfig(BaseModel):
    """Settings of the detectors, each under its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pii: PiiConfig = Field(default=PiiConfig(), description="Personal data by pattern.")
    secrets: SecretsConfig = Field(
        default=SecretsConfig(), description="Keys, tokens and passwords by pattern."
    )


def known_detectors() -> frozenset[str]:
    """Every name that a rule may use: ours and those of installed packages."""
    return frozenset(DETECTORS) | frozenset(_third_parties())


def load_detectors(config: DetectorsConfig, names: Collection[str], cache_dir: Path) -> DetectorSet:
    """Load the named detectors. Raises ConfigError on an unknown name and on a wrong setting."""
    third_parties = _third_parties()
    for name in sorted(names):
        if name not in DETECTORS and name not in third_parties:
            known = ", ".join(sorted({*DETECTORS, *third_parties}))
            raise ConfigError(f"no detector `{name}`; known: {known}", key="detectors")
    ours: list[PatternDetector] = []
    for name, place in DETECTORS.items():
        if name in names:
            module, _, attribute = place.partition(":")
            ours.append(getattr(importlib.import_module(module), attribute)(getattr(config, name), cache_dir))
    others = [_load_third_party(name, third_parties[name]) for name in sorted(names) if name not in DETECTORS]
    return DetectorSet(ours, others, cache_dir, normalise=config.pii.normalise)


def _third_parties() -> Mapping[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)}


def _load_third_party(name: str, entry: importlib.metadata.EntryPoint) -> Detector:
    try:
        made: Any = entry.load()()
    except Exception as error:  # whatever a foreign package raises is the user's to know
        raise ConfigError(
            f"detector `{name}` of {entry.value} failed to load: {error}", key="detectors"
        ) from error
    return made  # type: ignore[no-any-return]


class DetectorSet:
    """Detectors that look at a text together. Thread-safe, as its detectors are."""

    def __init__(
        self,
        patterns: list[PatternDetector],
        others: list[Detector],
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
        every: list[PatternDetector | Detector] = [*patterns, *others]
        self.names = frozenset(detector.name for detector in every)
        self.versions = {detector.name: detector.version for detector in every}

    def inspect(
        self, text: str, names: Collection[str] | None = None, work: Work | None = None
    ) -> Inspection:
        """What all detectors (or those in `names`) find in `text`, ascending by place.

        A detector that breaks is named in `failed`; the others answer all the same. `work` counts
        confirmation.
        """
        failed: dict[str, str] = {}
        scores: dict[str, float] = {}
        found: list[Finding] = []
        if self._scanner is not None and text:
            work = work or Work()
            found = self._scan(self._scanner, text, names, failed, work)
            plain = normalised(text) if self._normalise and not text.isascii() else None
            if plain is not None and plain.text:
                _add(found, self._scan(self._scanner, plain.text, names, failed, work), plain)
        for detector in self._others:
            if names is None or detector.name in names:
                try:
                    answer = detector.inspect(text)
                except Exception as error:  # a broken detector must not take the others with it
                    failed[detector.name] = f"it raised {type(error).__name__}"
                    continue
                found += answer.findings
                scores.update(answer.scores)
                failed.update(answer.failed)
        if not (found or failed or scores):
            return _NOTHING
        found.sort(key=lambda finding: (finding.start, finding.end, finding.type))
        return Inspection(tuple(found), scores, failed)

    def warm(self) -> None:
        """Compile what the first findings would otherwise wait for (0.3 s): for a worker that is not
        busy yet."""
        if self._scanner is not None:
            self._scanner.compile_all()
            self.inspect(_SAMPLE)

    def _scan(
        self, scanner: Scanner, text: str, names: Collection[str] | None, failed: dict[str, str], work: Work
    ) -> list[Finding]:
        shape = skeleton(text)
        candidates = scanner.candidates(shape)
        if not candidates:
            return []
        hits: dict[int, list[int]] = {}
        for expression in candidates:
            owner = self._owner[expression]
            hits.setdefault(owner, []).append(expression - self._first[owner])
        page = Page(text, shape, scanner, candidates, work)
        found: list[Finding] = []
        for owner, hit in hits.items():
            detector = self._patterns[owner]
            if names is None or detector.name in names:
                try:
                    found += detector.find(page, self._first[owner], sorted(hit))
                except Exception as error:  # as above
                    failed[detector.name] = f"it raised {type(error).__name__}"
        return found


def _add(found: list[Finding], more: list[Finding], plain: Normalised) -> None:
    """What only the normalised form shows: a finding that none of its type covers. One that goes beyond
    another stands beside it, for what an invisible character hid of a value must be edited with the rest."""
    stretches: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for finding in found:
        stretches.setdefault((finding.detector, finding.type), []).append((finding.start, finding.end))
    known = {kind: _Covers(places) for kind, places in stretches.items()}
    for finding in more:
        start, end = plain.original(finding.start, finding.end)
        covers = known.get((finding.detector, finding.type))
        if covers is None or not covers.cover(start, end):
            why = f"{finding.why}, in normalised form"
            found.append(Finding(finding.detector, finding.type, start, end, finding.score, why))


class _Covers:
    """Stretches of a text, asked whether one of them covers another; logarithmic in their number."""

    __slots__ = ("_reach", "_starts")

    def __init__(self, stretches: list[tuple[int, int]]) -> None:
        stretches.sort()
        self._starts = [start for start, _ in stretches]
        self._reach = list(accumulate((end for _, end in stretches), max))

    def cover(self, start: int, end: int) -> bool:
        before = bisect_right(self._starts, start)
        return before > 0 and self._reach[before - 1] >= end
