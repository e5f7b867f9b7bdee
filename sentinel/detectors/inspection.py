"""What one detector says of a text, whole or sentence by sentence, and several answers as one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import cast

import msgspec

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._sentences import LEFT, sentences
from sentinel.detectors.base import Detector, Reading, SentenceDetector, by_sentence

IN_PART = "the text is longer than what it reads of one, and was read in part"
_NOTHING = Inspection()


def inspect_whole(detector: Reading, text: str, background: Background) -> Inspection:
    """What a detector of either scope says of a whole text."""
    reader = by_sentence(detector)
    if reader is None:
        return cast(Detector, detector).inspect(text, background)
    return joined(inspect_sentences(reader, text, list(sentences(text, 0, final=True)), background))


def inspect_sentences(
    detector: SentenceDetector, text: str, places: Sequence[tuple[int, int]], background: Background
) -> list[Inspection]:
    """What it says of each sentence of a text."""
    at_once = getattr(detector, "inspect_sentences", None)
    if at_once is not None:
        with contextlib.suppress(Exception):  # then one by one: a sentence that breaks it fails alone
            answers: list[Inspection] = at_once(text, places, background)
            return answers
    return [inspect_sentence(detector, text, *place, background) for place in places]


def inspect_sentence(
    detector: SentenceDetector, text: str, start: int, end: int, background: Background
) -> Inspection:
    """What it says of one sentence of a text. A detector that breaks is named in `failed`."""
    origin = max(0, start - LEFT)
    try:
        answer = detector.inspect(text[origin:end], start - origin, background)
    except Exception as error:  # a broken detector must not take the others with it
        return Inspection(failed={detector.name: f"it raised {type(error).__name__}"})
    return moved(answer, origin)


def partly(answer: Inspection, detector: str) -> Inspection:
    """The answer about a text of which only a part was read: what is found counts, and the rest of the text
    could not be checked."""
    return msgspec.structs.replace(answer, failed={**answer.failed, detector: IN_PART})


def moved(inspection: Inspection, by: int) -> Inspection:
    """The same findings, so many characters further on."""
    if not by or not inspection.findings:
        return inspection
    return msgspec.structs.replace(
        inspection, findings=tuple(_moved(finding, by) for finding in inspection.findings)
    )


def _moved(f: Finding, by: int) -> Finding:
    evidence = tuple((start + by, end + by, weight) for start, end, weight in f.evidence)
    return Finding(f.detector, f.type, f.start + by, f.end + by, f.score, f.why, f.part, evidence)


def joined(answers: Sequence[Inspection]) -> Inspection:
    """Several answers about one text, or about parts of it, as one: of each score the highest."""
    telling = [answer for answer in answers if answer != _NOTHING]
    if len(telling) < 2:
        return telling[0] if telling else _NOTHING
    scores: dict[str, float] = {}
    failed: dict[str, str] = {}
    for answer in telling:
        failed.update(answer.failed)
        for name, score in answer.scores.items():
            scores[name] = max(score, scores.get(name, 0.0))
    findings = sorted((finding for answer in telling for finding in answer.findings), key=by_place)
    unsure = tuple(sorted({name for answer in telling for name in answer.unsure}))
    return Inspection(tuple(findings), scores, failed, unsure, _unsought(telling))


def _unsought(answers: Sequence[Inspection]) -> dict[str, frozenset[str]]:
    """Finding types of detectors that failed, and looked for all others wherever they did."""
    made: dict[str, frozenset[str]] = {}
    for name in {name for answer in answers for name in answer.unsought}:
        failures = [answer for answer in answers if name in answer.failed]
        if all(name in answer.unsought for answer in failures):
            made[name] = frozenset().union(*(answer.unsought[name] for answer in failures))
    return made


def by_place(finding: Finding) -> tuple[int, int, str]:
    """How findings are sorted."""
    return finding.start, finding.end, finding.type
