"""What /metrics shows besides the workers' own counts."""

from __future__ import annotations

import json
from pathlib import Path

from sentinel.app.metrics import exposition


def shown(folder: Path, state: object) -> str:
    (folder / "m").mkdir()
    if state is not None:
        (folder / "exporter.json").write_text(state if isinstance(state, str) else json.dumps(state))
    return exposition(folder / "m", folder, {"worker-0": 2})[0].decode()


def test_restarts_and_the_spool(tmp_path: Path) -> None:
    text = shown(
        tmp_path, {"written_ns": 1, "exported": 5, "pending_bytes": 10, "dropped": 1, "quarantined": 0}
    )
    assert 'sentinel_restarts_total{process="worker-0"} 2.0' in text
    assert "sentinel_records_exported_total 5.0" in text
    assert "sentinel_spool_pending_bytes 10.0" in text
    assert "sentinel_records_dropped_total 1.0" in text


def test_without_an_exporter_there_is_nothing_about_the_spool(tmp_path: Path) -> None:
    assert "sentinel_records" not in shown(tmp_path, None)


def test_a_half_written_state_file_breaks_nothing(tmp_path: Path) -> None:
    assert "sentinel_restarts_total" in shown(tmp_path, '{"exported": ')
