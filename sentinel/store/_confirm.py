"""Whether a batch's rows are there, for a batch that may have been sent before.

A MergeTree table without replicas writes a block's token down before the block itself (ClickHouse's
MergeTreeSink). An engine that is killed between the two knows the token and not the rows, and drops the
repeated insert as a duplicate: the rows would be lost. So after a repeat the rows are looked for, by key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sentinel.store.rows import Table

Ask = Callable[[str, Mapping[str, Any]], list[dict[str, Any]]]

# Ids travel in the URL, which servers bound.
_IDS_PER_QUERY = 500


class Key(NamedTuple):
    """What tells a table's rows apart: time column, id column and, within an id, a further column."""

    time: str
    id: str
    within: str


KEYS = {
    "otel_traces": Key("Timestamp", "TraceId", "SpanId"),
    "sentinel_exchanges": Key("started_at", "exchange_id", "exchange_id"),
    "sentinel_decisions": Key("started_at", "exchange_id", "decision_id"),
    "sentinel_findings": Key("started_at", "exchange_id", "index"),
}
_PRESENT = """
SELECT DISTINCT `{id}` AS id, `{within}` AS within FROM {table}
WHERE `{time}` >= fromUnixTimestamp64Nano({{first:Int64}}) AND `{time}` <=
fromUnixTimestamp64Nano({{final:Int64}})
  AND `{id}` IN {{ids:Array(String)}}
"""
# The look-up table behind otel_traces has a token of its own, and the same gap.
MEND_TRACE_IDS = """
INSERT INTO otel_traces_trace_id_ts
SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({first:Int64}) AND Timestamp <=
fromUnixTimestamp64Nano({final:Int64})
  AND TraceId != '' AND TraceId NOT IN (SELECT TraceId FROM otel_traces_trace_id_ts
    WHERE Start >= toDateTime(fromUnixTimestamp64Nano({first:Int64})) - 3600)
GROUP BY TraceId
"""


def absent(ask: Ask, name: str, table: Table) -> Table:
    """The rows of `table` that the store lacks. A table without a known key is taken to be there."""
    key = KEYS.get(name)
    if key is None:
        return Table(table.columns, [])
    ids, within = (_column(table, column) for column in (key.id, key.within))
    sql = _PRESENT.format(table=name, **key._asdict())
    span = times(name, table)
    present = {(row["id"], row["within"]) for part in _parts(ids) for row in ask(sql, {**span, "ids": part})}
    lacking = [i for i, pair in enumerate(zip(ids, within, strict=True)) if pair not in present]
    return Table(table.columns, [[values[i] for i in lacking] for values in table.data])


def times(name: str, table: Table) -> dict[str, int]:
    """Earliest and latest time of a table's rows, nanoseconds since the Unix epoch."""
    column = _column(table, KEYS[name].time)
    return {"first": min(column), "final": max(column)}


def _column(table: Table, name: str) -> Sequence[Any]:
    return table.data[list(table.columns).index(name)]


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    distinct = sorted(set(ids))
    for start in range(0, len(distinct), _IDS_PER_QUERY):
        yield distinct[start : start + _IDS_PER_QUERY]
