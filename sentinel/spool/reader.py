"""The reading side: which segments there are, whose writer is done, and the frames of one from an offset on.

header | frame | frame | frame | half a fra            a live writer: wait; a dead one: the end (torn tail)
                 ^ offset: always the start of a frame, or the end of the last whole one
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import defaultdict
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from zlib import crc32

import msgspec

from sentinel.spool import segment
from sentinel.spool.segment import SegmentName

_CHUNK = 1 << 20
_ABANDONED_SECONDS = 60


class SegmentFile(msgspec.Struct, frozen=True, gc=False):
    """A segment as the directory shows it."""

    path: Path
    name: SegmentName
    size: int
    modified_ns: int


class End(Enum):
    """Why a read stopped."""

    LIMIT = "limit"  # enough was read; there may be more
    CLEAN = "clean"  # the file ends with a whole frame
    TORN = "torn"  # the file ends within a frame
    CORRUPT = "corrupt"  # what stands at the offset is not a frame


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A payload and where it stands: `[start, end)` in bytes of the file."""

    start: int
    end: int
    payload: bytes


class Frames(msgspec.Struct, frozen=True):
    """What was read, in order, and why it ended."""

    frames: list[Frame]
    end: End


def list_segments(directory: Path) -> list[SegmentFile]:
    """All segments of a directory, by name. A directory that does not exist holds none."""
    found = []
    for entry, name in _scan(directory):
        parsed = segment.parse_name(name)
        if parsed is None:
            continue
        try:
            stat = entry.stat()
        except FileNotFoundError:
            continue
        found.append(SegmentFile(Path(entry.path), parsed, stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda file: file.name)


def by_writer(segments: list[SegmentFile]) -> dict[str, list[SegmentFile]]:
    """The segments of each writer, in the order in which they were written."""
    writers = defaultdict(list)
    for file in sorted(segments, key=lambda file: file.name):
        writers[file.name.writer].append(file)
    return dict(writers)


def used_bytes(directory: Path) -> int:
    """Bytes of all segments."""
    total = 0
    for entry, name in _scan(directory):
        if name.endswith(segment.SUFFIX):
            try:
                total += entry.stat().st_size
            except FileNotFoundError:
                continue
    return total


def is_closed(path: Path) -> bool:
    """Whether no writer holds the segment any more. False as well when it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two readers that ask at the same moment do not take each other for the writer.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


@contextlib.contextmanager
def held_for_deletion(path: Path) -> Iterator[bool]:
    """Whether the segment is closed and still there; nobody else can delete it within the `with`."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield os.fstat(fd).st_nlink > 0
    finally:
        os.close(fd)


def segments_and_dead(directory: Path) -> tuple[list[SegmentFile], set[str]]:
    """All segments, and the writers that will never append again: their last segment is closed, and still
    their last afterwards.

    A live writer locks its next segment before it lets go of the last, so the second look sees that one.
    """
    closed = {
        files[-1].name for files in by_writer(list_segments(directory)).values() if is_closed(files[-1].path)
    }
    segments = list_segments(directory)
    dead = {writer for writer, files in by_writer(segments).items() if files[-1].name in closed}
    return segments, dead


def is_dead(directory: Path, writer: str) -> bool:
    """Whether one writer will never append again; true as well when it has no segments."""
    segments, dead = segments_and_dead(directory)
    return writer in dead or all(file.name.writer != writer for file in segments)


def read_frames(
    path: Path, offset: int, *, max_frames: int, max_bytes: int = segment.MAX_PAYLOAD, end: int | None = None
) -> Frames:
    """Up to `max_frames` frames from `offset` on (0 is the first), at most up to `end`, and no further once
    `max_bytes` are passed.

    Raises FileNotFoundError when the segment is gone and OSError when it cannot be read.
    """
    frames: list[Frame] = []
    with path.open("rb") as file:
        if offset < segment.HEADER.size:
            head = file.read(segment.HEADER.size)
            if len(head) < segment.HEADER.size:
                return Frames(frames, End.TORN)
            magic, version, _ = segment.HEADER.unpack(head)
            if magic != segment.MAGIC or version != segment.VERSION:
                return Frames(frames, End.CORRUPT)
            offset = segment.HEADER.size
        file.seek(offset)
        data = b""
        position = 0
        first = offset
        while end is None or offset < end:
            if len(frames) >= max_frames or offset - first >= max_bytes:
                return Frames(frames, End.LIMIT)
            if len(data) - position < segment.FRAME.size:
                data, position = data[position:] + file.read(_CHUNK), 0
                if not data:
                    return Frames(frames, End.CLEAN)
                if len(data) < segment.FRAME.size:
                    return Frames(frames, End.TORN)
            length, checksum = segment.FRAME.unpack_from(data, position)
            if not 0 < length <= segment.MAX_PAYLOAD:
                return Frames(frames, End.CORRUPT)
            size = segment.FRAME.size + length
            if len(data) - position < size:
                data, position = data[position:] + file.read(max(_CHUNK, size)), 0
                if len(data) < size:
                    return Frames(frames, End.TORN)
            payload = data[position + segment.FRAME.size : position + size]
            if crc32(payload, length) != checksum:
                return Frames(frames, End.CORRUPT)
            frames.append(Frame(offset, offset + size, payload))
            position += size
            offset += size
    return Frames(frames, End.CLEAN if end is None else End.LIMIT)


def remove_abandoned(directory: Path, now: float) -> None:
    """Delete what writers left behind that died while they made a segment. `now`: seconds since the epoch."""
    for entry, name in _scan(directory):
        if name.endswith(segment.TEMPORARY_SUFFIX):
            try:
                if now - entry.stat().st_mtime > _ABANDONED_SECONDS:
                    os.unlink(entry.path)
            except FileNotFoundError:
                continue


def _scan(directory: Path) -> Iterator[tuple[os.DirEntry[str], str]]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                yield entry, entry.name
    except FileNotFoundError:
        return
