"""Processes that a crash test kills.

`python -m tests.telemetry.children MODE ...`

writer SPOOL SLOT                   append records, print each id once its append returned
exporter SPOOL STATE DIE_AT TIMES   export; SIGKILL itself when the point DIE_AT is reached TIMES times
drain SPOOL STATE                   export what there is, then print what the store holds
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from sentinel.core.ids import new_id
from sentinel.spool.config import SpoolConfig
from sentinel.spool.writer import SpoolWriter, new_writer_id
from sentinel.telemetry.recorder import Recorder
from tests.telemetry.records import SECOND_NS, edit, opening, record

SPOOL = SpoolConfig(segment_bytes=64 << 10, max_bytes=1 << 30)
HELD_OPEN = 50


def writer(spool: Path, slot: int) -> None:
    """Every fourth exchange is a stream: closed when `HELD_OPEN` later ones have begun, and edited when half
    of them have."""
    recorder = Recorder(SpoolWriter(spool, new_writer_id(slot), SPOOL))
    streams: list[str] = []
    for number in range(10**9):
        exchange_id, now = new_id(), time.time_ns()
        if number % 4:
            recorder.write(record(exchange_id, started_ns=now, ended_ns=now + SECOND_NS))
            os.write(1, f"final {exchange_id}\n".encode())
        else:
            recorder.write(opening(exchange_id, started_ns=now))
            os.write(1, f"open {exchange_id}\n".encode())
            streams.append(exchange_id)
        if number % 4 == 0 and len(streams) > HELD_OPEN // 2:
            recorder.write(edit(streams[-HELD_OPEN // 2], started_ns=now))
            os.write(1, f"edit {streams[-HELD_OPEN // 2]}\n".encode())
        if len(streams) > HELD_OPEN:
            done = streams.pop(0)
            recorder.write(record(done, started_ns=now, ended_ns=now + SECOND_NS, streaming=True))
            os.write(1, f"final {done}\n".encode())
        time.sleep(0.001)


def exporter(spool: Path, state: Path, die_at: str, times: int) -> None:
    from threading import Event

    from sentinel.store.base import StoreConfig
    from sentinel.store.embedded import EmbeddedOwner
    from sentinel.telemetry.config import ExporterConfig
    from sentinel.telemetry.exporter import Exporter

    left = times

    def reached(point: str) -> None:
        nonlocal left
        left -= point == die_at
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    config = ExporterConfig(batch_records=400, linger_seconds=0.05, poll_seconds=0.02)
    with EmbeddedOwner(StoreConfig(listen="127.0.0.1:0"), state) as owner:
        owner.store.migrate()
        export = Exporter(spool, state, owner.store, config, reached=reached)
        if die_at != "never":
            export.run(Event())
        while export.drain_once():
            pass
        export.write_status()
        queries = {
            "exchanges": "SELECT exchange_id AS id, count() AS rows, any(outcome) AS outcome, "
            "any(finding_count) AS findings FROM sentinel_exchanges GROUP BY id",
            "findings": "SELECT exchange_id AS id, count() AS rows FROM sentinel_findings GROUP BY id",
            "spans": "SELECT TraceId AS id, count() AS rows FROM otel_traces GROUP BY id",
            "lookup": "SELECT TraceId AS id, count() AS rows FROM otel_traces_trace_id_ts GROUP BY id",
        }
        print(json.dumps({name: owner.store.query(sql) for name, sql in queries.items()}))


def main(mode: str, spool: str, *rest: str) -> None:
    if mode == "writer":
        writer(Path(spool), int(rest[0]))
    elif mode == "exporter":
        exporter(Path(spool), Path(rest[0]), rest[1], int(rest[2]))
    else:
        exporter(Path(spool), Path(rest[0]), "never", 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
