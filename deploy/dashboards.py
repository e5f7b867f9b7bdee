"""Writes dashboards/*.json with Grafana's foundation SDK: `python deploy/dashboards.py`.

One dashboard answers one question. The SQL uses the macros of the plug-in grafana-clickhouse-datasource;
tests/dashboards runs every statement, macros expanded, on the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import barchart, stat, table, timeseries
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common, units
from grafana_foundation_sdk.models import dashboard as model

FOLDER = Path(__file__).resolve().parent.parent / "dashboards"
SOURCE = model.DataSourceRef(type_val="grafana-clickhouse-datasource", uid="sentinel")
COLOURS = {"allow": "green", "flag": "yellow", "redact": "purple", "block": "red"}
CHOSEN = (
    "$__conditionalAll(route IN (${route:singlequote}), $route) "
    "AND $__conditionalAll(model IN (${model:singlequote}), $model)"
)
WHERE = f"$__timeFilter(started_at) AND {CHOSEN}"


class Query(Dataquery):
    """A statement for the plug-in, and its own builder."""

    def __init__(self, sql: str, *, series: bool) -> None:
        self.sql, self.series = " ".join(sql.split()), series

    def build(self) -> Query:
        return self

    def to_json(self) -> dict[str, object]:
        # format: 0 is time series (text columns become labels), 1 is table.
        return {
            "refId": "A",
            "datasource": SOURCE,
            "editorType": "sql",
            "format": 0 if self.series else 1,
            "queryType": "timeseries" if self.series else "table",
            "rawSql": self.sql,
        }


def panel(builder: Any, title: str, why: str, size: tuple[int, int], query: Query) -> Any:
    width, height = size
    return (
        builder.title(title).description(why).datasource(SOURCE).span(width).height(height).with_target(query)
    )


def number(title: str, why: str, sql: str, unit: str) -> Any:
    shown = stat.Panel().unit(unit).graph_mode(common.BigValueGraphMode.NONE)
    return panel(shown, title, why, (4, 4), Query(sql, series=False))


def lines(title: str, why: str, sql: str, unit: str, *, width: int = 12, stacked: bool = False) -> Any:
    shown = (
        timeseries.Panel()
        .unit(unit)
        .min(0)
        .fill_opacity(40 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(options.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
    )
    if stacked:
        shown = shown.stacking(options.StackingConfig().mode(common.StackingMode.NORMAL))
    return panel(shown, title, why, (width, 8), Query(sql, series=True))


def rows(title: str, why: str, sql: str, *, width: int, height: int = 8) -> Any:
    return panel(table.Panel(), title, why, (width, height), Query(sql, series=False))


def coloured_actions(shown: Any) -> Any:
    for action, colour in COLOURS.items():
        value = {"mode": "fixed", "fixedColor": colour}
        shown = shown.override_by_name(action, [model.DynamicConfigValue("color", value)])
    return shown


def choice(name: str, label: str) -> Any:
    sql = f"SELECT DISTINCT {name} FROM sentinel_exchanges WHERE $__timeFilter(started_at) ORDER BY {name}"
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"editorType": "sql", "rawSql": sql})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
    )


def decisions() -> Any:
    shown = (
        build.Dashboard("What was decided, and why")
        .uid("sentinel-decisions")
        .description(
            "Calls through Sentinel: outcomes, the rules behind them, what it cost and what it missed."
        )
        .tags(["sentinel"])
        .refresh("30s")
        .time("now-6h", "now")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(choice("route", "Route"))
        .with_variable(choice("model", "Model"))
    )
    for made in (*overview(), *over_time(), *reasons(), recent()):
        shown = shown.with_panel(made)
    return shown


def overview() -> list[Any]:
    exchanges = f"FROM sentinel_exchanges WHERE {WHERE}"
    seconds = "greatest(dateDiff('second', $__fromTime, $__toTime), 1)"
    unread = "input_screened NOT IN ('yes', 'no_rule')"
    return [
        number("Calls", "Exchanges in the time range.", f"SELECT count() AS calls {exchanges}", units.Short),
        number("Rate", "Exchanges per second.", f"SELECT count() / {seconds} AS rate {exchanges}", "reqps"),
        number(
            "Blocked",
            "Share of exchanges that a rule blocked.",
            f"SELECT countIf(action = 'block') / greatest(count(), 1) AS blocked {exchanges}",
            units.PercentUnit,
        ),
        number(
            "Redacted",
            "Share of exchanges that a rule edited.",
            f"SELECT countIf(action = 'redact') / greatest(count(), 1) AS redacted {exchanges}",
            units.PercentUnit,
        ),
        number(
            "Not screened",
            "Share of exchanges whose prompt could not be read: unknown method, stream, malformed message.",
            f"SELECT countIf({unread}) / greatest(count(), 1) AS unscreened {exchanges}",
            units.PercentUnit,
        ),
        number(
            "Screening, p95",
            "Time that screening added to an exchange.",
            f"SELECT quantile(0.95)(screen_us) AS p95 {exchanges} AND screen_us > 0",
            units.Microseconds,
        ),
    ]


def over_time() -> list[Any]:
    bucket = "$__timeInterval(started_at) AS time"
    per_second = "count() / $__interval_s AS calls"
    ordered = f"FROM sentinel_exchanges WHERE {WHERE} GROUP BY time"
    return [
        coloured_actions(
            lines(
                "Calls by outcome",
                "The strictest action over prompt and answer.",
                f"SELECT {bucket}, toString(action) AS outcome, {per_second} {ordered}, outcome "
                "ORDER BY time",
                "reqps",
                stacked=True,
            )
        ),
        lines(
            "Findings by type",
            "What enforced rules fired on.",
            f"""SELECT {bucket}, type, count() AS findings FROM sentinel_findings
                WHERE {WHERE} AND enforced GROUP BY time, type ORDER BY time""",
            units.Short,
            stacked=True,
        ),
        lines(
            "Time that screening adds",
            "Per exchange, prompt and answer together.",
            f"""SELECT {bucket}, quantile(0.5)(screen_us) AS p50, quantile(0.95)(screen_us) AS p95,
                quantile(0.99)(screen_us) AS p99 {ordered} ORDER BY time""",
            units.Microseconds,
        ),
        lines(
            "Prompts that were not screened",
            "By reason. `no_rule`: no rule asks for prompts there; the others could not be read.",
            f"""SELECT {bucket}, input_screened AS reason, count() AS calls FROM sentinel_exchanges
                WHERE {WHERE} AND input_screened != 'yes' GROUP BY time, reason ORDER BY time""",
            units.Short,
            stacked=True,
        ),
    ]


def reasons() -> list[Any]:
    hits = "FROM sentinel_decisions ARRAY JOIN hits"
    return [
        rows(
            "Rules that fired",
            "Shadow rules are recorded and change nothing. `decided`: the rule's action was the outcome.",
            f"""SELECT hits.rule AS rule_id, toString(any(hits.action)) AS action,
                if(any(hits.enforced), 'enforce', 'shadow') AS mode, count() AS fired,
                countIf(rule = hits.rule) AS decided, uniqExact(exchange_id) AS exchanges
                {hits} WHERE {WHERE} GROUP BY hits.rule ORDER BY fired DESC LIMIT 50""",
            width=12,
        ),
        panel(
            barchart.Panel().x_field("cause"),
            "Why rules fired",
            "A finding, a condition, or a detector that failed or a call that could not be read under a rule "
            "that is closed on error.",
            (6, 8),
            Query(
                f"""SELECT hits.cause AS cause, count() AS fired {hits} WHERE {WHERE} AND hits.enforced
                    GROUP BY cause ORDER BY fired DESC""",
                series=False,
            ),
        ),
        rows(
            "Detectors that failed",
            "Late or broken detectors, with the reason that was recorded.",
            f"""SELECT detector, reason, count() AS times FROM sentinel_decisions
                ARRAY JOIN mapKeys(failed) AS detector, mapValues(failed) AS reason
                WHERE {WHERE} GROUP BY detector, reason ORDER BY times DESC LIMIT 50""",
            width=6,
        ),
    ]


def recent() -> Any:
    return rows(
        "Latest blocks and edits",
        "The newest exchanges that a rule blocked or edited. Findings are types, never text.",
        f"""SELECT started_at AS time, route, model, tenant, toString(action) AS action, rule,
            found.types AS findings, grpc_code AS status, duration_ns AS duration, exchange_id, trace_id
            FROM sentinel_exchanges LEFT JOIN (
                SELECT exchange_id, arrayStringConcat(arraySort(groupUniqArray(type)), ', ') AS types
                FROM sentinel_findings WHERE {WHERE} AND enforced GROUP BY exchange_id
            ) AS found USING exchange_id
            WHERE {WHERE} AND action IN ('block', 'redact')
            ORDER BY started_at DESC LIMIT 100""",
        width=24,
        height=10,
    ).override_by_name("duration", [model.DynamicConfigValue("unit", units.Nanoseconds)])


DASHBOARDS: dict[str, Callable[[], Any]] = {"decisions": decisions}


def rendered(name: str) -> str:
    """The JSON text of one dashboard."""
    return JSONEncoder(sort_keys=True, indent=2).encode(DASHBOARDS[name]().build()) + "\n"


def main() -> None:
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(rendered(name), "utf-8")


if __name__ == "__main__":
    main()
