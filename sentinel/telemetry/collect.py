"""The spool as the exporter sees it: what is there, and the next frames to claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from sentinel.spool import segment
from sentinel.spool.reader import End, SegmentFile, by_writer, read_frames, segments_and_dead
from sentinel.telemetry.ledger import Member


class WriterView(msgspec.Struct, frozen=True):
    """One writer's segments in order. `dead` was found out before any of them was read."""

    writer: str
    segments: tuple[SegmentFile, ...]
    dead: bool

    def is_final(self, file: SegmentFile) -> bool:
        """Whether nothing will be appended to the segment any more."""
        return self.dead or file is not self.segments[-1]


class Item(msgspec.Struct, frozen=True):
    """One encoded record and the place that it was read from."""

    segment: str
    start: int
    end: int
    payload: bytes
    synthetic: bool = False

    @property
    def writer(self) -> str:
        name = segment.parse_name(self.segment)
        return name.writer if name else self.segment


class Finished(msgspec.Struct, frozen=True):
    """A final segment whose frames are all claimed. `end` tells what stands behind them, at `offset`."""

    file: SegmentFile
    offset: int
    end: End


class Collected(msgspec.Struct, frozen=True):
    items: list[Item]
    finished: list[Finished]
    full: bool


Cursors = Mapping[str, tuple[int, int]]


def look(directory: Path) -> list[WriterView]:
    """All writers that have segments, the one with the longest waiting segment first."""
    segments, dead = segments_and_dead(directory)
    views = [WriterView(name, tuple(files), name in dead) for name, files in by_writer(segments).items()]
    return sorted(views, key=lambda view: view.segments[0].modified_ns)


def collect(views: list[WriterView], cursors: Cursors, max_records: int, max_bytes: int) -> Collected:
    """The frames behind the cursors, oldest writer first, up to the limits."""
    found = Collected([], [], False)
    taken = 0
    for view in views:
        for file in view.segments:
            offset, _ = cursors.get(str(file.name), (0, 0))
            if len(found.items) >= max_records or taken >= max_bytes:
                return msgspec.structs.replace(found, full=True)
            try:
                read = read_frames(
                    file.path, offset, max_frames=max_records - len(found.items), max_bytes=max_bytes - taken
                )
            except FileNotFoundError:
                continue  # dropped at the bound; its note tells how much it held
            for frame in read.frames:
                found.items.append(Item(str(file.name), frame.start, frame.end, frame.payload))
                taken += frame.end - frame.start
            if read.end is End.LIMIT:
                return msgspec.structs.replace(found, full=True)
            if not view.is_final(file):
                break  # what is damaged here is told once its writer turns to the next segment
            if not read.frames:
                found.finished.append(Finished(file, max(offset, 0), read.end))
    return found


def members(items: list[Item]) -> list[Member]:
    """Neighbouring frames joined: what the ledger keeps of a batch."""
    joined: list[Member] = []
    for item in items:
        if item.synthetic:
            joined.append(Member(item.segment, 0, 0, 1, item.payload))
            continue
        last = joined[-1] if joined else None
        if last and last.payload is None and last.segment == item.segment and last.end == item.start:
            joined[-1] = Member(last.segment, last.start, item.end, last.records + 1)
        else:
            joined.append(Member(item.segment, item.start, item.end, 1))
    return joined


def reread(directory: Path, batch: tuple[Member, ...]) -> tuple[list[Item], int]:
    """The items of a batch that an earlier exporter claimed, and how many of them are no longer there."""
    items: list[Item] = []
    lost = 0
    for member in batch:
        if member.payload is not None:
            items.append(Item(member.segment, 0, 0, member.payload, synthetic=True))
            continue
        try:
            frames = read_frames(
                directory / member.segment, member.start, max_frames=member.records, end=member.end
            ).frames
        except FileNotFoundError:
            frames = []
        items += [Item(member.segment, frame.start, frame.end, frame.payload) for frame in frames]
        lost += member.records - len(frames)
    return items, lost


def unread_bytes(segments: Iterable[SegmentFile], cursors: Cursors) -> int:
    """Bytes that no batch has claimed yet."""
    return sum(
        max(0, file.size - max(cursors.get(str(file.name), (0, 0))[0], segment.HEADER.size))
        for file in segments
    )
