"""Encoded records sorted into what the store gets, what the ledger remembers, and what cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from opentelemetry.sdk.trace import ReadableSpan

from sentinel.core.record import Outcome, Phase, Record, decode, encode
from sentinel.store.base import Table
from sentinel.store.rows import record_tables
from sentinel.telemetry.collect import Item
from sentinel.telemetry.edits import joined
from sentinel.telemetry.ledger import Effects, Member, Opened
from sentinel.telemetry.rows import TRACES, Row, span_rows, traces_table
from sentinel.telemetry.spans import SpanBuilder


class Content(msgspec.Struct, frozen=True):
    """A batch, read. `broken` pairs an item with the reason why it can never be a row."""

    records: list[Record]
    spans: list[Row]
    effects: Effects
    broken: list[tuple[Item, str]]
    oldest_ns: int
    """When the oldest of the records was written, edits aside, nanoseconds since the epoch; 0 without."""


def prepare(
    items: Sequence[Item], seen: Callable[[Iterable[str]], set[str]], builder: SpanBuilder
) -> Content:
    """Sort the items of a batch. `seen` tells which exchanges were exported before: these get no new row."""
    broken: list[tuple[Item, str]] = []
    decoded: list[tuple[Item, Record]] = []
    for item in items:
        try:
            decoded.append((item, decode(item.payload)))
        except msgspec.DecodeError:
            broken.append((item, "it is not an encoded record"))
    known = seen({record.exchange_id for _, record in decoded})
    records: list[Record] = []
    spans: list[ReadableSpan] = []
    opened: list[Opened] = []
    closed: list[str] = []
    edits: dict[str, Record] = {}
    duplicates = 0
    for item, record in decoded:
        name = record.exchange_id
        if record.phase is Phase.OPEN:
            if name not in known:
                opened.append(Opened(name, item.writer, item.payload))
            continue
        if record.phase is Phase.EDIT:
            if name not in known:  # its final record says more
                edits[name] = joined(edits[name], record) if name in edits else record
            continue
        closed.append(name)
        if name in known:
            duplicates += 1
            continue
        try:
            built = builder.build(record)
        except (ValueError, TypeError, OverflowError):
            broken.append((item, "no spans can be built from it"))
            continue
        known.add(name)
        records.append(record)
        spans += built
    counts = {"exported": len(records), "duplicates": duplicates, "quarantined": len(broken)}
    amends = {name: encode(edit) for name, edit in edits.items() if name not in known}
    effects = Effects(opened, closed, [record.exchange_id for record in records], counts, amends)
    # An edit is not told when it was written, and what follows it in the spool is.
    written = [
        record.ended_ns or record.started_ns for _, record in decoded if record.phase is not Phase.EDIT
    ]
    return Content(records, span_rows(spans), effects, broken, min(written, default=0))


def tables(content: Content) -> dict[str, Table]:
    """What the store gets, exchanges last: who sees an exchange's row finds everything that belongs to it."""
    if not content.records:
        return {}
    ours = record_tables(content.records)
    return {TRACES: traces_table(content.spans), **dict(reversed(ours.items()))}


def interrupted(opened: Opened, ended_ns: int) -> Member:
    """The final record of an exchange whose worker died, as a member of a batch."""
    record = decode(opened.payload)
    final = msgspec.structs.replace(
        record,
        phase=Phase.FINAL,
        outcome=Outcome.INTERRUPTED,
        ended_ns=max(record.started_ns, ended_ns),
        grpc_code="UNAVAILABLE",  # what a gRPC client makes of a lost connection
        error_type=Outcome.INTERRUPTED.value,
    )
    return Member(opened.writer, 0, 0, 1, encode(final))
