"""One text as the pattern detectors see it."""

from __future__ import annotations

from collections.abc import Sequence
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
