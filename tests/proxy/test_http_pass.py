"""What nothing reads passes as it is, both ways, and is recorded as unread."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from sentinel.core.record import Outcome, Phase, Screened
from sentinel.guard.screener import Screener
from tests.proxy.http_house import House, house, on_loop
from tests.rawhttp import Connection, answer, ask, chunked, read_message, request, upstream

BODY = bytes(range(256)) * 40


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
@on_loop
async def test_every_method(lenient: Screener, method: str) -> None:
    body = b"" if method in ("GET", "HEAD", "OPTIONS", "DELETE") else BODY
    async with upstream(answer(200, b"" if method == "HEAD" else BODY)) as up:
        async with house(lenient, up.address) as it:
            seen = await ask(it.address, request(method, "/files/a%20b?x=1&y=%2F", body, "X-A: 1", "X-A: 2"))
            assert (seen.status, seen.body) == (200, b"" if method == "HEAD" else BODY)


@on_loop
async def test_a_request_arrives_as_it_was(lenient: Screener) -> None:
    async with upstream() as up, house(lenient, up.address, prefix="/api") as it:
        fields = ("X-A: 1", "X-A: 2", "Authorization: Bearer t", "Connection: x-b", "X-B: 3", "Cookie: c=1")
        await ask(it.address, request("POST", "/files/a%20b?x=1&y=%2F", BODY, *fields))
        (arrived,) = up.seen
    assert (arrived.method, arrived.target) == ("POST", "/api/files/a%20b?x=1&y=%2F")
    assert arrived.body == BODY
    assert (arrived.all("x-a"), arrived.get("x-b")) == (["1", "2"], "")
    assert (arrived.get("authorization"), arrived.get("cookie")) == ("Bearer t", "c=1")
    assert arrived.get("host") == up.address
    assert arrived.get("content-length") == str(len(BODY))
    assert not {name.lower() for name, _ in arrived.headers} & {"user-agent", "accept", "content-type", "te"}


@on_loop
async def test_an_answer_arrives_as_it_was(lenient: Screener) -> None:
    packed = gzip.compress(BODY)
    fields = ("Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Encoding: gzip", "ETag: x", "Keep-Alive: 5")
    async with upstream(answer(207, packed, *fields)) as up:
        async with house(lenient, up.address) as it:
            seen = await ask(it.address, request("GET", "/thing"))
    assert (seen.status, seen.body, seen.get("content-length")) == (207, packed, str(len(packed)))
    assert (seen.all("set-cookie"), seen.get("content-encoding"), seen.get("etag")) == (
        ["a=1", "b=2"],
        "gzip",
        "x",
    )
    names = {name for name, _ in seen.headers}
    assert names == {"set-cookie", "content-encoding", "etag", "content-length"}


@on_loop
async def test_chunks_both_ways(lenient: Screener) -> None:
    reply = answer(200, chunked(b"one", b"two"), "Transfer-Encoding: chunked", length=False)
    async with upstream(reply) as up, house(lenient, up.address) as it:
        head = request("POST", "/thing", b"", "Transfer-Encoding: chunked", length=False)
        seen = await ask(it.address, head + chunked(b"a", BODY))
        assert seen.body == b"onetwo"
        assert up.seen[0].body == b"a" + BODY


@pytest.mark.parametrize("status", [204, 304])
@on_loop
async def test_answers_without_a_body(lenient: Screener, status: int) -> None:
    async with upstream(answer(status, b"", "ETag: x", length=False)) as up:
        async with house(lenient, up.address) as it:
            connection = await Connection.open(it.address)
            for _ in range(2):
                await connection.send(request("GET", "/thing"))
                seen = await connection.answer()
                assert (seen.status, seen.get("etag"), seen.get("content-length")) == (status, "x", "")
            connection.close()
            assert up.connections == 1, "a connection that gave its answer is used again"


@on_loop
async def test_an_answer_that_ends_with_its_connection(lenient: Screener) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(answer(200, BODY, length=False))

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        for version in ("1.1", "1.0"):
            data = request("GET", "/thing").replace(b"HTTP/1.1", f"HTTP/{version}".encode())
            seen = await ask(it.address, data)
            assert (seen.body, seen.whole) == (BODY, True)
            assert bool(seen.get("content-length")) is (version == "1.0"), "HTTP/1.0 knows no chunks"


@on_loop
async def test_a_redirection_to_the_model_server_leads_back_to_us(lenient: Screener) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_message(reader)
            writer.write(answer(307, b"", f"Location: http://{up.address}/api/x/?q=1"))

    async with upstream(handler=handler) as up, house(lenient, up.address, prefix="/api") as it:
        assert (await ask(it.address, request("GET", "/x"))).get("location") == "/x/?q=1"


@on_loop
async def test_the_record(lenient: Screener) -> None:
    async with upstream(answer(200, b"12345")) as up, house(lenient, up.address) as it:
        seen = await ask(it.address, request("POST", "/v1/files/f-123?secret=1", b"abc", "X-Tenant: t1"))
        assert not [name for name, _ in seen.headers if name.startswith("sentinel-")]
        opened, final = it.kept.records
    assert (opened.phase, opened.outcome) == (Phase.OPEN, Outcome.INTERRUPTED)
    assert (final.phase, final.outcome, final.grpc_code) == (Phase.FINAL, Outcome.ANSWERED, "200")
    assert (final.method, final.tenant, final.protocol) == ("/v1/files/*", "t1", "unknown")
    assert (final.input_bytes, final.output_bytes) == (3, 5)
    assert {final.input_screened, final.output_screened} == {Screened.UNKNOWN_METHOD}
    assert final.upstream_ns > 0


async def broken(it: House, data: bytes) -> tuple[int, bytes, bool]:
    seen = await ask(it.address, data)
    return seen.status, seen.body, seen.whole


@pytest.mark.parametrize("form", ["length", "chunks"])
@on_loop
async def test_a_model_server_that_dies_half_way(lenient: Screener, form: str) -> None:
    """The caller sees that its answer is no whole one."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        head = "Content-Length: 9" if form == "length" else "Transfer-Encoding: chunked"
        writer.write(answer(200, b"12345" if form == "length" else b"5\r\n12345\r\n", head, length=False))
        await writer.drain()
        await asyncio.sleep(0.05)

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        assert await broken(it, request("GET", "/thing")) == (200, b"12345", False)
        assert (it.final.outcome, it.final.error_type) == (Outcome.UPSTREAM_ERROR, "upstream")


@pytest.mark.parametrize("what", ["nothing", "noise", "a bad status"])
@on_loop
async def test_a_model_server_that_gives_no_answer(lenient: Screener, what: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write({"nothing": b"", "noise": b"???\r\n\r\n", "a bad status": answer(799, b"")}[what])

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        seen = await ask(it.address, request("POST", "/thing", b"x"))
        assert (seen.status, seen.get("content-type")) == (502, "application/json")
        assert (it.final.outcome, it.final.grpc_code) == (Outcome.UPSTREAM_ERROR, "502")


@on_loop
async def test_a_model_server_that_is_away(lenient: Screener) -> None:
    async with house(lenient, "127.0.0.1:1") as it:
        seen = await ask(it.address, request("POST", "/thing", b"x"))
        assert seen.status == 502 and b"127.0.0.1:1" in seen.body
        assert (it.final.outcome, it.final.grpc_code) == (Outcome.UPSTREAM_ERROR, "502")


@pytest.mark.parametrize("when", ["before the answer", "in the answer", "in the request"])
@on_loop
async def test_a_caller_that_leaves_ends_the_call_at_the_model_server(lenient: Screener, when: str) -> None:
    asked = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if when == "in the answer":
            writer.write(answer(200, b"5\r\n12345\r\n", "Transfer-Encoding: chunked", length=False))
        asked.set()
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        body = b"x" if when == "in the request" else b""
        fields = ["Content-Length: 100"] if body else []
        await connection.send(request("POST", "/thing", body, *fields, length=False))
        await asked.wait()
        if when == "in the answer":
            await connection.reader.readuntil(b"12345")
        connection.drop()
        await asyncio.wait_for(up.ended.wait(), 5)
        await it.kept.ended.wait()
        assert (it.final.outcome, it.final.grpc_code) == (Outcome.CANCELLED, "499")
        assert it.driver.in_flight == 0


@on_loop
async def test_a_slow_reader_slows_the_model_server(lenient: Screener) -> None:
    sent = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_message(reader)
        writer.write(answer(200, b"", "Transfer-Encoding: chunked", length=False))
        while True:
            writer.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            await writer.drain()
            sent += 1 << 16

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(request("GET", "/thing"))
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        assert 0 < sent < 64 << 20
        connection.drop()


@on_loop
async def test_a_slow_model_server_slows_the_caller(lenient: Screener) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(60)

    async with (
        upstream(handler=handler) as up,
        house(lenient, up.address, limits={"max_message_bytes": 1 << 40}) as it,
    ):
        connection = await Connection.open(it.address)
        await connection.send(request("POST", "/thing", b"", f"Content-Length: {1 << 39}"))
        sent = 0
        try:
            while True:
                connection.writer.write(bytes(1 << 16))
                await asyncio.wait_for(connection.writer.drain(), 0.5)
                sent += 1 << 16
                assert sent < 64 << 20
        except TimeoutError:
            pass
        assert sent > 0
        connection.drop()


@on_loop
async def test_an_early_answer_ends_the_call(lenient: Screener) -> None:
    """The model server refuses an upload that is still on its way."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(401, b"who?"))
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(request("POST", "/thing", b"x", "Content-Length: 100", length=False))
        seen = await connection.answer()
        assert (seen.status, seen.body) == (401, b"who?")
        await asyncio.wait_for(up.ended.wait(), 5)
        connection.close()
