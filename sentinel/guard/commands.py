"""What a session asks of the driver. Each event is answered by exactly one command."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sentinel.core.background import Background
from sentinel.core.decision import Decision
from sentinel.core.needs import Needs
from sentinel.core.record import FindingRow
from sentinel.guard.cascade import Question


class Inspect(msgspec.Struct, frozen=True):
    """Ask the detectors for what is needed of each text and report back with Inspected.

    `deadline_ms` is the longest that any rule waits (None: as long as it takes). `backgrounds[i]` belongs to
    text i; there are none where no detector minds.
    """

    texts: list[str]
    needs: Needs
    deadline_ms: int | None
    backgrounds: Sequence[Background] = ()


class Forward(msgspec.Struct, frozen=True):
    """Send the request to the model; `texts` replace its texts (None: the bytes as they came)."""

    texts: list[str] | None = None


class Answer(msgspec.Struct, frozen=True):
    """Send the response to the caller; `texts` replace its texts (None: the bytes as they came)."""

    texts: list[str] | None = None


class Refuse(msgspec.Struct, frozen=True):
    """Do not pass the message on; `decision` says why and at which stage."""

    decision: Decision


class Send(msgspec.Struct, frozen=True, gc=False):
    """Send this element of a streamed answer to the caller."""

    data: bytes


class Keep(msgspec.Struct, frozen=True):
    """Make these findings durable before anything that follows is sent: edits that are about to leave."""

    findings: tuple[FindingRow, ...]


class Cut(msgspec.Struct, frozen=True):
    """End the answer here: record the exchange, then send `data` and close. `decision` says why."""

    decision: Decision
    data: bytes


class Ask(msgspec.Struct, frozen=True):
    """Ask the model plane, and tell AnswerScreen.answered what it says, while the answer goes on.

    What has no answer after `deadline_ms` (None: the models' own deadline) counts as failed.
    """

    number: int
    questions: tuple[Question, ...]
    deadline_ms: int | None


StreamCommand = Send | Keep | Cut | Ask
Command = Inspect | Forward | Answer | Refuse
