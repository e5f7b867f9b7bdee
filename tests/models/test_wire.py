from __future__ import annotations

import msgspec
import pytest

from sentinel.core.background import Background
from sentinel.core.exchange import Role, Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.models import wire
from sentinel.models.base import Passage

AROUND = Background(Stage.OUTPUT, Role.ANSWER, "q", ("a document" * 1000,), "system", ("other",), "{}")


def test_passages_travel() -> None:
    passages = [Passage("one", 1, AROUND), Passage("two"), Passage("three", 0, AROUND)]
    data = wire.encode(wire.request(passages, ["a", "b"], 50))
    request = wire.decode_request(data)
    assert wire.passages(request) == passages
    assert (request.detectors, request.deadline_ms) == (("a", "b"), 50)


def test_the_same_surroundings_travel_once() -> None:
    one = wire.encode(wire.request([Passage("x", 0, AROUND)], ["a"], None))
    many = wire.encode(wire.request([Passage("x", 0, AROUND)] * 50, ["a"], None))
    assert len(many) < 2 * len(one)


def test_answers_travel() -> None:
    finding = Finding("a", "T", 1, 2, 0.5, "why", 0, ((1, 2, 0.25),))
    told = Inspection((finding,), {"a": 0.5}, {"b": "late"}, ("a",))
    response = wire.InspectResponse((told, Inspection()), {"a": "1"})
    assert wire.decode_response(wire.encode(response)) == response


def test_a_newer_side_may_say_more() -> None:
    data = msgspec.msgpack.encode({"inspections": [{"findings": [], "novel": 1}], "more": 2})
    assert wire.decode_response(data) == wire.InspectResponse((Inspection(),))


@pytest.mark.parametrize(
    "piece", [wire.Piece("x", 0, 1), wire.Piece("x", 0, -1), wire.Piece("x", 2, 0), wire.Piece("x", -1, 0)]
)
def test_pieces_that_do_not_fit(piece: wire.Piece) -> None:
    with pytest.raises(ValueError, match="piece"):
        wire.passages(wire.InspectRequest(("a",), (piece,), (AROUND,)))
