from __future__ import annotations

from sentinel.core.record import FindingRow, Record
from sentinel.store.rows import Table, record_tables
from tests.store.records import START_NS, allowed, blocked

# What a record holds that no exchange column repeats: the children have tables of their own, and times and
# enumerations go by another name or form.
ELSEWHERE = {"decisions", "findings", "started_ns", "ended_ns"}


def column(table: Table, name: str) -> list[object]:
    return list(table.data[list(table.columns).index(name)])


def test_one_row_per_exchange_stage_and_finding() -> None:
    tables = record_tables([blocked(1), allowed(2)])
    assert {name: table.rows for name, table in tables.items()} == {
        "sentinel_exchanges": 2,
        "sentinel_decisions": 3,
        "sentinel_findings": 2,
    }
    for table in tables.values():
        assert {len(values) for values in table.data} == {table.rows}


def test_no_field_of_a_record_is_left_out() -> None:
    exchanges = record_tables([blocked()])["sentinel_exchanges"]
    assert set(Record.__struct_fields__) - ELSEWHERE <= set(exchanges.columns)
    findings = record_tables([blocked()])["sentinel_findings"]
    assert set(FindingRow.__struct_fields__) <= set(findings.columns)


def test_an_exchange_without_end_lasts_nothing() -> None:
    opened = Record(**{**{f: getattr(blocked(), f) for f in Record.__struct_fields__}, "ended_ns": 0})
    exchanges = record_tables([opened])["sentinel_exchanges"]
    assert column(exchanges, "ended_at") == [START_NS]
    assert column(exchanges, "duration_ns") == [0]


def test_findings_repeat_what_dashboards_group_by() -> None:
    findings = record_tables([blocked()])["sentinel_findings"]
    assert column(findings, "tenant") == ["acme", "acme"]
    assert column(findings, "index") == [0, 1]
    assert column(findings, "detector_version") == ["2.2", "2.2"]


def test_no_records_no_rows() -> None:
    assert all(table.rows == 0 for table in record_tables([]).values())
