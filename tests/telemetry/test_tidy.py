from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.spool import segment
from sentinel.spool.reader import End, SegmentFile, list_segments
from sentinel.spool.writer import SpoolWriter
from sentinel.telemetry.collect import Finished
from sentinel.telemetry.ledger import Effects, Ledger, Member
from sentinel.telemetry.quarantine import Quarantine
from sentinel.telemetry.tidy import delete_segment, settle_dropped

NAME = "w0-a-00000000.seg"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "state" / "exporter.sqlite", remember=10)
    yield ledger
    ledger.close()


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    return Quarantine(tmp_path / "quarantine", 1 << 20)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """One closed segment of two frames."""
    spool = tmp_path / "spool"
    writer = SpoolWriter(spool, "w0-a")
    writer.append(b"one")
    writer.append(b"two")
    writer.close()
    return spool


def only(spool: Path) -> SegmentFile:
    (file,) = list_segments(spool)
    return file


@pytest.mark.parametrize(
    ("end", "counts", "kept"),
    [
        (End.CLEAN, {}, []),
        (End.TORN, {"torn_tails": 1}, []),
        (End.CORRUPT, {"corrupt_segments": 1}, ["w0-a-00000000.corrupt"]),
    ],
)
def test_an_exported_segment_goes(
    spool: Path, ledger: Ledger, quarantine: Quarantine, end: End, counts: dict[str, int], kept: list[str]
) -> None:
    file = only(spool)
    delete_segment(Finished(file, file.size - 3, end), ledger, quarantine)
    assert list_segments(spool) == []
    assert ledger.counters() == counts
    directory = spool.with_name("quarantine")
    assert ([path.name for path in directory.iterdir()] if directory.exists() else []) == kept


def test_a_segment_in_use_stays(tmp_path: Path, ledger: Ledger, quarantine: Quarantine) -> None:
    writer = SpoolWriter(tmp_path / "spool", "w0-a")
    file = only(tmp_path / "spool")
    delete_segment(Finished(file, file.size, End.CLEAN), ledger, quarantine)
    assert only(tmp_path / "spool") == file
    writer.close()


def drop(spool: Path, records: int) -> None:
    only(spool).path.unlink()
    (spool / NAME).with_suffix(segment.DROPPED_SUFFIX).write_text(f"{records}\n")


@pytest.mark.parametrize(("exported", "dropped"), [(0, 5), (2, 3), (5, 0)])
def test_what_was_exported_before_is_not_dropped(
    spool: Path, ledger: Ledger, exported: int, dropped: int
) -> None:
    if exported:
        ledger.end(ledger.claim([Member(NAME, 16, 100, exported)]), Effects())
    drop(spool, 5)
    for _ in range(3):
        settle_dropped(spool, ledger, ())
    assert ledger.counters().get("dropped", 0) == dropped
    assert ledger.cursors() == {}
    assert list(spool.iterdir()) == []


def test_a_note_waits_for_a_pending_batch(spool: Path, ledger: Ledger) -> None:
    drop(spool, 5)
    settle_dropped(spool, ledger, {NAME})
    assert ledger.counters() == {}
    assert len(list(spool.iterdir())) == 1


def test_a_note_about_a_segment_that_is_there_says_nothing_yet(spool: Path, ledger: Ledger) -> None:
    """The writer died between the note and the deletion."""
    (spool / NAME).with_suffix(segment.DROPPED_SUFFIX).write_text("2\n")
    settle_dropped(spool, ledger, ())
    assert ledger.counters() == {}


def test_cursors_of_segments_that_are_there_stay(spool: Path, ledger: Ledger) -> None:
    ledger.end(ledger.claim([Member(NAME, 16, 27, 1)]), Effects())
    settle_dropped(spool, ledger, ())
    assert ledger.cursors() == {NAME: (27, 1)}
