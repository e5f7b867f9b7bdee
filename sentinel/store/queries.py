"""The SQL that commands ask. `ask` runs a statement with parameters and gives rows as dicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

import msgspec

Row = dict[str, Any]
Ask = Callable[[str, Mapping[str, Any]], list[Row]]


class Where(msgspec.Struct, frozen=True):
    """What narrows a list of exchanges; nothing set means all.

    Times are nanoseconds since the Unix epoch: started at `since_ns` or later, started later than `after_ns`.
    `actions` are labels (`block`).
    """

    since_ns: int = 0
    after_ns: int = 0
    actions: tuple[str, ...] = ()
    route: str = ""
    exchange_id: str = ""


# A ReplacingMergeTree drops the older of two rows with one key only when it merges, hence LIMIT 1 BY.
_EXCHANGES = """
SELECT *, toUnixTimestamp64Nano(started_at) AS started_ns
FROM sentinel_exchanges
WHERE {conditions}
ORDER BY started_at DESC, exchange_id DESC, ended_at DESC
LIMIT 1 BY exchange_id
LIMIT {{last:UInt32}}
"""
_PARTS = """
SELECT * EXCEPT ({repeated})
FROM {table}
WHERE started_at >= fromUnixTimestamp64Nano({{first:Int64}}, 'UTC')
  AND started_at <= fromUnixTimestamp64Nano({{final:Int64}}, 'UTC')
  AND exchange_id IN {{ids:Array(String)}}
ORDER BY {order}
LIMIT 1 BY exchange_id, {order}
"""
_REPEATED = "started_at, method, route, model, tenant, policy"


def recent(ask: Ask, last: int, where: Where) -> list[Row]:
    """The latest exchanges, newest first, each with its `decisions` and `findings`."""
    conditions, values = _conditions(where)
    rows = ask(_EXCHANGES.format(conditions=conditions), {**values, "last": last})
    if not rows:
        return []
    found = {
        "first": min(row["started_ns"] for row in rows),
        "final": max(row["started_ns"] for row in rows),
        "ids": [row["exchange_id"] for row in rows],
    }
    for kind, order in (("decisions", "stage, decision_id"), ("findings", "index")):
        sql = _PARTS.format(repeated=_REPEATED, table=f"sentinel_{kind}", order=order)
        of_exchange: dict[str, list[Row]] = defaultdict(list)
        for part in ask(sql, found):
            of_exchange[part.pop("exchange_id")].append(part)
        for row in rows:
            row[kind] = of_exchange[row["exchange_id"]]
    for row in rows:
        for column in ("started_at", "ended_at"):
            row[column] = row[column].replace(tzinfo=UTC)
        for decision in row["decisions"]:
            decision["hits"] = _pivot(decision, "hits.")
    return rows


def _pivot(row: Row, prefix: str) -> list[Row]:
    """Take a Nested's columns out of a row: {hits.rule: [...], hits.why: [...]} -> [{rule, why}, ...]."""
    columns = {name.removeprefix(prefix): row.pop(name) for name in list(row) if name.startswith(prefix)}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _conditions(where: Where) -> tuple[str, dict[str, Any]]:
    terms: list[str] = []
    values: dict[str, Any] = {}
    for name, operator in (("since_ns", ">="), ("after_ns", ">")):
        if nanoseconds := getattr(where, name):
            terms.append(f"started_at {operator} fromUnixTimestamp64Nano({{{name}:Int64}}, 'UTC')")
            values[name] = nanoseconds
    if where.actions:
        terms.append("toString(action) IN {actions:Array(String)}")
        values["actions"] = list(where.actions)
    for column in ("route", "exchange_id"):
        if value := getattr(where, column):
            terms.append(f"{column} = {{{column}:String}}")
            values[column] = value
    return " AND ".join(terms) or "1", values
