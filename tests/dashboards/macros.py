"""The macros of grafana-clickhouse-datasource, expanded as its pkg/macros and its front end do."""

from __future__ import annotations

import re


def expand(
    sql: str, start_s: int, end_s: int, interval_s: int, variables: dict[str, list[str] | None] | None = None
) -> str:
    """A statement as Grafana sends it. `variables` maps a dashboard's variables to what is chosen; None
    is All."""
    sql = _conditional_all(sql, variables or {})
    for name, chosen in (variables or {}).items():
        quoted = ", ".join(f"'{value}'" for value in chosen or [])
        sql = sql.replace(f"${{{name}:singlequote}}", quoted)
    start, end = f"toDateTime({start_s})", f"toDateTime({end_s})"
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 >= {start} AND \1 <= {end}", sql)
    sql = re.sub(
        r"\$__timeInterval\((\w+)\)",
        rf"toStartOfInterval(toDateTime(\1), INTERVAL {interval_s} second)",
        sql,
    )
    sql = sql.replace("$__fromTime", start).replace("$__toTime", end)
    sql = sql.replace("$__interval_s", str(interval_s))
    left = re.findall(r"\$\w+|\$\{[^}]*\}", sql)
    assert not left, f"no macro or variable: {left}"
    return sql


def _conditional_all(sql: str, variables: dict[str, list[str] | None]) -> str:
    """`$__conditionalAll(condition, $variable)` is `1=1` when everything is chosen, else the condition."""
    while (at := sql.find("$__conditionalAll(")) >= 0:
        depth, end = 1, at + len("$__conditionalAll(")
        start = end
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        condition, _, variable = sql[start : end - 1].rpartition(",")
        chosen = variables[variable.strip().lstrip("$")]
        sql = sql[:at] + ("1=1" if chosen is None else condition) + sql[end:]
    return sql
