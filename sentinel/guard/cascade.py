"""What the model plane is asked about texts that the data plane has read, and how its answers count.

- A detector of both planes that scores texts is asked there about those that it is unsure of here; any other
  of the model plane, about every text.
- A rule that holds a streamed answer back holds all of it where the model plane may be asked, so that the
  outcome is that of the whole text; `enforce: cut` goes by what is found here.
- A larger model's answer takes the place of the unsure one, but for what was found here by form. Where it has
  no score to tell (nothing to compare with), what was found here stands; where it is late or broken too, and
  the detector counts as failed: each rule's `on_error` decides.
- What failed here has failed, unless the larger model says how bad the text is: one that only adds findings
  (names beside the patterns of `pii`) has not read it in the other's place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from sentinel.core.background import NO_BACKGROUND, Background, Passage
from sentinel.core.finding import Inspection
from sentinel.detectors.registry import joined

# Passages, detectors, deadline in milliseconds (None: the models' own) -> an answer for each passage.
Ask = Callable[[Sequence[Passage], frozenset[str], int | None], Awaitable[list[Inspection]]]
AskNow = Callable[[Sequence[Passage], frozenset[str], int | None], list[Inspection]]


class Served(Protocol):
    """What the model plane answers for: the detectors' names, and their models' versions as last told."""

    @property
    def detectors(self) -> frozenset[str]: ...

    @property
    def versions(self) -> Mapping[str, str]: ...


class _Nothing:
    detectors: frozenset[str] = frozenset()
    versions: Mapping[str, str] = {}


NO_MODELS: Served = _Nothing()


class Question(msgspec.Struct, frozen=True):
    """Detectors that are asked about some of the texts, by the texts' numbers. `by_form`: the finding types
    of each that an answer does not take back. `here`: those of them that read the texts here too."""

    detectors: frozenset[str]
    numbers: tuple[int, ...]
    passages: tuple[Passage, ...]
    by_form: Mapping[str, frozenset[str]] = {}
    here: frozenset[str] = frozenset()


def questions(
    needed: Collection[str],
    here: Collection[str],
    texts: Sequence[str],
    backgrounds: Sequence[Background],
    inspections: Sequence[Inspection],
    by_form: Mapping[str, frozenset[str]] = {},
) -> list[Question]:
    """What to ask the detectors `needed` about `texts`, of which those `here` have said `inspections`."""
    asked: dict[tuple[int, ...], set[str]] = {}
    for name in sorted(needed):
        numbers = tuple(
            number
            for number, (text, found) in enumerate(zip(texts, inspections, strict=True))
            if text and (name not in here or name not in found.scores or name in found.unsure)
        )
        if numbers:
            asked.setdefault(numbers, set()).add(name)
    around = backgrounds or [NO_BACKGROUND] * len(texts)
    return [
        Question(
            frozenset(names),
            numbers,
            tuple(Passage(texts[i], 0, around[i]) for i in numbers),
            by_form,
            frozenset(names & set(here)),
        )
        for numbers, names in asked.items()
    ]


def with_answers(
    inspections: Sequence[Inspection], asked: Sequence[Question], answers: Sequence[Sequence[Inspection]]
) -> list[Inspection]:
    """The inspections with what the model plane said; `answers[i]` belong to question i."""
    merged = list(inspections)
    for question, told in zip(asked, answers, strict=True):
        for number, answer in zip(question.numbers, told, strict=True):
            merged[number] = _merged(merged[number], answer, question)
    return merged


def _merged(here: Inspection, answer: Inspection, question: Question) -> Inspection:
    replaced = {name for name in question.detectors if name in here.unsure and name in answer.scores}
    told = {(finding.detector, finding.type) for finding in answer.findings}
    kept = Inspection(
        tuple(
            finding
            for finding in here.findings
            if finding.detector not in replaced
            or (
                finding.type in question.by_form.get(finding.detector, ())
                and (finding.detector, finding.type) not in told
            )
        ),
        {name: score for name, score in here.scores.items() if name not in replaced},
        {name: why for name, why in here.failed.items() if not _made_up_for(name, answer, question)},
        tuple(name for name in here.unsure if name not in replaced),
    )
    return joined([kept, answer])


def _made_up_for(name: str, answer: Inspection, question: Question) -> bool:
    """Whether the answer stands for what failed here."""
    return name in question.detectors and (name in answer.scores or name not in question.here)
