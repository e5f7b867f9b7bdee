"""One text as the pattern detectors see it."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Protocol

from sentinel.core.finding import Finding
from sentinel.detectors._patterns import Expression, Scanner, Work


def _no_floor(_detector: str, _type: str) -> float:
    return 0.0


class Margins:
    """For a text that goes on: which stretches had to be read as one (`spans`), and from where on findings
    may still change with what follows (`open_from`)."""

    __slots__ = ("open_from", "spans")

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []
        self.open_from = sys.maxsize


class Page:
    """A text from `start` on, its skeleton, and what Hyperscan found in it; what stands before is only looked
    at. Confirmation is counted in `work`; `margins` is filled where there is one. `floor` tells the least
    score that anybody asks for, by detector and type."""

    __slots__ = ("candidates", "floor", "margins", "scanner", "skeleton", "start", "text", "work")

    def __init__(
        self,
        text: str,
        skeleton: bytes,
        scanner: Scanner,
        candidates: dict[int, list[int]],
        work: Work,
        floor: Callable[[str, str], float] = _no_floor,
        start: int = 0,
        margins: Margins | None = None,
    ) -> None:
        self.text = text
        self.skeleton = skeleton
        self.scanner = scanner
        self.candidates = candidates
        self.work = work
        self.floor = floor
        self.start = start
        self.margins = margins

    def matches(self, expression: int) -> list[Any]:
        """Confirmed matches of an expression, by its index in the scanner."""
        ends = self.candidates.get(expression)
        if ends is None:
            return []
        found = self.scanner.matches(expression, self.text, self.skeleton, ends, self.work, self.start)
        if self.margins is not None:
            self.margins.spans += [match.span() for match in found]
        return found


Asked = Callable[[str], float]
"""Finding type -> the least score that anybody asks for; over 1 where nobody asks for the type."""


class PatternDetector(Protocol):
    """A detector whose expressions take part in the common pass.

    `find` gets the indices (in the detector's own `expressions`) that have candidates, and the index of its
    first expression in the scanner. `reach` tells of each expression the type of its findings and the
    highest score that they can have.
    """

    name: str
    version: str
    expressions: Sequence[Expression]
    reach: Sequence[tuple[str, float]]

    def find(self, page: Page, first: int, hit: Sequence[int]) -> list[Finding]: ...


class Places:
    """Stretches of a text, asked whether another overlaps any of them; logarithmic in their number."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, stretches: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []  # disjoint and ascending, as are the ends
        self._ends: list[int] = []
        for start, end in sorted(stretches):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def overlap(self, start: int, end: int) -> bool:
        index = bisect_right(self._ends, start)
        return index < len(self._starts) and self._starts[index] < end

    def add(self, start: int, end: int) -> None:
        """A stretch that overlaps none."""
        index = bisect_right(self._starts, start)
        self._starts.insert(index, start)
        self._ends.insert(index, end)


class Covers:
    """Stretches of a text, asked whether one of them covers another; logarithmic in their number."""

    __slots__ = ("_reach", "_starts")

    def __init__(self, stretches: list[tuple[int, int]]) -> None:
        stretches.sort()
        self._starts = [start for start, _ in stretches]
        self._reach = list(accumulate((end for _, end in stretches), max))

    def cover(self, start: int, end: int) -> bool:
        before = bisect_right(self._starts, start)
        return before > 0 and self._reach[before - 1] >= end
