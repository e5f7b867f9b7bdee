from __future__ import annotations

import pytest

from sentinel.core.record import Outcome, Phase, Record, decode, encode
from sentinel.telemetry.collect import Item
from sentinel.telemetry.ledger import Opened
from sentinel.telemetry.prepare import Content, interrupted, prepare, tables
from sentinel.telemetry.spans import SpanBuilder
from tests.telemetry.records import SECOND_NS, START_NS, edit, opening, record

BUILDER = SpanBuilder("sentinel", "1.38")
SEGMENT = "w0-a-00000000.seg"


def sort(*written: Record | bytes, seen: frozenset[str] = frozenset()) -> Content:
    items = [
        Item(SEGMENT, place, place + 1, one if isinstance(one, bytes) else encode(one))
        for place, one in enumerate(written)
    ]
    return prepare(items, lambda names: set(names) & seen, BUILDER)


ONE, TWO = f"{1:032x}", f"{2:032x}"


@pytest.mark.parametrize(
    ("written", "seen", "rows", "opened", "closed"),
    [
        ([record(ONE), record(TWO)], frozenset(), [ONE, TWO], [], [ONE, TWO]),
        ([opening(ONE)], frozenset(), [], [ONE], []),
        ([opening(ONE), record(ONE)], frozenset(), [ONE], [ONE], [ONE]),
        ([record(ONE), record(ONE)], frozenset(), [ONE], [], [ONE, ONE]),
        ([record(ONE)], frozenset({ONE}), [], [], [ONE]),
        ([opening(ONE)], frozenset({ONE}), [], [], []),
    ],
)
def test_records_are_sorted(
    written: list[Record], seen: frozenset[str], rows: list[str], opened: list[str], closed: list[str]
) -> None:
    content = sort(*written, seen=seen)
    assert [one.exchange_id for one in content.records] == rows
    assert [one.exchange_id for one in content.effects.opened] == opened
    assert content.effects.closed == closed
    assert content.effects.seen == rows
    assert content.effects.counts["exported"] == len(rows)
    assert len(content.spans) == 2 * len(rows)


@pytest.mark.parametrize(
    ("written", "seen", "amended"),
    [
        ([edit(ONE)], frozenset(), {ONE: 1}),
        ([opening(ONE), edit(ONE), edit(TWO), edit(ONE)], frozenset(), {ONE: 2, TWO: 1}),
        ([opening(ONE), edit(ONE), record(ONE)], frozenset(), {}),  # the final record says it too
        ([record(ONE), edit(ONE)], frozenset(), {}),
        ([edit(ONE)], frozenset({ONE}), {}),
    ],
)
def test_edits_are_for_open_exchanges(
    written: list[Record], seen: frozenset[str], amended: dict[str, int]
) -> None:
    content = sort(*written, seen=seen)
    found = {name: decode(payload).finding_count for name, payload in content.effects.amends.items()}
    assert found == amended
    assert all(one.phase is Phase.FINAL for one in content.records)
    assert ONE not in content.effects.closed or record(ONE) in written


@pytest.mark.parametrize("broken", [b"\xff", b"", b"\x80", record(TWO, server_span="none")])
def test_what_cannot_be_used_is_told_and_the_rest_goes_on(broken: bytes | Record) -> None:
    content = sort(record(ONE), broken)
    assert [one.exchange_id for one in content.records] == [ONE]
    assert [item.start for item, _ in content.broken] == [1]
    assert content.effects.counts["quarantined"] == 1


def test_exchanges_are_stored_last() -> None:
    assert list(tables(sort(record(ONE)))) == [
        "otel_traces",
        "sentinel_findings",
        "sentinel_decisions",
        "sentinel_exchanges",
    ]
    assert tables(sort(opening(ONE))) == {}


def test_the_oldest_record_is_told() -> None:
    older = record(TWO, ended_ns=START_NS + 5)
    assert sort(record(ONE), older).oldest_ns == START_NS + 5
    assert sort(opening(ONE)).oldest_ns == START_NS
    assert sort().oldest_ns == 0
    assert sort(edit(ONE)).oldest_ns == 0
    assert sort(edit(ONE), record(TWO, ended_ns=START_NS + 7)).oldest_ns == START_NS + 7


@pytest.mark.parametrize(("died", "ended"), [(START_NS + SECOND_NS, START_NS + SECOND_NS), (0, START_NS)])
def test_an_interrupted_exchange_keeps_what_was_known(died: int, ended: int) -> None:
    member = interrupted(Opened(ONE, "w0-a", encode(opening(ONE, released_chars=7))), died)
    assert (member.segment, member.records) == ("w0-a", 1)
    assert member.payload is not None
    final = decode(member.payload)
    assert (final.phase, final.outcome, final.ended_ns) == (Phase.FINAL, Outcome.INTERRUPTED, ended)
    assert (final.exchange_id, final.released_chars, final.streaming) == (ONE, 7, True)
    assert (final.grpc_code, final.error_type) == ("UNAVAILABLE", "interrupted")
