from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sentinel.core.errors import StoreError
from sentinel.store import schema
from sentinel.store.base import Store, StoreConfig, TtlDays
from sentinel.store.schema import TTL_COLUMNS, Migration, migrations, pending
from tests.store.owner import LONG, OwnerProcess

CREATE_ONE = "CREATE TABLE IF NOT EXISTS one (a UInt8) ENGINE = MergeTree ORDER BY a;\n"
ONE = Migration(1, "one", CREATE_ONE)
TWO = Migration(
    2,
    "two",
    "ALTER TABLE one ADD COLUMN IF NOT EXISTS b Int8;\n\nALTER TABLE one ADD COLUMN IF NOT EXISTS c UInt8;\n",
)


@pytest.fixture
def store(store_owner: OwnerProcess) -> Iterator[Store]:
    with store_owner.store() as store:
        yield store


def columns(store: Store, table: str) -> dict[str, str]:
    rows = store.query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "ORDER BY position",
        {"table": table},
    )
    return {row["name"]: row["type"] for row in rows}


def engine(store: Store, table: str) -> str:
    rows = store.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    return str(rows[0]["engine_full"])


def test_the_span_tables_have_the_collectors_names_and_types(store: Store) -> None:
    store.migrate()
    low, attributes = "LowCardinality(String)", "Map(LowCardinality(String), String)"
    assert columns(store, "otel_traces") == {
        "Timestamp": "DateTime64(9)",
        "TraceId": "String",
        "SpanId": "String",
        "ParentSpanId": "String",
        "TraceState": "String",
        "SpanName": low,
        "SpanKind": low,
        "ServiceName": low,
        "ResourceAttributes": attributes,
        "ScopeName": "String",
        "ScopeVersion": "String",
        "SpanAttributes": attributes,
        "Duration": "UInt64",
        "StatusCode": low,
        "StatusMessage": "String",
        "Events.Timestamp": "Array(DateTime64(9))",
        "Events.Name": f"Array({low})",
        "Events.Attributes": f"Array({attributes})",
        "Links.TraceId": "Array(String)",
        "Links.SpanId": "Array(String)",
        "Links.TraceState": "Array(String)",
        "Links.Attributes": f"Array({attributes})",
    }
    assert columns(store, "otel_traces_trace_id_ts") == {
        "TraceId": "String",
        "Start": "DateTime",
        "End": "DateTime",
    }


def test_migrating_again_does_nothing(store: Store) -> None:
    assert any("0001" in line for line in store.migrate())
    assert store.migrate() == []


def test_every_table_has_a_ttl_a_deduplication_window_and_drops_whole_parts(store: Store) -> None:
    store.migrate()
    tables = store.query(
        "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() "
        "AND engine LIKE '%MergeTree' AND name != {log:String}",
        {"log": schema.LOG_TABLE},
    )
    assert {table["name"] for table in tables} == set(TTL_COLUMNS)
    for table in tables:
        for wanted in ("TTL ", "ttl_only_drop_parts = 1", "non_replicated_deduplication_window = 20000"):
            assert wanted in table["engine_full"], table


def test_another_ttl_is_altered_and_said(store_owner: OwnerProcess) -> None:
    with store_owner.store() as store:
        store.migrate()
        database = store.query("SELECT currentDatabase() AS name")[0]["name"]
    shorter = TtlDays(**{**LONG.model_dump(), "findings": 7})
    with store_owner.store(database=database, ttl_days=shorter) as store:
        assert store.migrate() == ["sentinel_findings: rows are kept 7 days"]
        assert "toIntervalDay(7)" in engine(store, "sentinel_findings")
        assert store.migrate() == []


def run(store: Store, *known: Migration) -> list[str]:
    return schema.migrate(store._client, store._config.database, LONG, known)


def test_only_what_is_new_is_applied(store: Store) -> None:
    assert run(store, ONE) == ["applied 0001 one"]
    assert run(store, ONE, TWO) == ["applied 0002 two"]
    assert list(columns(store, "one")) == ["a", "b", "c"]


def test_rows_from_before_there_was_evidence_have_none(store: Store) -> None:
    *before, evidence = migrations()[:3]
    run(store, *before)
    store._client.command("INSERT INTO sentinel_findings (exchange_id, started_at) VALUES ('e', now())")
    assert run(store, *before, evidence)[0] == "applied 0003 evidence"
    assert store.query("SELECT evidence FROM sentinel_findings") == [{"evidence": []}]


def test_a_migrator_that_died_half_way_is_followed_by_one_that_finishes(store: Store) -> None:
    broken = Migration(2, "two", TWO.sql + "ALTER TABLE nowhere ADD COLUMN d UInt8;\n")
    with pytest.raises(Exception, match="nowhere"):
        run(store, ONE, broken)
    assert run(store, ONE, TWO) == ["applied 0002 two"]


def test_a_changed_migration_is_refused() -> None:
    with pytest.raises(StoreError, match=r"migration 0001 \(one\) differs.*of its own") as caught:
        pending((ONE,), {1: ("one", "0" * 32)})
    assert not caught.value.retryable


def test_a_newer_database_is_refused() -> None:
    applied = {1: ("one", ONE.checksum), 7: ("later", "0" * 32)}
    with pytest.raises(StoreError, match=r"at version 7 \(later\), this Sentinel knows 1") as caught:
        pending((ONE,), applied)
    assert not caught.value.retryable


def test_the_bundled_migrations_are_numbered_without_a_gap() -> None:
    known = migrations()
    assert [migration.version for migration in known] == list(range(1, len(known) + 1))
    assert all(migration.statements for migration in known)


def test_two_migrators_at_once(store_owner: OwnerProcess) -> None:
    config: StoreConfig
    with store_owner.store() as first:
        config = first._config
        failures: list[BaseException] = []

        def migrate() -> None:
            try:
                with store_owner.store(database=config.database) as store:
                    store.migrate()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=migrate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert first.migrate() == []
