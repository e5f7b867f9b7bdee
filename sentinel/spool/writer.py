"""The writing side: one SpoolWriter per start of a worker.

- `append` returns once the frame is in the file: it then survives the death of the process.
- The writer holds an exclusive flock on the segment that it appends to, from before the file has its name
  until it is closed; the next segment is locked before the last one is let go.
- What cannot be written raises SpoolFull and leaves no half frame behind: a full disk (ENOSPC, EDQUOT) is the
  same as a full spool, and so is any other refusal of the file system: no answer may leave without a record.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from sentinel.core.errors import SpoolFull
from sentinel.spool import segment
from sentinel.spool.config import SpoolConfig
from sentinel.spool.reader import held_for_deletion, list_segments, used_bytes

logger = logging.getLogger(__name__)

_SCAN_SECONDS = 1.0
_USUAL_RECORD_BYTES = 4096


class SpoolStats(msgspec.Struct):
    """What one writer did since it began. `directory_bytes` is the whole directory as last measured."""

    records: int = 0
    bytes: int = 0
    rejected: int = 0
    dropped_records: int = 0
    directory_bytes: int = 0


def new_writer_id(slot: int) -> str:
    """A name that no earlier start of this worker had: its slot and the nanosecond of the start."""
    return f"w{slot}-{time.time_ns():x}"


class SpoolWriter:
    """Appends records to the segment files of one writer id. Safe to call from several threads."""

    def __init__(
        self,
        directory: Path,
        writer_id: str,
        config: SpoolConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin the first segment. Raises SpoolFull when the directory cannot be written."""
        self.directory, self.writer_id, self.config = directory, writer_id, config or SpoolConfig()
        self.stats = SpoolStats()
        # Turning to the next segment at the bound still has to fit below it.
        self._limit = self.config.max_bytes - segment.HEADER.size
        self._clock = clock
        self._lock = threading.Lock()
        self._retired: list[int] = []
        self._fd, self._seq = -1, -1
        self._size, self._frames, self._damaged = 0, 0, False
        self._directory_changed = False
        self._turn_at = self._measure_at = float("inf")
        self._begin_segment()
        self._measure(clock())

    def append(self, data: bytes) -> None:
        """Write one record of 1 to 64 MiB bytes. Raises SpoolFull, and then nothing of it is in the spool."""
        size = len(data)
        if not 0 < size <= segment.MAX_PAYLOAD:
            raise SpoolFull(f"a record of {size} bytes does not fit into the spool")
        with self._lock:
            if self._fd < 0:
                raise SpoolFull("the spool is closed")
            need = size + segment.FRAME.size
            now = self._clock()
            if (
                self._size + need > self.config.segment_bytes
                or now >= self._turn_at
                or now >= self._measure_at
                or self.stats.directory_bytes + need > self._limit
            ):
                self._make_room(need, now)
            frame = segment.frame(data)
            try:
                self._write(frame)
            except OSError as error:
                self._retry_after_drop(frame, error)
            self._size += need
            self._frames += 1
            stats = self.stats
            stats.records += 1
            stats.bytes += need
            stats.directory_bytes += need

    def full(self) -> bool:
        """Whether a record would find no room, so that a call can be turned away before it costs anything."""
        limit = self.config.max_bytes - _USUAL_RECORD_BYTES
        if self.stats.directory_bytes <= limit or self.config.on_full == "drop_oldest":
            return False
        with self._lock:
            now = self._clock()
            if now >= self._measure_at:
                self._measure(now)
            if self.stats.directory_bytes > limit and self._frames and self._fd >= 0:
                # As in `_make_room`: what is ours and exported can only be deleted once it is closed.
                with contextlib.suppress(SpoolFull):
                    self._turn()
        return self.stats.directory_bytes > limit

    def close(self) -> None:
        """Let go of the active segment; with `sync: power` only after its bytes are on the disk."""
        with self._lock:
            if self._fd >= 0:
                self._retired.append(self._fd)
                self._fd = -1
        self.sync()

    def sync(self) -> None:
        """Bring everything appended so far to the disk. Blocks.

        Raises SpoolFull when the disk fails. The active segment is then given up, for the kernel reports a
        lost page once only and a second sync would look like a success (fsync(2)).
        """
        power = self.config.sync == "power"
        with self._lock:
            handles, self._retired = self._retired, []
            if power and self._fd >= 0:
                handles.append(os.dup(self._fd))
            directory_changed, self._directory_changed = self._directory_changed, False
        try:
            if power:
                for handle in handles:
                    os.fdatasync(handle)
                if directory_changed:
                    _sync_directory(self.directory)
        except OSError as error:
            self._give_up_segment()
            raise _refusal(error) from None
        finally:
            for handle in handles:
                os.close(handle)

    def _write(self, frame: bytes) -> None:
        written = os.write(self._fd, frame)
        while written < len(frame):
            written += os.write(self._fd, frame[written:])

    def _retry_after_drop(self, frame: bytes, error: OSError) -> None:
        """Take back half a frame; with `drop_oldest` free a segment and try once more."""
        self._cut_back()
        if self.config.on_full == "drop_oldest" and self._drop_one():
            try:
                self._write(frame)
                return
            except OSError as again:
                error = again
                self._cut_back()
        self.stats.rejected += 1
        raise _refusal(error) from None

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            # The half frame stays; as the last bytes of a closed segment it reads as a torn tail.
            self._damaged, self._turn_at = True, float("-inf")

    def _make_room(self, need: int, now: float) -> None:
        if self._damaged or (
            self._frames and (self._size + need > self.config.segment_bytes or now >= self._turn_at)
        ):
            self._turn()
        if now >= self._measure_at:
            self._measure(now)
        limit = self._limit
        if self.stats.directory_bytes + need <= limit:
            return
        # A full active segment could never be deleted while it is ours: close it, so that room can be made.
        if self._frames:
            self._turn()
        if self.config.on_full == "drop_oldest":
            while self.stats.directory_bytes + need > limit and self._drop_one():
                pass
        if self.stats.directory_bytes + need > limit:
            self.stats.rejected += 1
            raise SpoolFull(
                f"the spool holds {self.stats.directory_bytes} bytes and its bound is {self.config.max_bytes}"
            )

    def _drop_one(self) -> bool:
        """Delete the oldest closed segment of any writer and leave a note of how many records it held."""
        oldest = sorted(list_segments(self.directory), key=lambda entry: (entry.modified_ns, entry.name.seq))
        for entry in oldest:
            with held_for_deletion(entry.path) as held:
                if not held:
                    continue
                try:
                    records = segment.count_frames(entry.path)
                    entry.path.with_suffix(segment.DROPPED_SUFFIX).write_text(f"{records}\n")
                    entry.path.unlink()
                except OSError as error:
                    logger.error("cannot drop spool segment %s: %s", entry.path.name, error)
                    return False
            self.stats.dropped_records += records
            self.stats.directory_bytes -= entry.size
            logger.error("spool at its bound: dropped %d records (%s)", records, entry.path.name)
            return True
        return False

    def _measure(self, now: float) -> None:
        self.stats.directory_bytes = used_bytes(self.directory)
        self._measure_at = now + _SCAN_SECONDS

    def _turn(self) -> None:
        """Begin the next segment, then let go of this one."""
        last = self._fd
        self._begin_segment()
        if self.config.sync == "power":
            self._retired.append(last)
        else:
            os.close(last)

    def _give_up_segment(self) -> None:
        with self._lock:
            if self._fd >= 0:
                try:
                    self._turn()
                except SpoolFull as error:
                    logger.error("%s", error)

    def _begin_segment(self) -> None:
        name = segment.SegmentName(self.writer_id, self._seq + 1)
        path = self.directory / str(name)
        temporary = path.with_suffix(segment.TEMPORARY_SUFFIX)
        fd = -1
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(temporary, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.write(fd, segment.header(time.time_ns()))
            temporary.rename(path)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
                temporary.unlink(missing_ok=True)
            raise _refusal(error) from None
        self._fd, self._seq, self._directory_changed = fd, name.seq, True
        self._size, self._frames, self._damaged = segment.HEADER.size, 0, False
        self.stats.directory_bytes += segment.HEADER.size
        self._turn_at = self._clock() + self.config.segment_seconds


def _refusal(error: OSError) -> SpoolFull:
    return SpoolFull(f"the spool cannot be written: {error.strerror or error}")


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
