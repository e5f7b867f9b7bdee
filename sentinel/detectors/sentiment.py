"""`sentiment`: whether a sentence is said with ill or good feeling, by VADER (MIT), an optional dependency.

VADER weighs English words by a lexicon and a few rules (C. Hutto and E. Gilbert, ICWSM 2014). Its compound
score lies in [-1, 1]; the score of a finding is its size, which is no probability.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection

BUILD = "1"  # raised whenever the same text may give other findings
_FLOOR = 0.1


class SentimentConfig(BaseModel):
    """Nothing to set yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SentimentDetector:
    name = "sentiment"
    types = frozenset({"NEGATIVE", "POSITIVE"})
    scope: Literal["sentence"] = "sentence"
    compares = False
    version = BUILD

    def __init__(self, config: SentimentConfig, cache_dir: Path) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError:
            message = (
                "the detector `sentiment` needs vaderSentiment: pip install 'sentinel-sidecar[sentiment]'"
            )
            raise ConfigError(message, key="detectors.sentiment") from None
        self._weigh = SentimentIntensityAnalyzer().polarity_scores

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        sentence = text[start:]
        compound = float(self._weigh(sentence)["compound"])
        scores = {self.name: round(max(0.0, -compound), 4)}
        if abs(compound) < _FLOOR:
            return Inspection(scores=scores)
        begin = start + len(sentence) - len(sentence.lstrip())
        type_ = "NEGATIVE" if compound < 0 else "POSITIVE"
        end = start + len(sentence.rstrip())
        finding = Finding(
            self.name, type_, begin, end, round(abs(compound), 4), "by a lexicon of English words"
        )
        return Inspection((finding,), scores)
