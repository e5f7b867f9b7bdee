"""`toxicity`: abuse in a sentence, by the shipped classifier (docs/models/toxicity.md).

A sentence is read twice: alone, and with what stands before it in a short text, for a threat or an insult
often goes over a full stop. The higher answer counts, if what stands before it says less without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._sentence_groups import groups
from sentinel.detectors._unsure import UnsureBand

BUILD = "3"  # raised whenever the same text may give other findings
# Where docs/models/toxicity.md counts; rules/toxicity.yaml asks for those of its three types.
THRESHOLDS = {"TOXIC": 0.9, "INSULT": 0.9, "THREAT": 0.5, "IDENTITY_ATTACK": 0.8, "OBSCENE": 0.9}
TYPES = tuple(THRESHOLDS)
FLAGGED = THRESHOLDS["TOXIC"]  # at most 0.5 % of everyday texts
FLOOR = 0.1  # lesser findings are not told
_EXPLAINED = 0.5  # lesser findings are for statistics: their evidence would take as long as all the rest
_NOTHING = Inspection()
_Told = tuple[float, ...] | None
Evidence = tuple[tuple[int, int, float], ...]
_SHORT = 300  # characters of a sentence and what stands before it that are read as one
_ADDS = 0.1  # by so much a sentence raises the score of what stands before it, if it is abuse with that


class ToxicityConfig(UnsureBand):
    """When the shipped classifier's answer is not certain."""


class _Judged(msgspec.Struct, frozen=True):
    """What is said of the sentence start..end alone, `told`, and with what stands before it in a short text,
    `wide`, where the sentence adds to that; and the stretch that was `read` with it."""

    start: int
    end: int
    told: _Told
    wide: _Told
    read: tuple[int, int]


class ToxicityDetector:
    name = "toxicity"
    types = frozenset(TYPES)
    scope: Literal["sentence"] = "sentence"
    compares = False

    def __init__(self, config: ToxicityConfig, cache_dir: Path) -> None:
        from sentinel.detectors._classifier import Classifier  # with numpy, only where it is asked for

        self._classifier = Classifier.shipped(self.name)
        self._config = config
        self.version = f"{self._classifier.version}+{BUILD}"

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        return self.inspect_sentences(text, [(start, len(text))], background)[0]

    def inspect_sentences(
        self, text: str, places: Sequence[tuple[int, int]], background: Background
    ) -> list[Inspection]:
        """All sentences of a text at once: several times as fast as one by one, with the same answers."""
        return [
            _NOTHING if judged.told is None else self._of_sentence(text, judged, judged.told)
            for group in groups(text, places)
            for judged in self._judged(text, group)
        ]

    def _judged(self, text: str, group: list[tuple[int, int]]) -> Iterator[_Judged]:
        first, last = group[0][0], group[-1][1]
        wide = [(start, end) for start, end in group if start and end <= _SHORT and text[:start].strip()]
        upto = [(0, end) for end in sorted({end for place in wide for end in place})]
        origin = 0 if upto and not first else first
        places = [(start - origin, end - origin) for start, end in group]
        if upto and first:
            by_end = {end: self._classifier.judge(text[:end], [(0, end)])[0] for _, end in upto}
            told = self._classifier.judge(text[first:last], places)
        else:
            stretches = [*dict.fromkeys([*places, *upto])]  # what stands before the second is the first
            found = self._classifier.judge(text[origin:last], stretches)
            by_stretch = dict(zip(stretches, found, strict=True))
            by_end = {end: by_stretch[0, end] for _, end in upto}
            told = found[: len(group)]
        for (start, end), answer in zip(group, told, strict=True):
            together, before = by_end.get(end) if start else None, by_end.get(start)
            adds = together is not None and (before is None or together[0] >= before[0] + _ADDS)
            yield _Judged(start, end, answer, together if adds else None, (origin, last))

    def _of_sentence(self, text: str, judged: _Judged, told: tuple[float, ...]) -> Inspection:
        start, end, wide = judged.start, judged.end, judged.wide
        if max(told) < FLOOR and (wide is None or wide[0] <= FLOOR):
            return self._scored(told[0])
        origin = start
        if wide is not None and wide[0] > max(told[0], FLOOR):
            told, origin = wide, 0
        told = bounded(told)
        clear = [head for head, probability in enumerate(told) if round(probability, 4) >= _EXPLAINED]
        telling: dict[int, Evidence] = {}
        if clear:
            telling = dict(zip(clear, self._explained(text, judged, origin, clear), strict=True))
        findings = [
            self._finding(text, start, end, origin, head, round(probability, 4), telling.get(head, ()))
            for head, probability in enumerate(told)
            if probability >= FLOOR
        ]
        findings.sort(key=lambda finding: (finding.start, finding.end, finding.type))
        return self._scored(told[0], findings)

    def _explained(self, text: str, judged: _Judged, origin: int, heads: list[int]) -> Iterator[Evidence]:
        """Of each head, the words of the sentence that spoke for it where it is read from `origin` on."""
        first, last = judged.read if judged.read[0] <= origin else (0, judged.end)
        place = origin - first, judged.end - first
        for found in self._classifier.explain(text[first:last], place, heads, judged.start - first):
            yield tuple((begin + first, stop + first, weight) for begin, stop, weight in found)

    def _scored(self, probability: float, findings: Sequence[Finding] = ()) -> Inspection:
        return self._config.inspection(self.name, findings, round(probability, 4))

    def _finding(
        self, text: str, start: int, end: int, origin: int, head: int, score: float, telling: Evidence
    ) -> Finding:
        sentence = text[start:end]
        begin = start + len(sentence) - len(sentence.lstrip())
        what = TYPES[head].lower().replace("_", " ")
        wide = ", with what stands before it" if origin < start else ""
        why = f"the sentence{wide}, {what} {score:.2f}; its own threshold is {THRESHOLDS[TYPES[head]]}"
        stop = start + len(sentence.rstrip())
        return Finding(self.name, TYPES[head], begin, stop, score, why, evidence=telling)


def bounded(told: tuple[float, ...]) -> tuple[float, ...]:
    """A kind of abuse is at most as sure as that there is any; obscene words may stand without."""
    return tuple(
        probability if type_ == "OBSCENE" else min(probability, told[0])
        for type_, probability in zip(TYPES, told, strict=True)
    )
