from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from sentinel.core.errors import SpoolFull
from sentinel.spool.commit import GroupCommit
from sentinel.spool.config import SpoolConfig
from sentinel.spool.reader import End, list_segments, read_frames
from sentinel.spool.writer import SpoolWriter

POWER = SpoolConfig(sync="power", segment_bytes=64 << 10, max_bytes=8 << 20)


class Disk:
    """Watches fdatasync, which still happens; `broken` makes it fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced: list[int] = []
        self.broken = False
        real = os.fdatasync

        def fdatasync(fd: int) -> None:
            if self.broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.synced.append(os.fstat(fd).st_ino)
            real(fd)

        monkeypatch.setattr(os, "fdatasync", fdatasync)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def call(writer: SpoolWriter, group: GroupCommit, data: bytes) -> None:
    writer.append(data)
    await group.commit()


def test_waiting_calls_share_a_sync(tmp_path: Path, disk: Disk) -> None:
    async def run() -> None:
        writer = SpoolWriter(tmp_path, "w0-a", POWER)
        group = GroupCommit(writer)
        await asyncio.gather(*(call(writer, group, b"%d" % number) for number in range(200)))

    asyncio.run(run())
    assert 1 <= len(disk.synced) <= 3


def test_a_commit_covers_segments_that_were_turned_meanwhile(tmp_path: Path, disk: Disk) -> None:
    async def run() -> None:
        writer = SpoolWriter(tmp_path, "w0-a", POWER)
        group = GroupCommit(writer)
        for _ in range(200):
            writer.append(bytes(1000))
        await group.commit()

    asyncio.run(run())
    assert set(disk.synced) == {file.path.stat().st_ino for file in list_segments(tmp_path)}


def test_closing_brings_everything_to_the_disk(tmp_path: Path, disk: Disk) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", POWER)
    writer.append(b"one")
    writer.close()
    assert disk.synced == [list_segments(tmp_path)[0].path.stat().st_ino]


def test_no_sync_is_paid_for_that_nobody_asked_for(tmp_path: Path, disk: Disk) -> None:
    writer = SpoolWriter(tmp_path, "w0-a", SpoolConfig(sync="process"))
    writer.append(b"one")
    writer.close()
    assert disk.synced == []


def test_a_failing_disk_fails_every_waiting_call_and_no_later_one(tmp_path: Path, disk: Disk) -> None:
    async def run() -> list[BaseException | None]:
        writer = SpoolWriter(tmp_path, "w0-a", POWER)
        group = GroupCommit(writer)
        disk.broken = True
        results = await asyncio.gather(
            *(call(writer, group, b"%d" % number) for number in range(20)), return_exceptions=True
        )
        disk.broken = False
        await call(writer, group, b"later")
        return results

    results = asyncio.run(run())
    assert len(results) == 20
    assert {type(result) for result in results} == {SpoolFull}
    segments = list_segments(tmp_path)
    assert len(segments) >= 2, "the segment whose pages may be lost is given up"
    last = read_frames(segments[-1].path, 0, max_frames=9)
    assert ([frame.payload for frame in last.frames], last.end) == ([b"later"], End.CLEAN)


def test_a_call_that_is_cancelled_disturbs_no_other(tmp_path: Path, disk: Disk) -> None:
    async def run() -> None:
        writer = SpoolWriter(tmp_path, "w0-a", POWER)
        group = GroupCommit(writer)
        first = asyncio.create_task(call(writer, group, b"first"))
        second = asyncio.create_task(call(writer, group, b"second"))
        await asyncio.sleep(0)
        first.cancel()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(run())
    assert disk.synced
