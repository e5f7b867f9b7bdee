"""What a session asks of the driver. Each event is answered by exactly one command."""

from __future__ import annotations

import msgspec

from sentinel.core.decision import Decision


class Inspect(msgspec.Struct, frozen=True):
    """Ask these detectors about each text and report back with Inspected.

    `deadline_ms` is the longest that any rule waits (None: as long as it takes).
    """

    texts: list[str]
    detectors: frozenset[str]
    deadline_ms: int | None


class Forward(msgspec.Struct, frozen=True):
    """Send the request to the model; `texts` replace its texts (None: the bytes as they came)."""

    texts: list[str] | None = None


class Answer(msgspec.Struct, frozen=True):
    """Send the response to the caller; `texts` replace its texts (None: the bytes as they came)."""

    texts: list[str] | None = None


class Refuse(msgspec.Struct, frozen=True):
    """Do not pass the message on; `decision` says why and at which stage."""

    decision: Decision


Command = Inspect | Forward | Answer | Refuse
