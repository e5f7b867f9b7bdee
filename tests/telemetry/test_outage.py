"""A store that goes away and comes back, over real HTTP: the spool grows, then drains, one row a record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from sentinel.spool.writer import SpoolWriter
from sentinel.store.base import StoreConfig, connect_http
from sentinel.telemetry.config import ExporterConfig
from sentinel.telemetry.exporter import run_exporter
from sentinel.telemetry.recorder import Recorder
from sentinel.telemetry.status import ExporterStatus, read_status
from tests.store.owner import LONG, OwnerProcess
from tests.telemetry.records import START_NS, record

FAST = ExporterConfig(
    batch_records=50, linger_seconds=0.05, poll_seconds=0.05, retry_seconds=0.05, retry_max_seconds=0.2
)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(SpoolWriter(tmp_path / "spool", "w0-a"))
    yield recorder
    recorder.close()


def write(recorder: Recorder, numbers: range) -> None:
    for number in numbers:
        recorder.write(record(f"{number:032x}", started_ns=START_NS + number))


def until(state: Path, condition: Callable[[ExporterStatus], bool]) -> ExporterStatus:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (status := read_status(state)) and condition(status):
            return status
        time.sleep(0.05)
    raise AssertionError(read_status(state))


def test_the_spool_waits_for_the_store(tmp_path: Path, recorder: Recorder) -> None:
    state, stop = tmp_path / "state", Event()
    with OwnerProcess(tmp_path / "store") as owner:
        address = owner.address
        # A database of this test's own, told apart from what else the owner may hold.
        config = StoreConfig(kind="clickhouse", address=address, database="outage", ttl_days=LONG)
        thread = Thread(target=run_exporter, args=(tmp_path / "spool", state, config, FAST, stop))
        thread.start()
        try:
            write(recorder, range(100))
            until(state, lambda status: status.exported == 100)
            owner.process.kill()
            owner.process.wait()
            write(recorder, range(100, 400))
            down = until(state, lambda status: bool(status.last_error) and status.pending_records > 0)
            assert down.exported == 100
            assert down.pending_bytes > 10_000
            with OwnerProcess(tmp_path / "store", listen=address):
                up = until(state, lambda status: status.exported == 400)
                assert (up.pending_bytes, up.last_error) == (0, "")
                with connect_http(config, address) as store:
                    rows = store.query("SELECT exchange_id FROM sentinel_exchanges ORDER BY started_at")
                    (spans,) = store.query("SELECT count() AS rows FROM otel_traces")
                stop.set()
                thread.join(timeout=30)
        finally:
            stop.set()
            thread.join(timeout=30)
    assert [row["exchange_id"] for row in rows] == [f"{number:032x}" for number in range(400)]
    assert spans["rows"] == 800


def test_a_store_that_is_away_at_the_start_is_waited_for(tmp_path: Path, recorder: Recorder) -> None:
    state, stop, addresses = tmp_path / "state", Event(), list[str]()
    with OwnerProcess(tmp_path / "store") as owner:
        address = owner.address
    config = StoreConfig(kind="clickhouse", address=address, ttl_days=LONG)
    thread = Thread(
        target=run_exporter,
        args=(tmp_path / "spool", state, config, FAST, stop),
        kwargs={"ready": addresses.append},
    )
    thread.start()
    try:
        write(recorder, range(10))
        away = until(state, lambda status: bool(status.last_error) and status.pending_bytes > 0)
        assert (away.exported, addresses) == (0, [])
        with OwnerProcess(tmp_path / "store", listen=address):
            until(state, lambda status: status.exported == 10)
            stop.set()
            thread.join(timeout=30)
    finally:
        stop.set()
        thread.join(timeout=30)
    assert addresses == [address]


def test_stopping_empties_the_spool(tmp_path: Path, recorder: Recorder) -> None:
    write(recorder, range(120))
    recorder.close()
    stop = Event()
    stop.set()
    with OwnerProcess(tmp_path / "store") as owner:
        config = StoreConfig(kind="clickhouse", address=owner.address, ttl_days=LONG)
        run_exporter(tmp_path / "spool", tmp_path / "state", config, FAST, stop)
    status = read_status(tmp_path / "state")
    assert status is not None
    assert (status.exported, status.pending_bytes) == (120, 0)
    assert list((tmp_path / "spool").iterdir()) == []
