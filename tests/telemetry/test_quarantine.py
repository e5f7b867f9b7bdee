from __future__ import annotations

import os
from pathlib import Path

import pytest

from sentinel.telemetry.quarantine import Quarantine


def test_a_record_is_kept_whole_and_told_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = Quarantine(tmp_path / "q", 1000).put("w0-a-00000000.seg-16", b"payload", "it is no record")
    assert path.read_bytes() == b"payload"
    (line,) = caplog.messages
    assert "w0-a-00000000.seg-16" in line
    assert "it is no record" in line
    assert "payload" not in line


def test_the_same_record_twice_is_one_file(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, 1000)
    for _ in range(2):
        quarantine.put("name", b"payload", "reason")
    assert [path.name for path in tmp_path.iterdir()] == ["name.record"]


def test_the_end_of_a_segment_is_kept(tmp_path: Path) -> None:
    segment = tmp_path / "w0-a-00000003.seg"
    segment.write_bytes(b"good frames|damage")
    path = Quarantine(tmp_path / "q", 1000).put_tail(segment, 12)
    assert (path.name, path.read_bytes()) == ("w0-a-00000003.corrupt", b"damage")


def test_at_the_bound_the_oldest_go(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, 250)
    for number in range(5):
        path = quarantine.put(f"{number}", bytes(100), "reason")
        os.utime(path, ns=(number, number))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.record", "4.record"]
    assert quarantine.removed == 3


def test_the_newest_stays_however_large(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, 250)
    quarantine.put("small", bytes(10), "reason")
    quarantine.put("large", bytes(1000), "reason")
    assert [path.name for path in tmp_path.iterdir()] == ["large.record"]
