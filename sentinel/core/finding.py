"""What detectors report. A detector finds and never acts."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, gc=False):
    """Something found in one text.

    `start` and `end` are offsets in characters of the decoded text, end exclusive. `score` lies in [0, 1].
    `why` explains the finding in words (pattern, validator, context word) and never quotes the text.
    `part` is the index of the text among the message's parts. `evidence` are the stretches (start, end,
    weight) that contributed most to the score of a detector that weighs many, strongest first.
    """

    detector: str
    type: str
    start: int
    end: int
    score: float
    why: str = ""
    part: int = 0
    evidence: tuple[tuple[int, int, float], ...] = ()


class Inspection(msgspec.Struct, frozen=True):
    """The answer of all asked detectors about one text.

    `scores` holds one calibrated probability of the bad thing per scoring detector. `failed` names each
    detector that broke, came late or read only a part, with one sentence that holds nothing of the text;
    `unsought` names the finding types that were not looked for then, of detectors that looked for others.
    `unsure` names detectors whose answer is not certain: a larger model of the same name may be asked.
    """

    findings: tuple[Finding, ...] = ()
    scores: dict[str, float] = {}
    failed: dict[str, str] = {}
    unsure: tuple[str, ...] = ()
    unsought: dict[str, frozenset[str]] = {}
