"""A body on its way between Envoy and whoever reads it."""

from __future__ import annotations

import asyncio

import pytest

from sentinel.proxy.envoy_exchange import Body
from tests.proxy.http_house import on_loop

PIECE = b"x" * 65_536


async def fill(body: Body, pieces: int) -> None:
    for _ in range(pieces):
        await body.put(PIECE, last=False)


@on_loop
async def test_what_came_is_got_in_one() -> None:
    body = Body()
    await body.put(b"one ", last=False)
    await body.put(b"", last=False)
    await body.put(b"two", last=False)
    assert await body.get() == (b"one two", True)
    await body.put(b"", last=True)
    assert await body.get() == (b"", False)


@on_loop
async def test_trailers_end_it() -> None:
    body = Body()
    await body.put(b"one", last=False)
    body.end_with_trailers()
    assert (await body.get(), body.trailers) == ((b"one", False), True)


@on_loop
async def test_what_is_unread_is_bounded() -> None:
    body = Body()
    filling = asyncio.create_task(fill(body, 40))
    await asyncio.wait([filling], timeout=0.05)
    got = [len((await body.get())[0]) // len(PIECE)]
    assert got == [17]  # a mebibyte, and the piece that passed it
    while sum(got) < 40:
        got.append(len((await body.get())[0]) // len(PIECE))
    await filling
    assert max(got) == 17


@on_loop
async def test_given_up_by_its_reader() -> None:
    body = Body()
    filling = asyncio.create_task(fill(body, 40))
    await asyncio.wait([filling], timeout=0.05)
    assert not filling.done()
    body.give_up()
    await filling


@on_loop
async def test_given_up_by_its_sender() -> None:
    body = Body()
    await body.put(b"one", last=False)
    getting = asyncio.create_task(body.get())
    assert await getting == (b"one", True)
    getting = asyncio.create_task(body.get())
    await asyncio.sleep(0)
    body.give_up()
    with pytest.raises(ConnectionError):
        await getting
