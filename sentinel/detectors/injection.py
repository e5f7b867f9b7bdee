"""`injection`: texts that try to take over the model, said by a caller (direct) or hidden in a document
(indirect).

A prompt is read in overlapping windows by heuristics and a small model over them; a context document or tool
result segment by segment by a model of its own, for a document that gives orders to its reader is suspicious
where a prompt is not. A system prompt is its operator's, and an answer is no attack: there only invisible
text counts. Findings' types: see `TYPES`; the score is a probability (see docs/models/injection.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from sentinel.core.background import Background
from sentinel.core.exchange import Role
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors import _injection_indirect as indirect
from sentinel.detectors import _injection_model as model
from sentinel.detectors._injection_features import Reading
from sentinel.detectors._injection_forms import Mark, hidden
from sentinel.detectors._injection_reading import focused, marks_of, read
from sentinel.detectors._unsure import From, To, UnsureBand

BUILD = "4"  # raised whenever the same text may give other findings
TYPES = frozenset(
    {*model.TYPES, "FORGED_TEMPLATE", "ENCODED_PAYLOAD", "INVISIBLE_TEXT", "MANY_SHOT", "INDIRECT"}
)
WINDOW = 1600
OVERLAP = 200
FLOOR = 0.1  # findings below are noise
_MOST = 20  # findings of one text, the surest
_LIFT = 0.4  # how much the words around a mark may add to its score
_CERTAIN = 0.5
_READ = (Role.PROMPT, Role.CONTEXT)  # of others only invisible text counts, wherever it stands


class InjectionConfig(UnsureBand):
    """How much of a text is read, and which scores are uncertain."""

    unsure_from: From = 0.1
    unsure_to: To = 0.8
    max_chars: int = Field(
        default=200_000,
        ge=2_000,
        description="Characters of a text that are read; of a longer one half as many at either end, and it "
        "counts as unsure, and as failed where no larger model reads all of it.",
    )


class InjectionDetector:
    """See the module. Pure and thread-safe; the weights are read at construction."""

    name = "injection"
    types = TYPES
    by_form = frozenset({"FORGED_TEMPLATE", "ENCODED_PAYLOAD", "INVISIBLE_TEXT"})

    def __init__(self, config: InjectionConfig, cache_dir: Path, direct: model.Weights | None = None) -> None:
        self._config = config
        self._direct = direct or model.load("direct")
        self._indirect = model.load("indirect")
        self.version = f"{self._direct.version}+{BUILD}"

    @staticmethod
    def reads(background: Background) -> Background:
        """A document is held against the question."""
        question = background.question if background.role is Role.CONTEXT else ""
        return Background(background.stage, background.role, question)

    def inspect(self, text: str, background: Background) -> Inspection:
        cut = background.role in _READ and len(text) > self._config.max_chars
        if background.role is Role.CONTEXT:
            found = self._of_document(text, background)
        elif background.role is Role.PROMPT:
            found = self._of_prompt(text)
        else:
            found = [_finding(mark, mark.score) for mark, _ in hidden(text)]
        telling = _strongest(finding for finding in found if finding.score >= FLOOR)
        score = max((finding.score for finding in found), default=0.0)
        return self._config.inspection(self.name, telling, score, cut=cut)

    def _of_prompt(self, text: str) -> list[Finding]:
        found: list[Finding] = []
        for start, reading in readings_of(text, self._config.max_chars):
            verdict = model.judge(reading, self._direct, FLOOR)
            found += (_moved(each, start) for each in _told(reading, verdict))
        return found

    def _of_document(self, text: str, background: Background) -> list[Finding]:
        asked = indirect.content_words(background.question)
        found: list[Finding] = []
        for origin, part in _parts(text, self._config.max_chars):
            for start, end, score, why in model.judge_segments(part, asked, self._indirect):
                found.append(Finding(self.name, "INDIRECT", origin + start, origin + end, score, why))
        for start, window in _windows(text, self._config.max_chars):
            found += (_moved(_finding(mark, mark.score), start) for mark in marks_of(window))
        return found


def readings_of(text: str, most: int) -> Iterator[tuple[int, Reading]]:
    """What is judged of a text, each with its window's place: every window, in long ones the sentences that
    the grammar points at, and what is said in disguise."""
    for start, window in _windows(text, most):
        reading = read(window)
        yield start, reading
        for part in (*focused(reading), *reading.within):
            yield start, part


def _told(reading: Reading, verdict: model.Verdict) -> Iterator[Finding]:
    """The findings of one window: its marks, and what the model says of its words."""
    score = verdict.score
    if reading.how:
        start, end = _extent(reading)
        yield Finding("injection", "ENCODED_PAYLOAD", start, end, score, f"orders written {reading.how}")
        return
    only_form = not reading.hits and any(mark.score >= _CERTAIN for mark in reading.marks)
    for mark in reading.marks:
        yield _finding(mark, max(mark.score, score if only_form else min(score, mark.score + _LIFT)))
    if only_form:
        return
    if score < FLOOR:
        yield Finding("injection", verdict.type, 0, 0, score)
        return
    type_ = _type(reading) or verdict.type
    places = [(hit.start, hit.end) for hit in reading.hits if hit.pattern.type == type_]
    places = places or [(start, end) for start, end, _ in verdict.evidence] or [_extent(reading)]
    reasons = dict.fromkeys(hit.pattern.why for hit in reading.hits if hit.pattern.type == type_)
    why = ", ".join(list(reasons)[:3]) or "its words are those of such attacks"
    start, end = min(start for start, _ in places), max(end for _, end in places)
    yield Finding("injection", type_, start, end, score, why, 0, verdict.evidence)


def _extent(reading: Reading) -> tuple[int, int]:
    places = reading.shape.places
    return (places[0][0], places[-1][1]) if places else (0, 0)


def _type(reading: Reading) -> str:
    """The kind of attack that the grammar saw most of."""
    seen: dict[str, float] = {}
    for pattern in {hit.pattern.name: hit.pattern for hit in reading.hits}.values():
        seen[pattern.type] = seen.get(pattern.type, 0.0) + pattern.weight
    return max(sorted(seen), key=seen.__getitem__, default="")


def _finding(mark: Mark, score: float) -> Finding:
    return Finding("injection", mark.type, mark.start, mark.end, score, mark.why)


def _parts(text: str, most: int) -> Iterator[tuple[int, str]]:
    """The text, or its first and last half of what may be read, each with its place."""
    if len(text) <= most:
        yield 0, text
    else:
        yield 0, text[: most // 2]
        yield len(text) - most // 2, text[-(most // 2) :]


def _windows(text: str, most: int) -> Iterator[tuple[int, str]]:
    """Overlapping windows with their places, all characters of `_parts` covered."""
    for origin, part in _parts(text, most):
        start = 0
        while True:
            yield origin + start, part[start : start + WINDOW]
            if start + WINDOW >= len(part):
                break
            start += WINDOW - OVERLAP


def _moved(f: Finding, by: int) -> Finding:
    evidence = tuple((start + by, end + by, weight) for start, end, weight in f.evidence)
    return Finding(f.detector, f.type, f.start + by, f.end + by, f.score, f.why, f.part, evidence)


def _strongest(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The surest findings by place; of those of one type that overlap, the surest."""
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda f: (-f.score, f.start)):
        if len(kept) == _MOST:
            break
        if not any(k.type == finding.type and k.start < finding.end and finding.start < k.end for k in kept):
            kept.append(finding)
    return tuple(sorted(kept, key=lambda f: (f.start, f.end, f.type)))
