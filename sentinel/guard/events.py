"""What the driver tells a session."""

from __future__ import annotations

import msgspec

from sentinel.core.exchange import Stage, TextPart
from sentinel.core.finding import Inspection
from sentinel.core.record import Screened


class RequestRead(msgspec.Struct, frozen=True):
    """The request was decoded into these texts; `partly` when it also held bytes that are no text. `schema`
    is the JSON Schema that the answer is to follow."""

    parts: list[TextPart]
    partly: bool = False
    schema: str = ""


class ResponseRead(msgspec.Struct, frozen=True):
    """The model's response was decoded into these texts; `partly` as above."""

    parts: list[TextPart]
    partly: bool = False


class Inspected(msgspec.Struct, frozen=True):
    """The detectors answered: `inspections[i]` is about text i of the last Inspect command."""

    inspections: list[Inspection]
    elapsed_us: int


class Unreadable(msgspec.Struct, frozen=True):
    """A stage that no adapter can read. `why` is a sentence without text of the exchange."""

    stage: Stage
    screened: Screened
    why: str


Event = RequestRead | ResponseRead | Inspected | Unreadable
