from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.core.errors import SpoolFull
from sentinel.core.record import decode
from sentinel.spool.config import SpoolConfig
from sentinel.spool.reader import list_segments, read_frames
from sentinel.spool.writer import SpoolWriter
from sentinel.telemetry.recorder import Recorder
from tests.telemetry.records import record


def test_a_record_is_in_the_spool_when_write_returns(tmp_path: Path) -> None:
    recorder = Recorder(SpoolWriter(tmp_path, "w0-a"))
    recorder.write(record("1"))
    (frame,) = read_frames(list_segments(tmp_path)[0].path, 0, max_frames=9).frames
    assert decode(frame.payload) == record("1")
    assert recorder.stats.records == 1
    assert recorder.pending == list_segments(tmp_path)[0].size
    recorder.close()
    with pytest.raises(SpoolFull):
        recorder.write(record("2"))


def test_only_power_needs_a_commit(tmp_path: Path) -> None:
    assert not Recorder(SpoolWriter(tmp_path, "w0-a")).needs_commit
    recorder = Recorder(SpoolWriter(tmp_path, "w1-b", SpoolConfig(sync="power")))
    assert recorder.needs_commit

    async def call(number: int) -> None:
        recorder.write(record(f"{number}"))
        await recorder.commit()

    async def calls() -> None:
        await asyncio.gather(*(call(number) for number in range(10)))

    asyncio.run(calls())
    assert recorder.stats.records == 10


def test_the_data_plane_pays_for_no_exporter() -> None:
    """What the recorder pulls in is all that a worker gets of telemetry."""
    heavy = "opentelemetry", "sqlite3", "clickhouse_connect", "sentinel.store", "sentinel.telemetry.spans"
    check = (
        f"import sys, sentinel.telemetry.recorder; print([name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
