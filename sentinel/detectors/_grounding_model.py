"""The shipped model that weighs what a sentence shows: a logistic regression over counts of its words' signs
and its traits, and another one that joins the sentences of an answer.

`weights/groundedness.json` holds plain numbers, made by `python -m training.groundedness`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from importlib import resources

import msgspec

from sentinel.detectors._grounding import SIGNS, TRAITS, Reading

WEIGHTS = "groundedness.json"
FEATURES = (*(f"{sign}/count" for sign in SIGNS), *(f"{sign}/any" for sign in SIGNS), *TRAITS)
_MAX_EVIDENCE = 5


class Weights(msgspec.Struct, frozen=True):
    """A weight for each of FEATURES, in its own unit, and their offset; then those of the highest and of the
    mean sentence logit and of the logarithm of their number plus one, and that offset."""

    version: str
    weights: dict[str, float]
    offset: float
    pooling: tuple[float, float, float]
    pooling_offset: float


def features(reading: Reading) -> list[float]:
    """The values of FEATURES."""
    counts = Counter(sign for _, signs in reading.signs for sign in signs)
    return [
        *(math.log1p(counts[sign]) for sign in SIGNS),
        *(float(counts[sign] > 0) for sign in SIGNS),
        *reading.traits,
    ]


class GroundingModel:
    """Probabilities that a sentence, or an answer, is not held by its source."""

    def __init__(self, weights: Weights) -> None:
        self.version = weights.version
        self._weights = [weights.weights[name] for name in FEATURES]
        self._count = dict(zip(SIGNS, self._weights, strict=False))
        self._any = dict(zip(SIGNS, self._weights[len(SIGNS) :], strict=False))
        self._offset = weights.offset
        self._pooling = weights.pooling
        self._pooling_offset = weights.pooling_offset

    @classmethod
    def shipped(cls) -> GroundingModel:
        place = resources.files("sentinel.detectors") / "weights" / WEIGHTS
        return cls(msgspec.convert(json.loads(place.read_text(encoding="utf-8")), Weights))

    def logit(self, reading: Reading) -> float:
        pairs = zip(self._weights, features(reading), strict=True)
        return self._offset + sum(weight * value for weight, value in pairs)

    def probability(self, logits: Sequence[float]) -> float:
        """Of the text that these sentences make up; there is at least one."""
        pooled = max(logits), sum(logits) / len(logits), math.log1p(len(logits))
        pairs = zip(self._pooling, pooled, strict=True)
        return 1.0 / (1.0 + math.exp(-self._pooling_offset - sum(w * v for w, v in pairs)))

    def evidence(self, reading: Reading) -> tuple[tuple[int, int, float], ...]:
        """The words that speak most against the sentence, strongest first, with their share of its logit."""
        counts = Counter(sign for _, signs in reading.signs for sign in signs)
        share = {
            sign: (self._count[sign] * math.log1p(count) + self._any[sign]) / count
            for sign, count in counts.items()
        }
        weighed = [(sum(share[sign] for sign in signs), token) for token, signs in reading.signs]
        telling = sorted(((w, t) for w, t in weighed if w > 0), key=lambda pair: (-pair[0], pair[1].start))
        return tuple((t.start, t.end, round(w, 3)) for w, t in telling[:_MAX_EVIDENCE])
