from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sentinel.core.errors import SpoolFull
from sentinel.spool import segment
from sentinel.spool.config import SpoolConfig
from sentinel.spool.reader import End, list_segments, read_frames
from sentinel.spool.writer import SpoolWriter, new_writer_id

KIB, MIB = 1 << 10, 1 << 20
SMALL = SpoolConfig(segment_bytes=64 * KIB, max_bytes=MIB)
DROPPING = SMALL.model_copy(update={"on_full": "drop_oldest"})


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def records(directory: Path) -> list[bytes]:
    found = []
    for file in list_segments(directory):
        read = read_frames(file.path, 0, max_frames=100_000)
        assert read.end is End.CLEAN
        found += [frame.payload for frame in read.frames]
    return found


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Writes beyond `size` bytes of a file are cut short, then refused: a real full disk in small."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "spool", "w0-a")
    for number in range(100):
        writer.append(b"record %d" % number)
        assert records(tmp_path / "spool")[-1] == b"record %d" % number
    assert writer.stats.records == 100


def test_each_start_has_a_name_of_its_own() -> None:
    names = {new_writer_id(0) for _ in range(100)}
    assert len(names) == 100
    assert segment.parse_name(f"{names.pop()}-00000000.seg")


def test_a_name_is_never_used_twice(tmp_path: Path) -> None:
    SpoolWriter(tmp_path, "w0-a").close()
    again = SpoolWriter(tmp_path, "w0-a")
    assert records(tmp_path) == []
    again.close()


def test_segments_turn_by_size(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", SMALL)
    for number in range(200):
        writer.append(bytes([number]) * 1000)
    segments = list_segments(tmp_path)
    assert len(segments) == 4
    assert all(file.size <= SMALL.segment_bytes for file in segments)
    assert records(tmp_path) == [bytes([number]) * 1000 for number in range(200)]


def test_segments_turn_by_age_but_never_when_empty(tmp_path: Path) -> None:
    clock = Clock()
    writer = SpoolWriter(tmp_path, "w0-a", SMALL, clock=clock)
    clock.now += 61
    writer.append(b"one")
    assert len(list_segments(tmp_path)) == 1
    clock.now += 61
    writer.append(b"two")
    assert len(list_segments(tmp_path)) == 2
    assert records(tmp_path) == [b"one", b"two"]


def test_a_record_larger_than_a_segment_has_one_to_itself(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", SMALL)
    for payload in (b"small", bytes(100 * KIB), b"small"):
        writer.append(payload)
    assert [len(record) for record in records(tmp_path)] == [5, 100 * KIB, 5]


@pytest.mark.parametrize("size", [0, segment.MAX_PAYLOAD + 1])
def test_a_record_of_impossible_size_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(SpoolFull, match=f"a record of {size} bytes"):
        SpoolWriter(tmp_path, "w0-a").append(bytes(size))


def test_at_the_bound_calls_are_rejected_and_nothing_is_lost(tmp_path: Path) -> None:
    clock = Clock()
    writer = SpoolWriter(tmp_path, "w0-a", SMALL, clock=clock)
    written = 0
    with pytest.raises(SpoolFull, match=f"its bound is {MIB}"):
        while True:
            writer.append(bytes(1000))
            written += 1
    assert len(records(tmp_path)) == written
    assert sum(file.size for file in list_segments(tmp_path)) <= MIB
    assert writer.stats.rejected == 1


def test_there_is_room_again_once_the_exporter_deleted_a_segment(tmp_path: Path) -> None:
    clock = Clock()
    writer = SpoolWriter(tmp_path, "w0-a", SMALL, clock=clock)
    with pytest.raises(SpoolFull):
        while True:
            writer.append(bytes(1000))
    assert writer.full()
    list_segments(tmp_path)[0].path.unlink()
    clock.now += 1.1
    assert not writer.full()
    writer.append(bytes(1000))


@pytest.mark.parametrize("asked", ["append", "full"])
def test_a_full_active_segment_is_closed_so_that_it_can_be_exported(tmp_path: Path, asked: str) -> None:
    clock = Clock()
    other = SpoolWriter(tmp_path, "w1-b", SMALL, clock=clock)
    writer = SpoolWriter(tmp_path, "w0-a", SMALL, clock=clock)
    writer.append(b"mine")
    with pytest.raises(SpoolFull):
        while True:
            other.append(bytes(4000))
    clock.now += 1.1
    if asked == "full":
        writer.append(b"more")
        assert writer.full()
    else:
        with pytest.raises(SpoolFull):
            writer.append(bytes(4000))
    mine = [file for file in list_segments(tmp_path) if file.name.writer == "w0-a"]
    assert [len(read_frames(file.path, 0, max_frames=9).frames) for file in mine] == [
        2 if asked == "full" else 1,
        0,
    ]


def test_at_the_bound_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", DROPPING)
    for number in range(3000):
        writer.append(number.to_bytes(2, "big") * 500)
    kept = [int.from_bytes(record[:2], "big") for record in records(tmp_path)]
    assert kept == list(range(3000 - len(kept), 3000))
    assert writer.stats.dropped_records == 3000 - len(kept)
    noted = sum(int(note.read_text()) for note in tmp_path.glob("*.dropped"))
    assert noted == 3000 - len(kept)
    assert sum(file.size for file in list_segments(tmp_path)) <= MIB
    assert not writer.full()


def test_a_segment_that_another_worker_writes_is_not_dropped(tmp_path: Path) -> None:
    other = SpoolWriter(tmp_path, "w1-b", DROPPING)
    other.append(b"oldest, and in use")
    writer = SpoolWriter(tmp_path, "w0-a", DROPPING)
    for _ in range(2000):
        writer.append(bytes(1000))
    assert b"oldest, and in use" in records(tmp_path)


def test_the_bound_is_that_of_all_workers_together(tmp_path: Path) -> None:
    clock = Clock()
    first = SpoolWriter(tmp_path, "w0-a", SMALL, clock=clock)
    second = SpoolWriter(tmp_path, "w1-b", SMALL, clock=clock)
    with pytest.raises(SpoolFull):
        while True:
            first.append(bytes(1000))
    clock.now += 1.1
    with pytest.raises(SpoolFull):
        second.append(bytes(1000))


@pytest.mark.parametrize("room", [1, 7, 8, 9, 500])
def test_a_full_disk_leaves_no_half_record(tmp_path: Path, room: int) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", SMALL)
    writer.append(b"before")
    size = list_segments(tmp_path)[0].size
    with files_end_at(size + room), pytest.raises(SpoolFull, match="cannot be written"):
        writer.append(bytes(1000))
    assert records(tmp_path) == [b"before"]
    writer.append(b"after")
    assert records(tmp_path) == [b"before", b"after"]
    assert (writer.stats.records, writer.stats.rejected) == (2, 1)


def test_on_a_full_disk_the_oldest_go_when_told_so(tmp_path: Path) -> None:
    old = SpoolWriter(tmp_path, "w1-b", DROPPING)
    old.append(b"old")
    old.close()
    writer = SpoolWriter(tmp_path, "w0-a", DROPPING)
    with files_end_at(100), pytest.raises(SpoolFull):
        writer.append(bytes(1000))
    assert records(tmp_path) == []
    assert writer.stats.dropped_records == 1


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolFull, match="cannot be written"):
        SpoolWriter(tmp_path / "file" / "spool", "w0-a")


def test_a_closed_writer_takes_nothing(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w0-a")
    writer.close()
    writer.close()
    with pytest.raises(SpoolFull, match="closed"):
        writer.append(b"late")


def test_threads_share_a_writer(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", SMALL)

    def write(name: int) -> None:
        for number in range(200):
            writer.append(b"%d-%d" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(records(tmp_path)) == sorted(b"%d-%d" % (name, i) for name in range(4) for i in range(200))
