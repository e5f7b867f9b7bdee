"""From a model's scores to findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.models.base import Passage

FLOOR = 0.1  # below is noise, and no finding


class _Window(Protocol):
    """Of `_runtime` or `_torch`."""

    @property
    def owner(self) -> int: ...

    @property
    def cut(self) -> bool: ...


def checked_labels(labels: Mapping[str, str | None], known: Sequence[str], key: str) -> list[str | None]:
    """For each label that the model gives, the finding type that the user maps it to.

    Raises ConfigError when a mapped label is none of the model's.
    """
    wrong = [label for label in labels if label not in known]
    if wrong:
        told = ", ".join(f"`{label}`" for label in known)
        raise ConfigError(f"the model has no label `{wrong[0]}`; it has {told}", key=key)
    return [labels.get(label) for label in known]


def highest(types: Sequence[str | None], scores: Sequence[float]) -> dict[str, float]:
    """The highest score of each finding type, where several labels may stand for one."""
    best: dict[str, float] = {}
    for type_, score in zip(types, scores, strict=True):
        if type_ is not None:
            best[type_] = max(best.get(type_, 0.0), score)
    return best


def partly(answer: Inspection, detector: str) -> Inspection:
    """The answer about a text of which only the beginning was read: what is found counts, and the rest of the
    text could not be checked."""
    told = "the text is longer than what it reads of one, and was read in part"
    return msgspec.structs.replace(answer, failed={**answer.failed, detector: told})


def with_cut(answers: Sequence[Inspection], windows: Iterable[_Window], detector: str) -> list[Inspection]:
    """The answers, those about texts that were cut as `partly`."""
    cut = {window.owner for window in windows if window.cut}
    return [partly(answer, detector) if owner in cut else answer for owner, answer in enumerate(answers)]


def inspection(detector: str, passage: Passage, scores: Mapping[str, float], why: str) -> Inspection:
    """A finding over the whole passage for each type, from the floor on; the score is the highest one."""
    end = len(passage.text)
    findings = tuple(
        Finding(detector, type_, passage.start, end, score, why)
        for type_, score in scores.items()
        if score >= FLOOR
    )
    return Inspection(findings, {detector: max(scores.values(), default=0.0)})
