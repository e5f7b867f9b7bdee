"""The messages between sidecars and the model plane: msgpack, over gRPC.

Structs travel as maps, so that a newer side may add fields that an older one does not know. The same
surroundings of many passages travel once.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sentinel.core.background import Background
from sentinel.core.finding import Inspection
from sentinel.models.base import Passage

SERVICE = "sentinel.v1.Models"
INSPECT = f"/{SERVICE}/Inspect"
HEALTH = f"/{SERVICE}/Health"

MAX_MESSAGE = 64 * 1024 * 1024  # bytes
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
]


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A passage; `around` is the index of its background in the request."""

    text: str
    start: int = 0
    around: int = 0


class InspectRequest(msgspec.Struct, frozen=True):
    """What some detectors have to say of some passages. After `deadline_ms` (None: the models' own) what has
    no answer counts as failed."""

    detectors: tuple[str, ...]
    pieces: tuple[Piece, ...]
    backgrounds: tuple[Background, ...] = ()
    deadline_ms: int | None = None


class InspectResponse(msgspec.Struct, frozen=True):
    """One answer a passage, in order. `versions`: of the models that answer for each detector."""

    inspections: tuple[Inspection, ...]
    versions: dict[str, str] = {}


class ModelHealth(msgspec.Struct, frozen=True):
    """One model. `state`: waiting (for its turn to load), loading, ready, idle (unloaded until asked),
    broken; `why` says why it is broken. `waiting`: passages in its queue."""

    name: str
    kind: str
    state: str
    why: str = ""
    detectors: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    version: str = ""
    device: str = ""
    waiting: int = 0


class HealthResponse(msgspec.Struct, frozen=True):
    """All models, in the order of the configuration."""

    models: tuple[ModelHealth, ...]
    pid: int = 0


_encoder = msgspec.msgpack.Encoder()
encode = _encoder.encode
decode_request = msgspec.msgpack.Decoder(InspectRequest).decode
decode_response = msgspec.msgpack.Decoder(InspectResponse).decode
decode_health = msgspec.msgpack.Decoder(HealthResponse).decode


def request(passages: Sequence[Passage], detectors: Sequence[str], deadline_ms: int | None) -> InspectRequest:
    """A request in which each background stands once."""
    places: dict[int, int] = {}
    backgrounds: list[Background] = []
    pieces = []
    for passage in passages:
        known = id(passage.background)
        if known not in places:
            places[known] = len(backgrounds)
            backgrounds.append(passage.background)
        pieces.append(Piece(passage.text, passage.start, places[known]))
    return InspectRequest(tuple(detectors), tuple(pieces), tuple(backgrounds), deadline_ms)


def passages(request: InspectRequest) -> list[Passage]:
    """Raises ValueError on a deadline that is none, and on a piece that does not fit the request."""
    if request.deadline_ms is not None and request.deadline_ms < 1:
        raise ValueError("the deadline is before the request")
    count = len(request.backgrounds)
    for piece in request.pieces:
        if not 0 <= piece.around < count or not 0 <= piece.start <= len(piece.text):
            raise ValueError("a piece names no background of the request, or starts outside its text")
    return [Passage(piece.text, piece.start, request.backgrounds[piece.around]) for piece in request.pieces]
