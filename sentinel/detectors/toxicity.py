"""`toxicity`: abuse in a sentence, by the shipped classifier (docs/models/toxicity.md).

A sentence is read twice: alone, and with what stands before it in a short text, for a threat or an insult
often goes over a full stop. The higher answer counts, and it is a finding in the sentence only if the sentence's own
words speak for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._classifier import Classifier, Verdict

BUILD = "1"  # raised whenever the same text may give other findings
FLAGGED = 0.8  # rules/toxicity.yaml; at most 0.5 % of benign texts (docs/models/toxicity.md)
TYPES = ("TOXIC", "INSULT", "THREAT", "IDENTITY_ATTACK", "OBSCENE")
_FLOOR = 0.1
_SHORT = 300  # characters of a sentence and what stands before it that are read as one


class ToxicityConfig(BaseModel):
    """When the shipped classifier's answer is not certain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unsure_from: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Scores from here on are unsure: a larger model, if there is one, is asked.",
    )
    unsure_to: float = Field(default=0.9, ge=0, le=1, description="Scores above are sure.")


class ToxicityDetector:
    name = "toxicity"
    types = frozenset(TYPES)
    scope: Literal["sentence"] = "sentence"

    def __init__(self, config: ToxicityConfig, cache_dir: Path) -> None:
        self._classifier = Classifier.shipped(self.name)
        self._unsure = config.unsure_from, config.unsure_to
        self.version = f"{self._classifier.version}+{BUILD}"

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        classifier = self._classifier
        verdict, origin = classifier.judge(text[start:]), start
        if verdict.reading.features is None:
            return Inspection()
        before = max(0, len(text) - _SHORT)
        if before < start and text[before:start].strip():
            wider = classifier.judge(text[before:])
            if wider.probabilities[0] > verdict.probabilities[0] and classifier.explain(
                wider, 0, start - before
            ):
                verdict, origin = wider, before
        score = round(verdict.probabilities[0], 4)
        findings = tuple(
            self._finding(text, start, verdict, origin, head)
            for head, probability in enumerate(verdict.probabilities)
            if probability >= _FLOOR
        )
        unsure = (self.name,) if self._unsure[0] <= score <= self._unsure[1] else ()
        return Inspection(findings, {self.name: score}, {}, unsure)

    def _finding(self, text: str, start: int, verdict: Verdict, origin: int, head: int) -> Finding:
        score = round(verdict.probabilities[head], 4)
        evidence = tuple(
            (begin + origin, end + origin, weight)
            for begin, end, weight in self._classifier.explain(verdict, head, start - origin)
        )
        sentence = text[start:]
        begin = start + len(sentence) - len(sentence.lstrip())
        end = start + len(sentence.rstrip())
        what = TYPES[head].lower().replace("_", " ")
        wide = ", with what stands before it" if origin < start else ""
        why = f"the sentence{wide}, {what} {score:.2f}; bundled rules flag from {FLAGGED} on"
        return Finding(self.name, TYPES[head], begin, end, score, why, evidence=evidence)
