"""What the model plane is asked about texts that the data plane has read, and how its answers count.

- A detector of both planes that scores texts is asked there about those that it is unsure of here; any other
  of the model plane, about every text.
- Of an answer, each sentence is asked about by itself, with its neighbours before it for the models to see,
  where the models behind a detector and its readers here judge sentences; then a streamed answer is asked
  about sentence by sentence (`asking`), with the same outcome. Everything else is asked about whole texts,
  and a streamed answer waits for its end.
- A larger model's answer takes the place of the unsure one, but for what was found here by form. Where it has
  no score to tell (nothing to compare with), what was found here stands; where it is late or broken too, and
  the detector counts as failed: each rule's `on_error` decides, but for rules about what the larger model
  does not look for, where the detector here looks for other things (`CREDIT_CARD` beside a model of names).
- What a detector's settings here rule out (an `allow_list`, a `min_score`) is no finding of a larger model
  of its name either.
- What failed here (or read a text in part) has failed, unless the larger model says how bad the text is: one
  that only adds findings (names beside the patterns of `pii`) has not read it in the other's place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from sentinel.core.background import Background, Passage
from sentinel.core.finding import Inspection
from sentinel.core.needs import Finds
from sentinel.detectors.base import Keeps
from sentinel.detectors.inspection import joined, moved

# Passages, detectors, deadline in milliseconds (None: the models' own) -> an answer for each passage.
Ask = Callable[[Sequence[Passage], frozenset[str], int | None], Awaitable[list[Inspection]]]
AskNow = Callable[[Sequence[Passage], frozenset[str], int | None], list[Inspection]]


class Served(Protocol):
    """What the model plane answers for: the detectors' names, those of each model, what they can find there,
    those of which it judges an answer sentence by sentence, and their models' versions as last told."""

    @property
    def detectors(self) -> frozenset[str]: ...

    @property
    def by_model(self) -> Mapping[str, frozenset[str]]: ...

    @property
    def finds(self) -> Finds: ...

    @property
    def by_sentence(self) -> frozenset[str]: ...

    @property
    def versions(self) -> Mapping[str, str]: ...


class _Nothing:
    detectors: frozenset[str] = frozenset()
    by_model: Mapping[str, frozenset[str]] = {}
    finds: Finds = {}
    by_sentence: frozenset[str] = frozenset()
    versions: Mapping[str, str] = {}


NO_MODELS: Served = _Nothing()


class Beside(msgspec.Struct, frozen=True):
    """The detectors beside the model plane: those that read a text `here` too, of each the finding types that
    an answer does not take back (`by_form`), and which findings its settings let count (`keeps`); and what
    the plane can find under their names (`finds`), where nobody here judges a text."""

    here: frozenset[str] = frozenset()
    by_form: Mapping[str, frozenset[str]] = {}
    keeps: Mapping[str, Keeps] = {}
    finds: Finds = {}


class Question(msgspec.Struct, frozen=True):
    """Detectors that are asked about some of the texts, by the texts' numbers."""

    detectors: frozenset[str]
    numbers: tuple[int, ...]
    passages: tuple[Passage, ...]
    beside: Beside = Beside()

    def kept(self, told: Sequence[Inspection]) -> list[Inspection]:
        """An answer for each passage without the findings that do not count."""
        keeps = self.beside.keeps
        if not keeps:
            return list(told)
        return [
            _kept(passage.text, answer, keeps) for passage, answer in zip(self.passages, told, strict=True)
        ]


def questions(
    needed: Collection[str],
    beside: Beside,
    passages: Sequence[Passage],
    inspections: Sequence[Inspection],
) -> list[Question]:
    """What to ask the detectors `needed` about `passages`, of which those here have said `inspections`."""
    asked: dict[tuple[int, ...], set[str]] = {}
    blank = [not passage.text[passage.start :].strip() for passage in passages]
    for name in sorted(needed):
        numbers = tuple(
            number
            for number, found in enumerate(inspections)
            if (name not in beside.here or name not in found.scores or name in found.unsure)
            and not blank[number]
        )
        if numbers:
            asked.setdefault(numbers, set()).add(name)
    return [
        Question(frozenset(names), numbers, tuple(passages[number] for number in numbers), beside)
        for numbers, names in asked.items()
    ]


def with_answers(
    inspections: Sequence[Inspection], asked: Sequence[Question], answers: Sequence[Sequence[Inspection]]
) -> list[Inspection]:
    """The inspections with what the model plane said; `answers[i]` belong to question i."""
    return _with_kept(inspections, asked, [q.kept(told) for q, told in zip(asked, answers, strict=True)])


def _with_kept(
    inspections: Sequence[Inspection], asked: Sequence[Question], answers: Sequence[Sequence[Inspection]]
) -> list[Inspection]:
    merged = list(inspections)
    for question, told in zip(asked, answers, strict=True):
        for number, answer in zip(question.numbers, told, strict=True):
            merged[number] = _merged(merged[number], answer, question)
    return merged


class Sentence:
    """A sentence of an answer, `start:end` of its text, and what is known about it, in the text's offsets.
    `passage` is the sentence behind the neighbours that it is read with."""

    __slots__ = ("end", "known", "passage", "start")

    def __init__(self, passage: Passage, start: int, known: Inspection) -> None:
        self.passage = passage
        self.start = start
        self.end = start + len(passage.text) - passage.start
        self.known = known

    def placed(self, answer: Inspection) -> Inspection:
        """An answer about the passage as one about the text, of which nothing lies outside the sentence."""
        first = self.passage.start
        if any(finding.start < first for finding in answer.findings):
            kept = [finding for finding in answer.findings if finding.end > first]
            inside = [msgspec.structs.replace(each, start=max(each.start, first)) for each in kept]
            answer = msgspec.structs.replace(answer, findings=tuple(inside))
        return moved(answer, self.start - first)


class Asking(msgspec.Struct, frozen=True):
    """Detectors of which the model plane is asked about sentences."""

    needed: frozenset[str]
    beside: Beside

    def questions(self, sentences: Sequence[Sentence]) -> list[Question]:
        """What to ask about some sentences."""
        passages, known = [each.passage for each in sentences], [each.known for each in sentences]
        return questions(self.needed, self.beside, passages, known)


def learn(
    sentences: Sequence[Sentence], asked: Sequence[Question], answers: Sequence[Sequence[Inspection]]
) -> None:
    """Add what the model plane said; as in `with_answers`."""
    placed = [
        [sentences[n].placed(answer) for n, answer in zip(question.numbers, question.kept(told), strict=True)]
        for question, told in zip(asked, answers, strict=True)
    ]
    known = _with_kept([sentence.known for sentence in sentences], asked, placed)
    for sentence, inspection in zip(sentences, known, strict=True):
        sentence.known = inspection


def apart(background: Background) -> Background:
    """What stands around a sentence: nothing that is known only when the answer is complete."""
    if not (background.siblings or background.tokens):
        return background
    return msgspec.structs.replace(background, siblings=(), tokens=())


def _kept(text: str, answer: Inspection, keeps: Mapping[str, Keeps]) -> Inspection:
    kept = tuple(
        each for each in answer.findings if each.detector not in keeps or keeps[each.detector](text, each)
    )
    return answer if len(kept) == len(answer.findings) else msgspec.structs.replace(answer, findings=kept)


def _merged(here: Inspection, answer: Inspection, question: Question) -> Inspection:
    beside = question.beside
    replaced = {
        name
        for name in question.detectors
        if name in here.unsure and name in answer.scores and name not in answer.failed
    }
    told = {(finding.detector, finding.type) for finding in answer.findings}
    kept = Inspection(
        tuple(
            finding
            for finding in here.findings
            if finding.detector not in replaced
            or (
                finding.type in beside.by_form.get(finding.detector, ())
                and (finding.detector, finding.type) not in told
            )
        ),
        {name: score for name, score in here.scores.items() if name not in replaced},
        {name: why for name, why in here.failed.items() if not _made_up_for(name, answer, question)},
        tuple(name for name in here.unsure if name not in replaced),
        here.unsought,
    )
    others = beside.here & beside.finds.keys() - here.failed.keys()
    unsought = {name: beside.finds[name] for name in answer.failed if name in others}
    return joined([kept, msgspec.structs.replace(answer, unsought=unsought)])


def _made_up_for(name: str, answer: Inspection, question: Question) -> bool:
    """Whether the answer stands for what failed here."""
    judged = name in answer.scores and name not in answer.failed
    return name in question.detectors and (judged or name not in question.beside.here)
