from __future__ import annotations

from pathlib import Path

from sentinel.telemetry.status import STATUS_FILE, ExporterStatus, read_status, waiting_status, write_status


def test_a_status_is_read_as_written(tmp_path: Path) -> None:
    status = ExporterStatus(1, exported=2, last_error="away")
    write_status(tmp_path, status)
    assert read_status(tmp_path) == status
    assert [path.name for path in tmp_path.iterdir()] == [STATUS_FILE]


def test_there_may_be_none(tmp_path: Path) -> None:
    assert read_status(tmp_path) is None
    (tmp_path / STATUS_FILE).write_text("{")
    assert read_status(tmp_path) is None


def test_waiting_keeps_the_totals(tmp_path: Path) -> None:
    write_status(tmp_path, ExporterStatus(1, exported=2))
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "w0-a-00000000.seg").write_bytes(bytes(100))
    waiting = waiting_status(spool, tmp_path, "the store is away")
    assert (waiting.exported, waiting.pending_bytes) == (2, 100)
    assert waiting.last_error == "the store is away"
