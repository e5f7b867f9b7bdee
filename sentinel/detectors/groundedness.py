"""`groundedness`: whether an answer is held by what the model was given. Each sentence is looked up in the
documents and in the question (`_grounding`), and a small trained model weighs what that shows.

Without documents it can only tell signs: references that nobody gave, sentences that contradict each other,
disagreement with the other answers to the same request, numbers and names that the model itself found
improbable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from pydantic import Field

from sentinel.core.background import Background
from sentinel.core.exchange import Role
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._consistency import Doubt, contradictions, disagreements
from sentinel.detectors._grounding import Reading, Source, readings
from sentinel.detectors._grounding_model import GroundingModel
from sentinel.detectors._improbable import improbable
from sentinel.detectors._references import unknown_references
from sentinel.detectors._unsure import From, To, UnsureBand

BUILD = "4"  # raised whenever the same text may give other findings
BASE_RATE = 0.2  # unsupported answers to general questions, where nothing tells (docs/models/groundedness.md)
_FLOOR = 0.1
_GIVEN = (Role.CONTEXT, Role.SYSTEM)  # what is answered from is no answer
_LACKS = re.compile(
    r"\b(?:i|we)\b[ \w]{0,12}(?:(?:could|can|did|do)(?: not|n['’]t)|cannot|unable to|not able to) "
    r"(?:find|see|locate)\b"
    r"|\b(?:documents?|context|text|passages?|articles?|sources?|information)\b[ \w]{0,30} "
    r"(?:do|does|did)(?: not|n['’]t) (?:\w+ )?"
    r"(?:say|mention|state|specify|contain|include|provide|give|cover)\b"
    r"|\bthere is no (?:information|mention)\b"
    r"|\bnot (?:mentioned|stated|specified|given|covered) (?:in|by) (?:the|any|these|this)\b",
    re.IGNORECASE,
)
_CONTRADICTED = 0.7  # a sentence against another of the same answer
_CONTRASTED = 0.75  # a sentence with another unit than the documents, or without their negation
_ALONE = 0.5  # a sentence whose numbers and names no other answer holds
_IMPROBABLE = 0.6  # one with a number or name that the model all but ruled out
_READABLE = 0.5


class GroundednessConfig(UnsureBand):
    """How much of what the model was given an answer is compared with."""

    unsure_from: From = 0.15
    unsure_to: To = 0.85
    max_context_chars: int = Field(
        default=200_000,
        ge=1000,
        description="Characters of the documents that an answer is compared with, from the first on. What "
        "stands behind is not looked at, and findings say so.",
    )
    max_answer_chars: int = Field(
        default=50_000,
        ge=1000,
        description="Characters of an answer that are looked at, from the first on; a longer one counts as "
        "unsure, and as failed where no larger model reads all of it.",
    )


class GroundednessDetector:
    name = "groundedness"
    types = frozenset({"UNSUPPORTED", "CONTRADICTED", "INVENTED_REFERENCE"})
    by_form = frozenset({"CONTRADICTED", "INVENTED_REFERENCE"})
    compares = True

    def __init__(self, config: GroundednessConfig, cache_dir: Path) -> None:
        self._model = GroundingModel.shipped()
        self._limit = config.max_context_chars
        self._answer_limit = config.max_answer_chars
        self._config = config
        self.version = f"{self._model.version}+{self._limit}+{self._answer_limit}+{BUILD}"

    def inspect(self, text: str, background: Background) -> Inspection:
        if background.role in _GIVEN or not text.strip():
            return Inspection()
        cut = len(text) > self._answer_limit
        text = text[: self._answer_limit]
        findings = list(self._references(text, background))
        score = max((finding.score for finding in findings), default=0.0)
        context = background.context if any(map(str.strip, background.context)) else ()
        if context and _readable(text):
            probability, more = self._compared(text, context, background.question)
        else:
            probability, more = self._alone(text, background)
        score = round(max(score, probability), 4)
        findings += [finding for finding in more if finding.score >= _FLOOR]
        findings.sort(key=lambda finding: (finding.start, finding.end, finding.type))
        answer = self._config.inspection(self.name, findings, score, cut=cut)
        return answer if context else msgspec.structs.replace(answer, unsure=(self.name,))

    def _references(self, text: str, background: Background) -> Iterator[Finding]:
        given = [background.question, background.system, *background.context]
        for found in unknown_references(text, given, documents=bool(background.context)):
            article = "an" if found.kind[0] in "aI" else "a"
            why = f"{article} {found.kind} that neither the question nor the documents hold"
            yield Finding(self.name, "INVENTED_REFERENCE", found.start, found.end, found.score, why)

    def _compared(self, text: str, context: tuple[str, ...], question: str) -> tuple[float, list[Finding]]:
        source = Source(context, self._limit)
        cut = sum(map(len, context)) > source.read
        tail = f" (the first {source.read} characters of the documents were compared)" if cut else ""
        found: list[Finding] = []
        logits: list[float] = []
        by_form = False
        for reading in readings(text, source, Source([question], self._limit)):
            if _tells_a_lack(text[reading.start : reading.end]):
                continue
            logits.append(self._model.logit(reading))
            score = round(self._model.probability(logits[-1:]), 4)
            found += self._of_sentence(text, reading, score, tail)
            by_form = by_form or bool(reading.contrasts)
        told = self._model.probability(logits) if logits else BASE_RATE
        return (max(told, _CONTRASTED) if by_form else told), found

    def _of_sentence(self, text: str, reading: Reading, score: float, tail: str) -> Iterator[Finding]:
        start, end = _trimmed(text, reading.start, reading.end)
        tail = f"{_nearest(reading)}{tail}"
        why = f"{_reason(reading)}{tail}"
        evidence = self._model.evidence(reading)
        yield Finding(self.name, "UNSUPPORTED", start, end, score, why, evidence=evidence)
        if reading.contrasts:
            reasons = "; ".join(dict.fromkeys(contrast.why for contrast in reading.contrasts))
            words = tuple((c.word.start, c.word.end, 1.0) for c in reading.contrasts[:5])
            score = max(score, _CONTRASTED)
            yield Finding(self.name, "CONTRADICTED", start, end, score, f"{reasons}{tail}", evidence=words)
        elif reading.clash:
            words = tuple((token.start, token.end, 1.0) for token in reading.clash[:5])
            why = f"a number, a negation or an opposite against the closest sentence of the documents{tail}"
            yield Finding(self.name, "CONTRADICTED", start, end, score, why, evidence=words)

    def _alone(self, text: str, background: Background) -> tuple[float, list[Finding]]:
        found = [self._doubted(text, "CONTRADICTED", doubt, _CONTRADICTED) for doubt in contradictions(text)]
        if background.siblings:
            found += [
                self._doubted(text, "UNSUPPORTED", doubt, _ALONE * doubt.share)
                for doubt in disagreements(text, background.siblings, self._limit)
            ]
        found += [
            self._doubted(text, "UNSUPPORTED", doubt, _IMPROBABLE * doubt.share)
            for doubt in improbable(text, background.tokens)
        ]
        return max([BASE_RATE, *(finding.score for finding in found)]), found

    def _doubted(self, text: str, type_: str, doubt: Doubt, score: float) -> Finding:
        words = tuple((token.start, token.end, 1.0) for token in doubt.words[:5])
        start, end = _trimmed(text, doubt.start, doubt.end)
        return Finding(self.name, type_, start, end, round(score, 4), doubt.why, evidence=words)


def _tells_a_lack(sentence: str) -> bool:
    """Whether it says, and nothing else, that the documents do not tell something: no document holds that."""
    return _LACKS.search(sentence) is not None and " but " not in sentence


def _reason(reading: Reading) -> str:
    """What of a sentence the documents do not hold, in words."""
    shown = {sign for _, signs in reading.signs for sign in signs}
    told = [
        words
        for sign, words in (
            ("number_new", "numbers"),
            ("name_new", "names"),
            ("word_new", "words"),
            ("opposite_no_kin", "opposites"),
            ("negator_new", "a negation"),
        )
        if sign in shown
    ]
    return f"{', '.join(told)} that the documents do not hold" if told else "compared with the documents"


def _nearest(reading: Reading) -> str:
    """Where the closest sentence of the documents stands; never what it says."""
    if reading.nearest is None:
        return "; no sentence of the documents shares a word"
    document, start, end, share = reading.nearest
    return (
        f"; closest: document {document + 1}, characters {start} to {end}, {share:.2f} of the words' weight"
    )


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def _readable(text: str) -> bool:
    """Whether most letters are Latin: the model was made for English."""
    letters = [char for char in text[:2000] if char.isalpha()]
    return sum(char < "ɐ" for char in letters) >= _READABLE * len(letters)
