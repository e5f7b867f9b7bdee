from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.spool.config import SpoolConfig
from sentinel.spool.reader import End, list_segments
from sentinel.spool.writer import SpoolWriter
from sentinel.telemetry.collect import Collected, Item, collect, look, members, reread, unread_bytes
from sentinel.telemetry.ledger import Member

SMALL = SpoolConfig(segment_bytes=64 << 10, max_bytes=1 << 20)
MUCH = 1 << 30


def payloads(found: Collected) -> list[bytes]:
    return [item.payload for item in found.items]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    """Two dead writers, the second with two segments, and a live one."""
    first = SpoolWriter(tmp_path, "w0-a", SMALL)
    for number in range(3):
        first.append(b"a%d" % number)
    first.close()
    second = SpoolWriter(tmp_path, "w1-b", SMALL)
    second.append(b"b0" + bytes(60_000))
    second.append(b"b1" + bytes(60_000))
    second.close()
    live = SpoolWriter(tmp_path, "w2-c", SMALL)
    live.append(b"c0")
    yield tmp_path
    live.close()


def test_writers_are_told_alive_or_dead(spool: Path) -> None:
    assert {view.writer: view.dead for view in look(spool)} == {"w0-a": True, "w1-b": True, "w2-c": False}


def test_everything_behind_the_cursors_comes_in_order(spool: Path) -> None:
    found = collect(look(spool), {}, 100, MUCH)
    assert [payload[:2] for payload in payloads(found)] == [b"a0", b"a1", b"a2", b"b0", b"b1", b"c0"]
    assert not found.full


def test_a_cursor_is_where_reading_goes_on(spool: Path) -> None:
    everything = collect(look(spool), {}, 100, MUCH).items
    cursors = {item.segment: (item.end, 1) for item in everything[:2]}
    assert collect(look(spool), cursors, 100, MUCH).items == everything[2:]


@pytest.mark.parametrize(
    ("max_records", "max_bytes", "taken"),
    [(2, MUCH, 2), (4, MUCH, 4), (100, 1, 1), (100, 30, 3), (100, 70_000, 5)],
)
def test_limits_are_kept(spool: Path, max_records: int, max_bytes: int, taken: int) -> None:
    found = collect(look(spool), {}, max_records, max_bytes)
    assert (len(found.items), found.full) == (taken, True)


def test_only_what_nobody_appends_to_is_finished(spool: Path) -> None:
    cursors = {item.segment: (item.end, 1) for item in collect(look(spool), {}, 100, MUCH).items}
    found = collect(look(spool), cursors, 100, MUCH)
    assert found.items == []
    assert {str(finished.file.name): finished.end for finished in found.finished} == {
        "w0-a-00000000.seg": End.CLEAN,
        "w1-b-00000000.seg": End.CLEAN,
        "w1-b-00000001.seg": End.CLEAN,
    }
    assert unread_bytes(list_segments(spool), cursors) == 0


def test_unread_bytes_leave_headers_out(spool: Path) -> None:
    items = collect(look(spool), {}, 100, MUCH).items
    assert unread_bytes(list_segments(spool), {}) == sum(item.end - item.start for item in items)


def test_neighbours_are_one_member() -> None:
    items = [
        Item("s", 16, 20, b"1"),
        Item("s", 20, 30, b"2"),
        Item("t", 30, 40, b"3"),
        Item("t", 50, 60, b"4"),
        Item("w", 0, 0, b"made", synthetic=True),
        Item("w", 0, 0, b"made too", synthetic=True),
    ]
    assert members(items) == [
        Member("s", 16, 30, 2),
        Member("t", 30, 40, 1),
        Member("t", 50, 60, 1),
        Member("w", 0, 0, 1, b"made"),
        Member("w", 0, 0, 1, b"made too"),
    ]


def test_a_batch_is_read_again_as_it_was(spool: Path) -> None:
    items = collect(look(spool), {}, 5, MUCH).items
    items.append(Item("w9-z", 0, 0, b"made", synthetic=True))
    assert reread(spool, tuple(members(items))) == (items, 0)


def test_what_is_gone_since_is_counted(spool: Path) -> None:
    batch = tuple(members(collect(look(spool), {}, 5, MUCH).items))
    list_segments(spool)[0].path.unlink()
    items, lost = reread(spool, batch)
    assert ([item.payload[:2] for item in items], lost) == ([b"b0", b"b1"], 3)


def test_an_item_knows_its_writer() -> None:
    assert Item("w0-a-00000007.seg", 16, 20, b"").writer == "w0-a"
    assert Item("w0-a", 0, 0, b"", synthetic=True).writer == "w0-a"
