"""What a durable record costs: `python -m bench.spool [--records N] [--export]`.

On the call path: an insert into SQLite (WAL, synchronous=OFF) against an append to a segment file, the
recorder with its encoding, and a group commit (`sync: power`). Behind it (`--export`): records a second
into the embedded engine, and how old a record is when a quiet and a busy system's store has it.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import msgspec

from bench.report import save
from sentinel.core.ids import new_id
from sentinel.core.record import DecisionRow, FindingRow, Outcome, Phase, Record, encode
from sentinel.spool.config import SpoolConfig
from sentinel.spool.writer import SpoolWriter, new_writer_id
from sentinel.telemetry.recorder import Recorder

_FINDING = FindingRow(
    stage="input",
    part=0,
    path="inputs[text_input][0]",
    role="prompt",
    detector="pii",
    type="EMAIL_ADDRESS",
    start=3,
    end=20,
    score=0.85,
    rule="pii-email",
    action="redact",
    level="high",
    threshold=0.5,
    value_hmac="k1:" + "0" * 32,
    why="pattern and domain",
)


def sample() -> Record:
    """A call with two findings and a decision for each stage: about a kilobyte."""
    now = time.time_ns()
    return Record(
        exchange_id=new_id(),
        phase=Phase.FINAL,
        outcome=Outcome.ANSWERED,
        started_ns=now,
        ended_ns=now,
        trace_id=new_id(),
        server_span="b7ad6b7169203331",
        client_span="00f067aa0ba902b7",
        protocol="open_inference",
        method="/inference.GRPCInferenceService/ModelInfer",
        route="default",
        model="demo",
        upstream="127.0.0.1:9000",
        upstream_ns=1_000_000,
        policy="0" * 16,
        detectors={"pii": "2.2.366", "secrets": "1"},
        decisions=tuple(DecisionRow(new_id(), stage, "redact", "pii-email") for stage in ("input", "output")),
        findings=(_FINDING, msgspec.structs.replace(_FINDING, stage="output", type="PERSON")),
    )


_rows: list[list[str]] = []


def timed(name: str, call: Callable[[], object], times: int) -> None:
    """Print the quantiles of one call's duration."""
    spent = []
    for _ in range(times):
        begin = time.perf_counter_ns()
        call()
        spent.append(time.perf_counter_ns() - begin)
    tell(name, sorted(spent))


def tell(name: str, spent: list[int]) -> None:
    p50, p99, most = (spent[int(len(spent) * q) - (q == 1)] / 1000 for q in (0.5, 0.99, 1))
    print(f"{name:<42} p50 {p50:8.1f} us   p99 {p99:8.1f} us   max {most:10.1f} us")
    _rows.append([name, f"{p50:.1f} us", f"{p99:.1f} us", f"{most / 1000:.1f} ms"])


def sqlite_insert(directory: Path, data: bytes) -> Callable[[], object]:
    db = sqlite3.connect(directory / "spool.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, data BLOB)")
    return lambda: db.execute("INSERT INTO records (data) VALUES (?)", (data,))


def call_path(directory: Path, times: int) -> None:
    record = sample()
    data = encode(record)
    print(f"a record of {len(data)} bytes, {times} times")
    timed("SQLite insert (WAL, synchronous=OFF)", sqlite_insert(directory, data), times)
    writer = SpoolWriter(directory / "append", new_writer_id(0))
    timed("SpoolWriter.append", lambda: writer.append(data), times)
    recorder = Recorder(SpoolWriter(directory / "record", new_writer_id(0)))
    timed("Recorder.write (encode and append)", lambda: recorder.write(record), times)


async def group_commit(directory: Path, waiting: int, times: int) -> None:
    recorder = Recorder(
        SpoolWriter(directory / f"power{waiting}", new_writer_id(0), SpoolConfig(sync="power"))
    )
    record, spent = sample(), []

    async def caller() -> None:
        for _ in range(times):
            begin = time.perf_counter_ns()
            recorder.write(record)
            await recorder.commit()
            spent.append(time.perf_counter_ns() - begin)

    await asyncio.gather(*(caller() for _ in range(waiting)))
    tell(f"write and commit, {waiting} calls at once", sorted(spent))
    recorder.close()


def export(directory: Path, records: int) -> None:
    from sentinel.store.base import StoreConfig
    from sentinel.telemetry.config import ExporterConfig
    from sentinel.telemetry.exporter import run_exporter
    from sentinel.telemetry.status import ExporterStatus, read_status

    spool, state = directory / "spool", directory / "state"
    recorder = Recorder(SpoolWriter(spool, new_writer_id(0)))

    def status(exported: int) -> ExporterStatus:
        while (found := read_status(state)) is None or found.exported < exported:
            time.sleep(0.02)
        return found

    stop, ready = Event(), Event()
    config = StoreConfig(listen="127.0.0.1:0")
    exporter = Thread(
        target=run_exporter,
        args=(spool, state, config, ExporterConfig(), stop),
        kwargs={"ready": lambda address: ready.set()},
    )
    for _ in range(records):
        recorder.write(sample())
    exporter.start()
    ready.wait()
    begin = time.perf_counter()
    status(records)
    seconds = time.perf_counter() - begin
    print(f"exporter into the embedded engine: {records / seconds:.0f} records a second")
    time.sleep(1.5)
    recorder.write(sample())
    print(f"lag of a record in a quiet system: {status(records + 1).lag_seconds:.2f} s")
    time.sleep(1.5)
    for _ in range(500):
        recorder.write(sample())
        time.sleep(0.01)
    print(f"lag of the oldest in a busy system: {status(records + 400).lag_seconds:.2f} s")
    stop.set()
    exporter.join()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--export", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        call_path(directory, options.records)
        for waiting in (1, 16, 256):
            asyncio.run(group_commit(directory, waiting, max(1, options.records // 100 // waiting)))
        if options.export:
            export(directory, options.records)
    save("spool", ["a record of 1 kB", "p50", "p99", "longest"], _rows)


if __name__ == "__main__":
    main()
