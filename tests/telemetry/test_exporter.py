"""The exporter on the real engine: each exchange one row, whatever order, damage or refusal comes between."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import ConfigError, StoreError
from sentinel.core.record import Record, decode
from sentinel.spool import segment
from sentinel.spool.config import SpoolConfig
from sentinel.spool.reader import list_segments
from sentinel.spool.writer import SpoolWriter
from sentinel.store.base import Store
from sentinel.telemetry.config import ExporterConfig
from sentinel.telemetry.exporter import Exporter
from sentinel.telemetry.recorder import Recorder
from tests.store.owner import OwnerProcess
from tests.telemetry.records import START_NS, edit, finding, opening, record

SMALL = SpoolConfig(segment_bytes=64 << 10, max_bytes=1 << 20)
UNSTORABLE: dict[str, Any] = {"input_chars": -1}
"""What a column cannot hold: an unsigned column that is told to be negative."""


class Died(BaseException):
    """Stands for SIGKILL between two steps; nothing handles it."""


class House:
    """A spool with writers, a store, and exporters that come and go."""

    def __init__(self, root: Path, store: Store) -> None:
        self.spool, self.state, self.store = root / "spool", root / "state", store
        self.writers: dict[str, SpoolWriter] = {}
        self.exporters: list[Exporter] = []

    def write(self, *records: Record | bytes, writer: str = "w0-a") -> None:
        if writer not in self.writers:
            self.writers[writer] = SpoolWriter(self.spool, writer, SMALL)
        for one in records:
            if isinstance(one, bytes):
                self.writers[writer].append(one)
            else:
                Recorder(self.writers[writer]).write(one)

    def close(self, writer: str = "w0-a") -> None:
        self.writers.pop(writer).close()

    def exporter(self, *, reached: Callable[[str], None] = lambda point: None, **config: Any) -> Exporter:
        for exporter in self.exporters:
            exporter.close()
        self.exporters = [
            Exporter(self.spool, self.state, self.store, ExporterConfig(**config), reached=reached)
        ]
        return self.exporters[0]

    def export(self, exporter: Exporter | None = None) -> Exporter:
        """Until there is nothing left to do, the clearing up of what was done included."""
        exporter = exporter or (self.exporters[0] if self.exporters else self.exporter())
        while exporter.drain_once():
            pass
        exporter.drain_once()
        return exporter

    def count(self, table: str) -> int:
        return int(self.store.query(f"SELECT count() AS rows FROM {table}")[0]["rows"])

    def outcomes(self) -> dict[str, str]:
        """Outcome by exchange; fails when an exchange has two rows."""
        rows = self.store.query("SELECT exchange_id, outcome FROM sentinel_exchanges")
        found = {row["exchange_id"]: row["outcome"] for row in rows}
        assert len(found) == len(rows)
        return found


@pytest.fixture
def empty_house(tmp_path: Path, store_owner: OwnerProcess) -> Iterator[House]:
    with store_owner.store() as store:
        house = House(tmp_path, store)
        yield house
        for exporter in house.exporters:
            exporter.close()
        for writer in house.writers.values():
            writer.close()


@pytest.fixture
def house(empty_house: House) -> House:
    empty_house.store.migrate()
    return empty_house


def name(number: int) -> str:
    return f"{number:032x}"


def test_a_record_becomes_its_rows(house: House) -> None:
    house.write(record(name(1)), record(name(2), findings=(), upstream_ns=0))
    assert house.exporter().drain_once() == 2
    tables = ("sentinel_exchanges", "sentinel_decisions", "sentinel_findings", "otel_traces")
    assert [house.count(table) for table in tables] == [2, 2, 1, 3]
    (span,) = house.store.query("SELECT * FROM otel_traces WHERE SpanKind = 'Client'")
    assert (span["TraceId"], span["SpanName"], span["Duration"]) == (
        name(1),
        "text_completion demo",
        500_000_000,
    )
    (server,) = house.store.query(
        "SELECT ParentSpanId, `Events.Name` AS events, SpanAttributes AS attributes FROM otel_traces "
        "WHERE SpanKind = 'Server' AND TraceId = {id:String}",
        {"id": name(1)},
    )
    assert server["events"] == ["gen_ai.evaluation.result"]
    assert server["attributes"]["sentinel.exchange_id"] == name(1)


def test_batches_keep_their_limit_and_the_order(house: House) -> None:
    house.write(*(record(name(number), started_ns=START_NS + number) for number in range(25)))
    exporter = house.exporter(batch_records=10)
    assert [exporter.drain_once() for _ in range(4)] == [10, 10, 5, 0]
    rows = house.store.query("SELECT exchange_id FROM sentinel_exchanges ORDER BY started_at")
    assert [row["exchange_id"] for row in rows] == [name(number) for number in range(25)]


def test_exported_segments_are_deleted_and_the_active_one_is_kept(house: House) -> None:
    house.write(*(record(name(number)) for number in range(300)))
    assert len(list_segments(house.spool)) > 2
    house.export()
    assert [file.name.seq for file in list_segments(house.spool)] == [max(0, house.writers["w0-a"]._seq)]
    house.close()
    house.export()
    assert list_segments(house.spool) == []
    assert len(house.outcomes()) == 300


@pytest.mark.parametrize("batch_records", [1, 2, 100])
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([opening(name(1)), record(name(1))], {1: "answered"}),
        ([record(name(1)), record(name(1))], {1: "answered"}),
        ([record(name(1)), opening(name(1))], {1: "answered"}),
        ([opening(name(1)), record(name(1)), record(name(1))], {1: "answered"}),
        ([opening(name(1)), opening(name(1))], {1: "interrupted"}),
        (
            [opening(name(1)), record(name(2)), opening(name(3)), record(name(3))],
            {1: "interrupted", 2: "answered", 3: "answered"},
        ),
    ],
)
def test_one_row_per_exchange(
    house: House, written: list[Record], expected: dict[int, str], batch_records: int
) -> None:
    house.write(*written)
    house.export(house.exporter(batch_records=batch_records))
    house.close()
    house.export()
    assert house.outcomes() == {name(number): outcome for number, outcome in expected.items()}


def test_an_open_exchange_waits_for_its_writer(house: House) -> None:
    house.write(opening(name(1)), opening(name(2)))
    house.write(opening(name(3)), writer="w1-b")
    exporter = house.export()
    assert house.outcomes() == {}
    assert exporter.status().open_exchanges == 3
    last = list_segments(house.spool)[0]
    house.close("w0-a")
    os.utime(last.path, ns=(0, START_NS + 7))
    house.export()
    assert house.outcomes() == {name(1): "interrupted", name(2): "interrupted"}
    (ended, *_) = house.store.query("SELECT duration_ns, grpc_code FROM sentinel_exchanges")
    assert ended == {"duration_ns": 7, "grpc_code": "UNAVAILABLE"}
    house.write(record(name(3)), writer="w1-b")
    house.export()
    assert house.outcomes()[name(3)] == "answered"
    assert exporter.status().open_exchanges == 0


@pytest.mark.parametrize("batch_records", [1, 2, 100])
def test_an_interrupted_exchange_tells_its_edits(house: House, batch_records: int) -> None:
    first, second = finding(stage="output", start=5), finding(stage="output", start=50)
    house.write(
        opening(name(1)),
        opening(name(2)),
        edit(name(1), first, released_chars=20),
        edit(name(2)),
        edit(name(3)),  # its opening record was dropped
        edit(name(1), second, released_chars=70),
        record(name(2), streaming=True),
        edit(name(2)),
    )
    house.close()
    house.export(house.exporter(batch_records=batch_records))
    assert house.outcomes() == {name(1): "interrupted", name(2): "answered"}
    (row,) = house.store.query(
        "SELECT action, rule, finding_count, released_chars FROM sentinel_exchanges "
        "WHERE outcome = 'interrupted'"
    )
    assert row == {"action": "redact", "rule": "hide", "finding_count": 3, "released_chars": 70}
    rows = house.store.query("SELECT exchange_id AS id, start FROM sentinel_findings ORDER BY id, start")
    assert [(row["id"], row["start"]) for row in rows] == [
        (name(1), 3),
        (name(1), 5),
        (name(1), 50),
        (name(2), 3),
    ]


def test_an_open_exchange_is_interrupted_though_its_segments_are_gone(house: House) -> None:
    house.write(opening(name(1)))
    house.export()
    house.close()
    for file in list_segments(house.spool):
        file.path.unlink()
    house.export(house.exporter())
    assert house.outcomes() == {name(1): "interrupted"}


POINTS = ["claimed", "stored otel_traces", "stored sentinel_findings", "stored sentinel_exchanges", "ended"]


@pytest.mark.parametrize("point", POINTS)
def test_a_death_between_two_steps_loses_and_doubles_nothing(house: House, point: str) -> None:
    def die(reached: str) -> None:
        if reached == point:
            raise Died

    house.write(*(record(name(number)) for number in range(20)), opening(name(20)), opening(name(21)))
    with pytest.raises(Died):
        house.exporter(reached=die).drain_once()
    house.write(*(record(name(number)) for number in range(15, 25)))
    house.export(house.exporter())
    house.close()
    with pytest.raises(Died):
        house.write(opening(name(30)), writer="w1-b")
        house.close("w1-b")
        house.export(house.exporter(reached=die))
    exporter = house.export(house.exporter())
    assert house.outcomes() == {name(i): "answered" for i in range(25)} | {name(30): "interrupted"}
    assert house.count("otel_traces") == 52
    assert house.count("otel_traces_trace_id_ts") == 26
    assert house.count("sentinel_findings") == 26
    assert exporter.status().exported == 26
    assert list_segments(house.spool) == []


def test_what_is_no_record_is_quarantined_alone(house: House) -> None:
    house.write(record(name(1)), b"no record", record(name(2), trace_id="no trace id"), record(name(3)))
    exporter = house.export()
    assert set(house.outcomes()) == {name(1), name(3)}
    kept = {path.read_bytes() for path in (house.state / "quarantine").iterdir()}
    assert b"no record" in kept
    assert len(kept) == 2
    assert exporter.status().quarantined == 2


@pytest.mark.parametrize("bad", [[0], [7], [19], [3, 4], [2, 9, 17], [0, 1, 2, 3, 4, 5]])
def test_what_the_store_refuses_is_narrowed_down_and_quarantined(house: House, bad: list[int]) -> None:
    house.write(*(record(name(i), **(UNSTORABLE if i in bad else {})) for i in range(20)))
    exporter = house.exporter()
    drain_through(exporter)
    house.write(record(name(20)))
    drain_through(exporter)
    assert set(house.outcomes()) == {name(i) for i in range(21) if i not in bad}
    assert house.count("otel_traces") == 2 * (21 - len(bad)) + 2 * quarantined_spans(house, bad)
    assert exporter.status().quarantined == len(bad)
    assert exporter.status().pending_records == 0
    assert len(list((house.state / "quarantine").iterdir())) == len(bad)


def drain_through(exporter: Exporter) -> None:
    """As `run` does: try again after an error, in bounds."""
    for _ in range(50):
        with contextlib.suppress(StoreError):
            if not exporter.drain_once():
                return


def quarantined_spans(house: House, bad: list[int]) -> int:
    """A record whose exchange row is refused has spans already: its other tables were stored before."""
    rows = house.store.query("SELECT DISTINCT TraceId AS id FROM otel_traces")
    return len({row["id"] for row in rows} & {name(i) for i in bad})


def test_a_refused_record_on_its_own_waits_and_holds_nothing_up(house: House) -> None:
    house.write(record(name(1), **UNSTORABLE))
    exporter = house.exporter()
    for _ in range(3):
        assert exporter.drain_once() == 0
    assert exporter.status().pending_records == 1
    house.write(record(name(2)))
    house.export(exporter)
    assert set(house.outcomes()) == {name(2)}
    assert (exporter.status().pending_records, exporter.status().quarantined) == (0, 1)


def test_a_refused_record_outlives_its_exporter(house: House) -> None:
    refused = record(name(1), **UNSTORABLE)
    house.write(refused)
    house.close()
    house.export()
    house.write(record(name(2)), writer="w1-b")
    exporter = house.export(house.exporter())
    # The new exporter tries it first, and knows only after the next record that the store is well.
    house.write(record(name(3)), writer="w1-b")
    house.export(exporter)
    (kept,) = (house.state / "quarantine").iterdir()
    assert decode(kept.read_bytes()) == refused
    assert set(house.outcomes()) == {name(2), name(3)}
    assert exporter.status().dropped == 0


def test_a_store_that_refuses_everything_quarantines_nothing(empty_house: House) -> None:
    house = empty_house
    house.write(*(record(name(number)) for number in range(20)))
    exporter = house.exporter(batch_records=10)
    for _ in range(8):
        with pytest.raises(StoreError):
            exporter.drain_once()
    assert exporter.status().pending_bytes > 0
    house.store.migrate()
    house.export(exporter)
    assert set(house.outcomes()) == {name(number) for number in range(20)}
    assert house.count("otel_traces") == 40
    assert exporter.status().quarantined == 0


def test_a_damaged_segment_costs_its_rest_and_no_other(house: House) -> None:
    house.write(*(record(name(number)) for number in range(300)))
    house.close()
    first, second, *_ = list_segments(house.spool)
    data = bytearray(first.path.read_bytes())
    data[first.size // 2] ^= 0xFF
    first.path.write_bytes(data)
    lost = segment.count_frames(first.path)
    exporter = house.export()
    assert 300 - lost < len(house.outcomes()) < 300
    assert name(299) in house.outcomes()
    (tail,) = (house.state / "quarantine").glob("*.corrupt")
    assert 0 < tail.stat().st_size < first.size
    assert exporter.status().corrupt_segments == 1
    assert list_segments(house.spool) == []


def test_a_torn_tail_is_counted_and_cleared(house: House) -> None:
    house.write(record(name(1)), record(name(2)))
    house.close()
    (file,) = list_segments(house.spool)
    os.truncate(file.path, file.size - 5)
    exporter = house.export()
    assert set(house.outcomes()) == {name(1)}
    assert exporter.status().torn_tails == 1
    assert list_segments(house.spool) == []


def test_what_a_writer_dropped_is_counted_less_what_was_exported(house: House) -> None:
    dropping = SMALL.model_copy(update={"on_full": "drop_oldest"})
    house.writers["w0-a"] = SpoolWriter(house.spool, "w0-a", dropping)
    house.write(*(record(name(number)) for number in range(30)))
    exporter = house.exporter()
    assert exporter.drain_once() == 30
    house.write(*(record(name(number)) for number in range(30, 3000)))
    house.export(exporter)
    dropped = exporter.status().dropped
    assert dropped > 100
    assert len(house.outcomes()) == 3000 - dropped
    assert not list(house.spool.glob("*.dropped"))
    house.export(exporter)
    assert exporter.status().dropped == dropped


def test_two_exporters_do_not_share_a_state(house: House) -> None:
    house.exporter()
    with pytest.raises(ConfigError, match="another exporter"):
        Exporter(house.spool, house.state, house.store)


def test_ids_are_remembered_within_a_bound(house: House) -> None:
    exporter = house.exporter(remember_exchanges=10)
    house.write(*(record(name(number)) for number in range(50)))
    house.export(exporter)
    house.write(record(name(45)))
    house.export(exporter)
    assert (exporter.status().exported, exporter.status().duplicates) == (50, 1)
