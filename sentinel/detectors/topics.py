"""`topics`: the user's own lists of phrases and regular expressions, in the same pass as `pii` and `secrets`.

A finding's type is the topic's name. Phrases and patterns stream as those of the other pattern detectors do:
each character once, held back only while a match may still begin or grow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import regex
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding
from sentinel.core.names import FINDING_TYPE
from sentinel.detectors._candidates import NotConvertible, candidate_form
from sentinel.detectors._live import Live, LiveExpression
from sentinel.detectors._page import Asked, Page, Places
from sentinel.detectors._patterns import Expression

BUILD = "1"  # raised whenever the same text may give other findings
_SPACE = r"\s{1,4}"
_SCORE = 1.0


class TopicConfig(BaseModel):
    """What belongs to a topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phrases: list[str] = Field(
        default=[],
        description="Words and phrases, found as whole words; white space in one matches any white space.",
    )
    patterns: list[str] = Field(default=[], description="Regular expressions, searched anywhere.")
    case_sensitive: bool = Field(default=False, description="Whether capitals matter, for both.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.phrases and not self.patterns:
            raise ValueError("a topic needs `phrases` or `patterns`")
        for number, phrase in enumerate(self.phrases):
            if not phrase.strip():
                raise ValueError(f"phrases[{number}] is empty")
        for number, pattern in enumerate(self.patterns):
            if problem := _problem(pattern):
                raise ValueError(f"patterns[{number}]: {problem}")
        return self


def _problem(pattern: str) -> str:
    """Why an expression cannot be searched, whole and in streamed answers; empty where it can."""
    try:
        regex.compile(pattern)
        candidate_form(pattern, False)
        Live([LiveExpression(pattern, False, 1, False)])
    except regex.error as error:
        return f"not a regular expression: {error}"
    except NotConvertible as error:
        return f"it cannot be searched: {error}"
    return ""


class TopicsDetector:
    name = "topics"

    def __init__(self, config: dict[str, TopicConfig], cache_dir: Path, asked: Asked) -> None:
        self.expressions: list[Expression] = []
        self.reach: list[tuple[str, float]] = []
        self._told: list[tuple[str, str]] = []  # of each expression: its topic, and why
        digest = hashlib.sha256()
        for topic, settings in config.items():
            if not FINDING_TYPE.fullmatch(topic):
                raise ConfigError(
                    "a topic's name is that of its findings: capitals, digits and `_`, as in `COMPETITORS`",
                    key=f"detectors.topics.{topic}",
                )
            digest.update(f"{topic}={settings.model_dump_json()};".encode())
            if asked(topic) <= _SCORE:
                self._add(topic, settings)
        self.version = f"{BUILD}+{digest.hexdigest()[:12]}"

    def _add(self, topic: str, settings: TopicConfig) -> None:
        flags = 0 if settings.case_sensitive else int(regex.IGNORECASE)
        searched = [(_phrase(phrase), f"phrase {n}") for n, phrase in enumerate(settings.phrases, 1)]
        searched += [(pattern, f"pattern {n}") for n, pattern in enumerate(settings.patterns, 1)]
        for pattern, why in searched:
            self.expressions.append(Expression(pattern, flags))
            self.reach.append((topic, _SCORE))
            self._told.append((topic, f"{why} of topic {topic}"))

    def find(self, page: Page, first: int, hit: Sequence[int]) -> list[Finding]:
        found = [
            Finding(self.name, topic, match.start(), match.end(), _SCORE, why)
            for expression in hit
            for topic, why in [self._told[expression]]
            if page.floor(self.name, topic) <= _SCORE
            for match in page.matches(first + expression)
        ]
        return _longest(found)


def _phrase(phrase: str) -> str:
    """The phrase as whole words."""
    words = _SPACE.join(regex.escape(word) for word in phrase.split())
    before = r"(?<!\w)" if phrase.strip()[0].isalnum() else ""
    after = r"(?!\w)" if phrase.strip()[-1].isalnum() else ""
    return f"{before}{words}{after}"


def _longest(found: list[Finding]) -> list[Finding]:
    """Of a topic's findings that overlap, the longest: a phrase inside a longer one is told once."""
    kept: list[Finding] = []
    places: dict[str, Places] = {}
    for finding in sorted(found, key=lambda f: (f.start - f.end, f.start)):
        taken = places.setdefault(finding.type, Places())
        if not taken.overlap(finding.start, finding.end):
            taken.add(finding.start, finding.end)
            kept.append(finding)
    return kept
