"""What detectors report. A detector finds and never acts."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, gc=False):
    """Something found in one text.

    `start` and `end` are offsets in characters of the decoded text, end exclusive. `score` lies in [0, 1].
    `why` explains the finding in words (pattern, validator, context word) and never quotes the text.
    `part` is the index of the text among the message's parts.
    """

    detector: str
    type: str
    start: int
    end: int
    score: float
    why: str = ""
    part: int = 0


class Inspection(msgspec.Struct, frozen=True):
    """The answer of all asked detectors about one text.

    `scores` holds one calibrated probability of the bad thing per scoring detector. `failed` names each
    detector that broke or came late, with one sentence that holds no part of the text.
    """

    findings: tuple[Finding, ...] = ()
    scores: dict[str, float] = {}
    failed: dict[str, str] = {}
