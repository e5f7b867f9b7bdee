"""`sentiment`: whether an English sentence is said with ill or good feeling, by the shipped classifier
(docs/models/sentiment.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._sentence_groups import groups
from sentinel.detectors.inspection import moved

BUILD = "2"  # raised whenever the same text may give other findings
_ENGLISH = 0.7  # share of known words: of 99 in 100 English sentences, and of 1 in 100 others
_WHY = {"NEGATIVE": "ill", "POSITIVE": "good"}
LIKELY = 0.5  # what is less probable is told as a score alone


class SentimentConfig(BaseModel):
    """Nothing to set yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SentimentDetector:
    name = "sentiment"
    types = frozenset({"NEGATIVE", "POSITIVE"})
    scope: Literal["sentence"] = "sentence"
    compares = False

    def __init__(self, config: SentimentConfig, cache_dir: Path) -> None:
        from sentinel.detectors._classifier import Classifier  # with numpy, only where it is asked for

        self._classifier = Classifier.shipped(self.name)
        self.version = f"{self._classifier.version}+{BUILD}"

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        (inspection,) = self.inspect_sentences(text, ((start, len(text)),), background)
        return inspection

    def inspect_sentences(
        self, text: str, places: Sequence[tuple[int, int]], background: Background
    ) -> list[Inspection]:
        """All sentences of a text at once, with the answers that `inspect` gives."""
        found: list[Inspection] = []
        for group in groups(text, places):
            first, last = group[0][0], group[-1][1]
            within = [(start - first, end - first) for start, end in group]
            part = text[first:last]
            told, known = self._classifier.judge(part, within), self._classifier.known(part, within)
            for place, each, share in zip(within, told, known, strict=True):
                english = share >= _ENGLISH and any(map(str.isalpha, part[slice(*place)]))
                found.append(moved(self._of(part, place, each), first) if each and english else Inspection())
        return found

    def _of(self, text: str, place: tuple[int, int], told: tuple[float, ...]) -> Inspection:
        start, end = place
        by_type = dict(zip(self._classifier.heads, told, strict=True))
        scores = {self.name: round(by_type["NEGATIVE"], 4)}
        type_, score = max(by_type.items(), key=lambda item: item[1])
        if score < LIKELY:
            return Inspection(scores=scores)
        sentence = text[start:end]
        (evidence,) = self._classifier.explain(text, place, [self._classifier.heads.index(type_)])
        begin, stop = start + len(sentence) - len(sentence.lstrip()), start + len(sentence.rstrip())
        why = f"its words are those of {_WHY[type_]} feeling"
        found = Finding(self.name, type_, begin, stop, round(score, 4), why, evidence=evidence)
        return Inspection((found,), scores)
