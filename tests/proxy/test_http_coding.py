"""Content codings are undone whatever the pieces, within the bound, and never past a mistake."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.errors import WireError
from sentinel.proxy.http_coding import TooLarge, UnknownCoding, Unpacker, codings, readable, unpacked


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACK = {"gzip": gzip.compress, "br": brotli.compress, "deflate": zlib.compress, "bare deflate": bare}


def coding(name: str) -> str:
    return name.rpartition(" ")[2]


@pytest.mark.parametrize("name", PACK)
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_cut(name: str, data: bytes, cuts: list[int]) -> None:
    packed = PACK[name](data)
    unpacker = Unpacker([coding(name)])
    places = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    out = [
        piece
        for start, end in zip(places, places[1:], strict=False)
        for piece in unpacker.feed(packed[start:end])
    ]
    unpacker.finish()
    assert b"".join(out) == data


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_stops_at_the_bound(name: str) -> None:
    bomb = PACK[name](bytes(50_000_000))
    pieces = Unpacker([coding(name)]).feed(bomb)
    assert len(next(pieces)) < 1 << 20
    with pytest.raises(TooLarge):
        unpacked(bomb, [coding(name)], 1_000_000)
    assert unpacked(bomb, [coding(name)], 50_000_000) == bytes(50_000_000)


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("harm", ["cut short", "more behind it", "noise"])
def test_a_broken_body(name: str, harm: str) -> None:
    packed = PACK[name](b"some text " * 40)
    body = {"cut short": packed[:-3], "more behind it": packed + b"!!", "noise": b"\xff\xff" * 40}[harm]
    with pytest.raises(WireError):
        unpacked(body, [coding(name)], 1_000_000)


def test_several_members_and_padding() -> None:
    assert unpacked(gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0", ["gzip"], 10) == b"ab"


def test_one_in_another_is_undone_last_first() -> None:
    both = brotli.compress(gzip.compress(b"text"))
    assert unpacked(both, codings([(b"content-encoding", b"gzip, br")]), 100) == b"text"
    assert (
        unpacked(both, codings([(b"content-encoding", b"gzip"), (b"content-encoding", b"br")]), 100)
        == b"text"
    )


@pytest.mark.parametrize("value", [b"zstd", b"gzip, zstd", b"gzip,gzip,gzip,gzip", b"compress"])
def test_what_cannot_be_undone(value: bytes) -> None:
    with pytest.raises(UnknownCoding):
        codings([(b"content-encoding", value)])


def test_no_coding() -> None:
    assert codings([]) == codings([(b"content-encoding", b"identity")]) == []
    assert unpacked(b"as it is", [], 8) == b"as it is"


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        (["gzip, deflate, br, zstd"], "gzip, deflate, br"),
        (["zstd"], "identity"),
        (["*"], "identity"),
        (["br;q=1.0, zstd;q=0.5", "gzip;q=0.1"], "br;q=1.0, gzip;q=0.1"),
    ],
)
def test_the_model_server_may_only_choose_what_can_be_read(asked: list[str], offered: str) -> None:
    assert readable(asked) == offered
