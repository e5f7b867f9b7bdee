"""One text as the pattern detectors see it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from sentinel.core.finding import Finding
from sentinel.detectors._patterns import Expression, Scanner, Work


class Page:
    """A text, its skeleton, and what Hyperscan found in it; confirmation is counted in `work`."""

    __slots__ = ("candidates", "scanner", "skeleton", "text", "work")

    def __init__(
        self, text: str, skeleton: bytes, scanner: Scanner, candidates: dict[int, list[int]], work: Work
    ) -> None:
        self.text = text
        self.skeleton = skeleton
        self.scanner = scanner
        self.candidates = candidates
        self.work = work

    def matches(self, expression: int) -> list[Any]:
        """Confirmed matches of an expression, by its index in the scanner."""
        ends = self.candidates.get(expression)
        if ends is None:
            return []
        return self.scanner.matches(expression, self.text, self.skeleton, ends, self.work)


class PatternDetector(Protocol):
    """A detector whose expressions take part in the common pass.

    `find` gets the indices (in the detector's own `expressions`) that have candidates, and the index of its
    first expression in the scanner.
    """

    name: str
    version: str
    expressions: Sequence[Expression]

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
