"""From a model's scores to findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.inspection import partly
from sentinel.models.base import Passage

FLOOR = 0.1  # below is noise, and no finding


class _Window(Protocol):
    """Of `_runtime` or `_torch`."""

    @property
    def owner(self) -> int: ...

    @property
    def offsets(self) -> Sequence[tuple[int, int]]: ...

    @property
    def cut(self) -> bool: ...


class Label(msgspec.Struct, frozen=True):
    """A label of the model, and the finding type that it stands for (None: none)."""

    name: str
    type: str | None


def checked_labels(labels: Mapping[str, str], known: Sequence[str], key: str) -> list[Label]:
    """Each label that the model gives, with the finding type that the user maps it to.

    Raises ConfigError when a mapped label is none of the model's.
    """
    wrong = [label for label in labels if label not in known]
    if wrong:
        told = ", ".join(f"`{label}`" for label in known)
        raise ConfigError(f"the model has no label `{wrong[0]}`; it has {told}", key=key)
    return [Label(label, labels.get(label)) for label in known]


def with_cut(answers: Sequence[Inspection], windows: Iterable[_Window], detector: str) -> list[Inspection]:
    """The answers, those about texts that were cut as `partly`."""
    cut = {window.owner for window in windows if window.cut}
    return [partly(answer, detector) if owner in cut else answer for owner, answer in enumerate(answers)]


def classified(
    detector: str,
    passages: Sequence[Passage],
    windows: Sequence[_Window],
    rows: Sequence[Sequence[float]],
    labels: Sequence[Label],
    model: str,
) -> list[Inspection]:
    """What a model says that gives each window a row, one number a label: a finding for each type, over the
    window, from the floor on. A passage's score is its highest one. Windows begin at the passages' starts."""
    counts = Counter(window.owner for window in windows)
    numbers: Counter[int] = Counter()
    findings: list[list[Finding]] = [[] for _ in passages]
    highest = [0.0] * len(passages)
    for window, row in zip(windows, rows, strict=True):
        owner = window.owner
        numbers[owner] += 1
        start, end = _place(passages[owner], window, alone=counts[owner] == 1)
        told = f", window {numbers[owner]} of {counts[owner]}" if counts[owner] > 1 else ""
        for type_, (score, label) in _strongest(labels, row).items():
            highest[owner] = max(highest[owner], score)
            if score >= FLOOR:
                why = f"{why_of(label, model, score)}{told}"
                evidence = ((start, end, score),)
                findings[owner].append(Finding(detector, type_, start, end, score, why, evidence=evidence))
    answers = [Inspection(tuple(found), {detector: s}) for found, s in zip(findings, highest, strict=True)]
    return with_cut(answers, windows, detector)


def why_of(label: str, model: str, score: float) -> str:
    """A label and its score, in words."""
    return f"label `{label}` of {model}, {score:.2f}; findings begin at {FLOOR}"


def _strongest(labels: Sequence[Label], row: Sequence[float]) -> dict[str, tuple[float, str]]:
    """For each finding type the highest score, and the label that has it."""
    best: dict[str, tuple[float, str]] = {}
    for label, score in zip(labels, row, strict=True):
        if label.type is not None and score > best.get(label.type, (0.0, ""))[0]:
            best[label.type] = score, label.name
    return best


def _place(passage: Passage, window: _Window, *, alone: bool) -> tuple[int, int]:
    """Where the window lies in the passage's text; one that holds all of it is all of it."""
    places = [place for place in window.offsets if place[1] > place[0]]
    if (alone and not window.cut) or not places:
        return passage.start, len(passage.text)
    return passage.start + places[0][0], passage.start + places[-1][1]
