from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.adapters._sse import EventReader, Frame, read_frame
from sentinel.core.errors import WireError
from tests.adapters.pieces import pieces_of

LINES = st.sampled_from(
    [
        "data: {}",
        "data:é😀",
        "data",
        "event: x",
        ": ping",
        ":",
        "id: 1",
        "",
        "",
        "retry: 5",
        "data: a b",
        "\u2028",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
STREAMS = st.builds(
    lambda bom, lines: (bom + "".join(line + end for line, end in lines)).encode(),
    st.sampled_from(["", "\ufeff"]),
    st.lists(st.tuples(LINES, ENDS), max_size=12),
)


def events_of(pieces: list[bytes], limit: int = 1 << 20) -> list[str]:
    reader = EventReader(limit)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.close()


def dispatched(events: list[str]) -> list[list[str]]:
    """The blocks of data lines that a receiver sees, by the letter of the standard."""
    text = "".join(events).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    blocks: list[list[str]] = []
    for block in text.split("\n\n"):
        names = [line.partition(":") for line in block.split("\n")]
        data = [value.removeprefix(" ") for name, _, value in names if name == "data"]
        if data:
            blocks.append(data)
    return blocks


@given(STREAMS, st.data())
def test_any_cutting_gives_the_same_bytes_and_data(stream: bytes, data: st.DataObject) -> None:
    pieces = data.draw(pieces_of(stream))
    events = events_of(pieces)
    assert "".join(events).encode() == (stream if stream.endswith((b"\n", b"\r")) else b"")
    frames = [frame for frame in map(read_frame, events) if frame.start >= 0]
    assert [frame.text[frame.start : frame.end].split("\n") for frame in frames] == dispatched(events)
    whole = [frame for frame in map(read_frame, events_of([stream])) if frame.start >= 0]
    assert frames == whole


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_comment_and_a_blank_line_pass_at_once(end: str) -> None:
    reader = EventReader(1024)
    fed = reader.feed(f": keepalive{end}{end}:{end}data: x".encode())
    assert "".join(fed) == f": keepalive{end}{end}:{end}"


def test_an_event_leaves_with_its_blank_line() -> None:
    reader = EventReader(1024)
    assert reader.feed(b"event: a\ndata: 1\n") == []
    assert reader.feed(b"\ndata: 2\n\nda") == ["event: a\ndata: 1\n\n", "data: 2\n\n"]
    assert reader.feed(b"ta: 3\n\n") == ["data: 3\n\n"]


def test_a_character_cut_in_two() -> None:
    reader = EventReader(1024)
    data = "data: é\n\n".encode()
    assert reader.feed(data[:7]) == []
    assert reader.feed(data[7:]) == ["data: é\n\n"]


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(WireError, match="not UTF-8"):
        EventReader(1024).feed(b"data: \xff\n\n")


@pytest.mark.parametrize(
    "pieces",
    [[b"data: " + b"x" * 100 + b"\n\n"], [b"data: " + b"x" * 100], [b"data: x\n"] * 20, [b":" + b"x" * 99]],
)
def test_an_event_beyond_the_bound(pieces: list[bytes]) -> None:
    with pytest.raises(WireError, match="max_event_bytes"):
        events_of(pieces, limit=64)


@pytest.mark.parametrize(
    ("kept", "delivered"),
    [
        (b"data: x\n", ["data: x\n"]),
        (b"data: x\r", ["data: x\r"]),
        (b"data: x", []),
        (b"data: x\ndat", []),
        (b"", []),
    ],
)
def test_the_end_of_a_stream_delivers_complete_lines(kept: bytes, delivered: list[str]) -> None:
    reader = EventReader(1024)
    reader.feed(kept)
    assert reader.close() == delivered


def test_data_lines_are_joined() -> None:
    frame = read_frame("id: 7\ndata: {\nevent: e\ndata:  1\ndata\n: c\n\n")
    assert frame == Frame(
        text="id: 7\ndata: {\n 1\n\nevent: e\n: c\n\n",
        start=12,
        end=17,
        joints=(13, 16),
        others=frame.others,
    )
    assert [(field.name, frame.text[field.start : field.end]) for field in frame.others] == [
        ("id", "7"),
        ("event", "e"),
        ("", "c"),
    ]
