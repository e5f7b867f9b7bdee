from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from sentinel.core.errors import ConfigError, StoreError
from sentinel.store.base import Store, StoreConfig, Table, open_store
from sentinel.store.queries import Where
from sentinel.store.rows import record_tables
from tests.store.owner import OwnerProcess
from tests.store.records import SECOND_NS, START_NS, allowed, blocked


@pytest.fixture
def store(store_owner: OwnerProcess) -> Iterator[Store]:
    with store_owner.store() as store:
        store.migrate()
        yield store


def count(store: Store, table: str) -> int:
    return int(store.query(f"SELECT count() AS rows FROM {table}")[0]["rows"])


def traces(spans: int, at_ns: int = START_NS) -> Table:
    """Rows for `otel_traces`, two events in each."""
    columns = {
        "Timestamp": [at_ns + i for i in range(spans)],
        "TraceId": [f"{i // 2:032x}" for i in range(spans)],
        "SpanId": [f"{i:016x}" for i in range(spans)],
        "SpanName": ["chat demo"] * spans,
        "SpanKind": ["SPAN_KIND_CLIENT"] * spans,
        "ServiceName": ["sentinel"] * spans,
        "SpanAttributes": [{"gen_ai.request.model": "demo"}] * spans,
        "Duration": [1_000_000] * spans,
        "Events.Timestamp": [[at_ns, at_ns + 1]] * spans,
        "Events.Name": [["gen_ai.evaluation.result", "x"]] * spans,
        "Events.Attributes": [[{"a": "b"}, {}]] * spans,
    }
    return Table(tuple(columns), list(columns.values()))


def test_a_record_comes_back_with_its_decisions_and_findings(store: Store) -> None:
    store.insert(record_tables([blocked()]), "batch")
    (row,) = store.recent()
    assert row["exchange_id"] == f"{1:032x}"
    assert row["started_ns"] == START_NS
    assert (row["action"], row["rule"], row["outcome"]) == ("block", "pii-block", "refused")
    assert (row["duration_ns"], row["finding_count"], row["detectors"]) == (2_000_000, 2, {"pii": "2.2"})
    (decision,) = row["decisions"]
    assert decision["hits"][0] == {
        "rule": "pii-block",
        "action": "block",
        "enforced": True,
        "cause": "finding",
        "why": "a card number",
    }
    assert (decision["failed"], decision["scores"]) == ({"toxicity": "late"}, {"injection": 0.25})
    assert [(f["type"], f["start"], f["end"], f["score"]) for f in row["findings"]] == [
        ("CREDIT_CARD", 4, 20, 0.85),
        ("EMAIL_ADDRESS", 4, 20, 0.85),
    ]
    assert row["findings"][0]["detector_version"] == "2.2"
    assert row["findings"][0]["evidence"] == [
        {"start": 8, "end": 12, "weight": 1.25},
        {"start": 4, "end": 7, "weight": 0.1},
    ]


def test_what_an_older_sentinel_writes_has_no_evidence(store: Store) -> None:
    batch = record_tables([blocked()])
    new = batch["sentinel_findings"]
    old = [(name, values) for name, values in zip(*new, strict=True) if name != "evidence"]
    batch["sentinel_findings"] = Table([name for name, _ in old], [values for _, values in old])
    store.insert(batch, "older")
    (row,) = store.recent()
    assert [finding["evidence"] for finding in row["findings"]] == [[], []]


def test_recent_is_newest_first_and_bounded(store: Store) -> None:
    store.insert(record_tables([allowed(i, started_ns=START_NS + i) for i in range(50)]), "batch")
    assert [row["started_ns"] - START_NS for row in store.recent(3)] == [49, 48, 47]


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (Where(), [4, 3, 2, 1]),
        (Where(actions=("block",)), [3, 1]),
        (Where(actions=("block", "allow")), [4, 3, 2, 1]),
        (Where(since_ns=START_NS + 3 * SECOND_NS), [4, 3]),
        (Where(after_ns=START_NS + 3 * SECOND_NS), [4]),
        (Where(route="elsewhere"), []),
        (Where(exchange_id=f"{2:032x}"), [2]),
    ],
)
def test_recent_is_narrowed(store: Store, where: Where, numbers: list[int]) -> None:
    batch = [(blocked if i % 2 else allowed)(i, started_ns=START_NS + i * SECOND_NS) for i in range(1, 5)]
    store.insert(record_tables(batch), "batch")
    assert [int(row["exchange_id"], 16) for row in store.recent(20, where)] == numbers


def test_an_exchange_written_twice_is_one_row_the_later_one(store: Store) -> None:
    store.insert(record_tables([blocked()]), "first")
    store.insert(record_tables([allowed(1)]), "second")
    (row,) = store.recent()
    assert row["outcome"] == "answered"


def test_the_same_token_inserted_twice_adds_nothing(store: Store) -> None:
    batch = {**record_tables([blocked(i) for i in range(1, 4)]), "otel_traces": traces(6)}
    counts = []
    for _ in range(3):
        store.insert(batch, "batch-1")
        counts.append({table: count(store, table) for table in (*batch, "otel_traces_trace_id_ts")})
    # Plain `count()` sees rows that a ReplacingMergeTree has not merged away: the token alone keeps them out.
    assert counts == 3 * [
        {
            "sentinel_exchanges": 3,
            "sentinel_decisions": 3,
            "sentinel_findings": 6,
            "otel_traces": 6,
            "otel_traces_trace_id_ts": 3,
        }
    ]


def test_another_token_inserts_the_same_rows(store: Store) -> None:
    for token in ("one", "two"):
        store.insert({"otel_traces": traces(2)}, token)
    assert (count(store, "otel_traces"), count(store, "otel_traces_trace_id_ts")) == (4, 2)


def test_a_batch_over_several_days_is_still_one_batch(store: Store) -> None:
    days = [allowed(i, started_ns=START_NS + i * 86_400 * SECOND_NS) for i in range(5)]
    for _ in range(2):
        store.insert(record_tables(days), "days")
    assert count(store, "sentinel_exchanges") == 5


def test_threads_share_a_store(store: Store) -> None:
    def insert(thread: int) -> None:
        for i in range(5):
            number = thread * 100 + i
            store.insert(record_tables([blocked(number)]), f"batch-{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(insert, range(4)))
    assert count(store, "sentinel_exchanges") == 20


def test_a_table_that_is_not_there_is_permanent(store_owner: OwnerProcess) -> None:
    with store_owner.store() as store, pytest.raises(StoreError, match="missing.*migrations") as caught:
        store.insert(record_tables([blocked()]), "batch")
    assert not caught.value.retryable


def test_a_column_that_is_not_there_is_permanent(store: Store) -> None:
    with pytest.raises(StoreError, match="otel_traces has no column Colour") as caught:
        store.insert({"otel_traces": Table(("Colour",), [["red"]])}, "batch")
    assert not caught.value.retryable


def test_a_refused_value_is_not_quoted(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.insert({"otel_traces": Table(("Duration",), [["4111 1111 1111 1111"]])}, "batch")
    assert not caught.value.retryable
    assert "4111" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_no_server_is_retryable_and_names_the_address(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StoreError, match=address) as caught:
            open_store(StoreConfig(kind="clickhouse", address=address), tmp_path)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "clickhouse"}, "`address` is needed"),
        ({"kind": "clickhouse", "address": "example.com"}, "address\n.*must be HOST:PORT"),
        ({"database": "a;b"}, "database"),
        ({"listen": "18123"}, "listen"),
        ({"ttl_days": {"traces": 0}}, "ttl_days.traces"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_mistakes_in_the_config(config: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StoreConfig.model_validate(config)


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="password_file"):
        StoreConfig(password_file=tmp_path / "none").password()
