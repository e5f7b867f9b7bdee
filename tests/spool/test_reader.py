from __future__ import annotations

import os
from pathlib import Path

import pytest

from sentinel.spool import segment
from sentinel.spool.config import SpoolConfig
from sentinel.spool.reader import (
    End,
    by_writer,
    held_for_deletion,
    is_closed,
    is_dead,
    list_segments,
    read_frames,
    remove_abandoned,
    used_bytes,
)
from sentinel.spool.writer import SpoolWriter

SMALL = SpoolConfig(segment_bytes=64 << 10, max_bytes=1 << 20)


def payloads(path: Path, offset: int = 0, **limits: int) -> list[bytes]:
    return [frame.payload for frame in read_frames(path, offset, **{"max_frames": 100, **limits}).frames]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A segment of three frames."""
    path = tmp_path / "w-00000000.seg"
    path.write_bytes(segment.header(1) + b"".join(segment.frame(text) for text in (b"one", b"two", b"three")))
    return path


LAST = segment.FRAME.size + len(b"three")


@pytest.mark.parametrize("cut", range(1, LAST))
def test_a_torn_last_frame_is_the_end_at_every_byte(path: Path, cut: int) -> None:
    os.truncate(path, path.stat().st_size - cut)
    found = read_frames(path, 0, max_frames=100)
    assert [frame.payload for frame in found.frames] == [b"one", b"two"]
    assert found.end is End.TORN


def test_a_cut_between_frames_leaves_no_trace(path: Path) -> None:
    os.truncate(path, path.stat().st_size - LAST)
    assert read_frames(path, 0, max_frames=100).end is End.CLEAN


def test_reading_goes_on_where_it_ended(path: Path) -> None:
    first = read_frames(path, 0, max_frames=2)
    assert (len(first.frames), first.end) == (2, End.LIMIT)
    assert payloads(path, first.frames[-1].end) == [b"three"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_frames": 1}, [b"one"]),
        ({"max_bytes": 1}, [b"one"]),
        ({"max_bytes": 12}, [b"one", b"two"]),
        ({"end": segment.HEADER.size + 22}, [b"one", b"two"]),
    ],
)
def test_reading_keeps_its_limits(path: Path, limits: dict[str, int], expected: list[bytes]) -> None:
    assert payloads(path, **limits) == expected


def test_frames_larger_than_a_read_come_whole(tmp_path: Path) -> None:
    texts = [bytes([number]) * (900_000 + number) for number in range(1, 5)]
    path = tmp_path / "w-00000000.seg"
    path.write_bytes(segment.header(1) + b"".join(segment.frame(text) for text in texts))
    assert payloads(path) == texts


def test_a_live_writer_is_not_dead_and_a_closed_one_is(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", SMALL)
    for _ in range(20):
        writer.append(bytes(8000))
    (first, *_, last) = list_segments(tmp_path)
    assert (is_closed(first.path), is_closed(last.path)) == (True, False)
    assert not is_dead(tmp_path, "w0-a")
    writer.close()
    assert is_closed(last.path)
    assert is_dead(tmp_path, "w0-a")


def test_a_writer_without_segments_is_dead(tmp_path: Path) -> None:
    assert is_dead(tmp_path, "w0-a")
    assert is_dead(tmp_path / "not-there", "w0-a")


def test_segments_are_told_apart_by_writer_and_in_order(tmp_path: Path) -> None:
    for name in ("w1-b-00000001.seg", "w0-a-00000010.seg", "w1-b-00000000.seg", "w0-a-00000009.seg", "x.txt"):
        (tmp_path / name).write_bytes(b"12345")
    found = by_writer(list_segments(tmp_path))
    assert {writer: [file.name.seq for file in files] for writer, files in found.items()} == {
        "w0-a": [9, 10],
        "w1-b": [0, 1],
    }
    assert used_bytes(tmp_path) == 20


def test_one_at_a_time_may_delete_a_segment(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", SMALL)
    (file,) = list_segments(tmp_path)
    with held_for_deletion(file.path) as held:
        assert not held
    writer.close()
    with held_for_deletion(file.path) as held, held_for_deletion(file.path) as again:
        assert (held, again) == (True, False)
        file.path.unlink()
    with held_for_deletion(file.path) as held:
        assert not held


def test_what_a_dying_writer_left_is_removed_in_time(tmp_path: Path) -> None:
    left = tmp_path / "w0-a-00000000.tmp"
    left.touch()
    made = left.stat().st_mtime
    remove_abandoned(tmp_path, made + 59)
    assert left.exists()
    remove_abandoned(tmp_path, made + 61)
    assert not left.exists()
