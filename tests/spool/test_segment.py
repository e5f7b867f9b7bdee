from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.spool import segment
from sentinel.spool.reader import End, read_frames
from sentinel.spool.segment import SegmentName, count_frames, parse_name

PAYLOADS = st.lists(st.binary(min_size=1, max_size=300), max_size=8)


def contents(payloads: list[bytes]) -> bytes:
    return segment.header(1) + b"".join(segment.frame(payload) for payload in payloads)


def read(path: Path, data: bytes) -> tuple[list[bytes], End]:
    path.write_bytes(data)
    found = read_frames(path, 0, max_frames=1000)
    return [frame.payload for frame in found.frames], found.end


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("segments") / "w-00000000.seg"


@given(PAYLOADS)
def test_what_is_framed_comes_back(path: Path, payloads: list[bytes]) -> None:
    assert read(path, contents(payloads)) == (payloads, End.CLEAN)
    assert count_frames(path) == len(payloads)


@given(PAYLOADS, st.data())
def test_a_file_cut_anywhere_gives_a_prefix(path: Path, payloads: list[bytes], data: st.DataObject) -> None:
    whole = contents(payloads)
    found, end = read(path, whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert found == payloads[: len(found)]
    assert end in (End.TORN, End.CLEAN)
    assert count_frames(path) == len(found)


@given(PAYLOADS, st.data())
def test_a_damaged_byte_never_gives_another_record(
    path: Path, payloads: list[bytes], data: st.DataObject
) -> None:
    damaged = bytearray(contents(payloads))
    position = data.draw(st.integers(0, len(damaged) - 1))
    damaged[position] ^= data.draw(st.integers(1, 255))
    found, end = read(path, bytes(damaged))
    assert found == payloads[: len(found)]
    in_the_creation_time = 8 <= position < segment.HEADER.size
    assert (end is End.CLEAN) == in_the_creation_time


def test_a_tail_of_zeros_is_no_record(path: Path) -> None:
    assert read(path, contents([b"one"]) + bytes(4096)) == ([b"one"], End.CORRUPT)


def test_another_format_version_is_not_read(path: Path) -> None:
    data = bytearray(contents([b"one"]))
    data[7] += 1
    assert read(path, bytes(data)) == ([], End.CORRUPT)


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("w0-18ead9-00000007.seg", SegmentName("w0-18ead9", 7)),
        ("w0-18ead9-00000007.tmp", None),
        ("w0-18ead9-00000007.dropped", None),
        ("w0-18ead9-7.seg", None),
        ("notes.txt", None),
    ],
)
def test_only_segments_have_a_segments_name(name: str, parsed: SegmentName | None) -> None:
    assert parse_name(name) == parsed
    if parsed:
        assert str(parsed) == name
