"""`misuse`: whether a text asks for help with harm, by the shipped classifier (docs/models/misuse.md).

No bundled rule asks for it. A long text is read in windows, the highest of which counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._unsure import UnsureBand
from sentinel.detectors.inspection import partly

BUILD = "1"  # raised whenever the same text may give other findings
FLAGGED = 0.9  # where docs/models/misuse.md counts; for rules of a user's own
WINDOW = 1500  # characters
_STEP = 1200
_FLOOR = 0.1


class MisuseConfig(UnsureBand):
    """How much of a text is read, and when the shipped classifier's answer is not certain."""

    max_chars: int = Field(
        default=200_000,
        ge=100,
        description="Characters of a text that are read, from the first on; a longer one counts as unsure, "
        "and as failed where no larger model reads all of it.",
    )


class MisuseDetector:
    name = "misuse"
    types = frozenset({"HARMFUL_REQUEST"})
    compares = False

    def __init__(self, config: MisuseConfig, cache_dir: Path) -> None:
        from sentinel.detectors._classifier import Classifier  # with numpy, only where it is asked for

        self._classifier = Classifier.shipped(self.name)
        self._config = config
        self.version = f"{self._classifier.version}+{config.max_chars}+{BUILD}"

    def inspect(self, text: str, background: Background) -> Inspection:
        told: list[tuple[float, int, int]] = []
        for start, end in windows(text[: self._config.max_chars]):
            (answer,) = self._classifier.judge(text[start:end], [(0, end - start)])
            if answer is not None:
                told.append((round(answer[0], 4), start, end))
        cut = len(text) > self._config.max_chars
        if not told:
            return partly(Inspection(), self.name) if cut else Inspection()
        score = max(told)[0]
        findings = []
        for probability, start, end in told:
            if probability < _FLOOR:
                continue
            (telling,) = self._classifier.explain(text[start:end], (0, end - start), [0])
            evidence = tuple((begin + start, stop + start, weight) for begin, stop, weight in telling)
            why = f"harmful request {probability:.2f}; the model's own threshold is {FLAGGED}"
            findings.append(
                Finding(self.name, "HARMFUL_REQUEST", start, end, probability, why, evidence=evidence)
            )
        return self._config.inspection(self.name, findings, score, cut=cut)


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of at most WINDOW characters that overlap."""
    start = 0
    while start < len(text):
        end = min(len(text), start + WINDOW)
        yield start, end
        if end == len(text):
            return
        start += _STEP
