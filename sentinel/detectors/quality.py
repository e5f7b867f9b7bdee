"""`quality`: what is wrong with an answer whatever it is about: it declines, it is not the JSON that was
asked for, it runs in a circle, it gives the system prompt away. Each is told by form; of an answer whose form
does not decline, a small classifier tells whether its words do (docs/models/refusals.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.background import Background
from sentinel.core.exchange import Role
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._json_schema import TooMuch, mismatch
from sentinel.detectors._refusals import READ, refusals
from sentinel.detectors._repetition import circles, count_words, shared

BUILD = "4"  # raised whenever the same text may give other findings
_FENCE = re.compile(r"```[ \t]*(?:json)?[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL | re.IGNORECASE)
_BROKEN = 1.0
_LIKELY = 0.8  # what less probably declines by its words is not told
_COUNTED = 0.6
_DEEP = "JSON that is nested too deeply to be read"


class QualityConfig(BaseModel):
    """When an answer counts as giving away the system prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    leak_words: int = Field(
        default=10,
        ge=5,
        description="Words in a row that an answer shares with the system prompt (and not with the question "
        "or the documents) before it counts as a leak.",
    )


class QualityDetector:
    name = "quality"
    types = frozenset({"REFUSAL", "BROKEN_JSON", "REPETITION", "PROMPT_LEAK"})
    compares = True

    def __init__(self, config: QualityConfig, cache_dir: Path) -> None:
        from sentinel.detectors._classifier import Classifier  # with numpy, only where it is asked for

        self._leak_words = config.leak_words
        self._declining = Classifier.shipped("refusals")
        self.version = f"{self._declining.version}+{config.leak_words}+{BUILD}"

    def inspect(self, text: str, background: Background) -> Inspection:
        if background.role in (Role.CONTEXT, Role.SYSTEM):
            return Inspection()
        found = [*self._refusal(text), *self._repetition(text), *self._leak(text, background)]
        if background.schema:
            found += self._broken_json(text, background.schema)
        found.sort(key=lambda finding: (finding.start, finding.end, finding.type))
        return Inspection(tuple(found), {self.name: max((f.score for f in found), default=0.0)})

    def _refusal(self, text: str) -> Iterator[Finding]:
        formed = next(refusals(text), None)
        if formed is not None:
            yield Finding(self.name, "REFUSAL", formed.start, formed.end, formed.score, formed.why)
            return
        head = text[:READ]
        (told,) = self._declining.judge(head, [(0, len(head))])
        if told is not None and told[0] >= _LIKELY:
            (evidence,) = self._declining.explain(head, (0, len(head)), [0])
            why = "its words are those of answers that decline"
            start, end = len(head) - len(head.lstrip()), len(head.rstrip())
            yield Finding(self.name, "REFUSAL", start, end, round(told[0], 4), why, evidence=evidence)

    def _repetition(self, text: str) -> Iterator[Finding]:
        """The more of the answer goes round, the surer: a refrain is no loop. With other numbers each time it
        may be a list."""
        for each in circles(text):
            score = round(min(1.0, 0.5 + (each.end - each.start) / (2 * len(text))), 2)
            why = f"the same words {each.times} times in a row"
            if each.counted:
                score, why = min(score, _COUNTED), f"{why}, with other numbers"
            yield Finding(self.name, "REPETITION", each.start, each.end, score, why)

    def _leak(self, text: str, background: Background) -> Iterator[Finding]:
        """The longer, against the least length and against the whole system prompt, the surer."""
        if not background.system:
            return
        known = (background.question, *background.context)
        whole = max(1, count_words(background.system))
        for each in shared(text, background.system, known, self._leak_words):
            score = max(min(1.0, each.words / (4 * self._leak_words)), min(1.0, 0.5 + each.words / whole / 2))
            why = f"{each.words} words in a row of the system prompt"
            yield Finding(self.name, "PROMPT_LEAK", each.start, each.end, round(score, 2), why)

    def _broken_json(self, text: str, schema: str) -> Iterator[Finding]:
        try:
            wanted: Any = json.loads(schema)
        except (ValueError, RecursionError):
            return  # the request's own mistake
        start, end = _body(text)
        try:
            value = json.loads(text[start:end])
        except json.JSONDecodeError as error:
            at = min(start + error.pos, max(end - 1, start))
            yield self._broken(start, end, f"no JSON from character {at} on")
        except (ValueError, RecursionError):
            yield self._broken(start, end, _DEEP)
        else:
            try:
                problem = mismatch(value, wanted)
            except (TooMuch, RecursionError):
                return
            if problem:
                yield self._broken(start, end, f"against the schema: {problem}")

    def _broken(self, start: int, end: int, why: str) -> Finding:
        return Finding(self.name, "BROKEN_JSON", start, end, _BROKEN, why)


def _body(text: str) -> tuple[int, int]:
    """Where the JSON of an answer stands: all of it, or what a lone fence holds."""
    start = len(text) - len(text.lstrip())
    end = max(start, len(text.rstrip()))
    fence = _FENCE.fullmatch(text, start, end)
    return fence.span(1) if fence else (start, end)
