"""The server's edge: framing, pipelines, upgrades, slow and endless heads, drain, TLS."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from sentinel.guard.screener import Screener
from sentinel.proxy import http_server
from sentinel.proxy.tls import ClientTlsConfig, ServerTlsConfig
from sentinel.proxy.upstream import UpstreamConfig
from tests.proxy.http_house import house, on_loop
from tests.rawhttp import Connection, answer, ask, chunked, read_message, request, upstream

GET = request("GET", "/thing")


@pytest.mark.parametrize(
    "data",
    [
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\nX-A: a\rTransfer-Encoding: chunked\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"hello\r\n\r\n",
    ],
    ids=[
        "two framings",
        "two lengths",
        "signed length",
        "space before the colon",
        "bare line feed",
        "no such coding",
        "chunked is not last",
        "carriage return in a value",
        "bytes in the target",
        "TLS",
        "noise",
    ],
)
@on_loop
async def test_what_two_readers_could_take_in_two_ways_is_turned_away(lenient: Screener, data: bytes) -> None:
    async with upstream() as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(data)
        assert (await connection.answer()).status in (400, 501)
        connection.close()
        assert up.seen == []


@on_loop
async def test_keep_alive_and_pipelines(lenient: Screener) -> None:
    """Answers in the order of their requests, bodies kept apart."""
    replies = [answer(200, b"%d" % number) for number in range(4)]
    async with upstream(*replies) as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        posts = [request("POST", f"/{number}", b"body %d" % number) for number in range(3)]
        await connection.send(b"".join(posts))
        assert [(await connection.answer()).body for _ in posts] == [b"0", b"1", b"2"]
        await connection.send(GET)
        assert (await connection.answer()).body == b"3"
        assert [(seen.target, seen.body) for seen in up.seen[:3]] == [
            (f"/{number}", b"body %d" % number) for number in range(3)
        ]
        assert up.connections == 1
        connection.close()


@on_loop
async def test_noise_behind_a_request_is_not_its_answer(lenient: Screener) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(GET + b"noise\r\n\r\n")
        assert await connection.ended() == b""
        connection.close()


@on_loop
async def test_a_caller_that_leaves_ends_a_pipeline(lenient: Screener) -> None:
    asked = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        asked.set()
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(GET + GET + GET)
        await asked.wait()
        connection.close()
        await asyncio.wait_for(up.ended.wait(), 5)
        await it.kept.ended.wait()
        assert up.connections == 1


@on_loop
async def test_expect(lenient: Screener) -> None:
    """Asked to go on once, and only where the body is wanted."""
    async with upstream() as up, house(lenient, up.address, limits={"max_message_bytes": 4096}) as it:
        connection = await Connection.open(it.address)
        head = request("POST", "/x", b"", "Content-Length: 5", "Expect: 100-continue")
        await connection.send(head)
        assert (await connection.answer()).status == 100
        await connection.send(b"hello")
        assert (await connection.answer()).status == 200
        assert (up.seen[0].body, up.seen[0].get("expect")) == (b"hello", "")
        await connection.send(head.replace(b": 5", b": 5000"))
        assert (await connection.answer()).status == 413
        connection.close()


@pytest.mark.parametrize("kind", ["websocket", "h2c"])
@on_loop
async def test_an_upgrade_is_not_taken_up(lenient: Screener, kind: str) -> None:
    """And its body is read: Java's client offers h2c with every first request."""
    fields = (f"Upgrade: {kind}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk")
    async with upstream() as up, house(lenient, up.address) as it:
        for body in (b"", b"hello"):
            for pieces in (1, 2):
                connection = await Connection.open(it.address)
                data = request("POST", "/x", body, *fields)
                cut = len(data) if pieces == 1 else len(data) - len(body)
                await connection.send(data[:cut])
                await asyncio.sleep(0.02)
                await connection.send(data[cut:])
                assert (await connection.answer()).status == 200
                assert up.seen[-1].body == body
                assert not up.seen[-1].get("upgrade") + up.seen[-1].get("http2-settings")
                connection.close()


@on_loop
async def test_after_an_offer_of_an_upgrade_the_connection_goes_on_or_ends(lenient: Screener) -> None:
    """It must never hang."""
    fields = ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk")
    async with upstream() as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(request("POST", "/x", b"hello", *fields))
        assert (await connection.answer()).status == 200
        await connection.send(GET)
        assert (await connection.answer()).status == 200
        connection.close()
        assert len(up.seen) == 2


@on_loop
async def test_an_endless_head(lenient: Screener) -> None:
    async with house(lenient, "127.0.0.1:1", limits={"max_metadata_bytes": 4096}) as it:
        for start in (b"GET /", b"GET / HTTP/1.1\r\nX: "):
            connection = await Connection.open(it.address)
            await connection.send(start)
            for _ in range(20):
                if connection.reader.at_eof():
                    break
                try:
                    await connection.send(b"x" * 4096)
                except ConnectionError:
                    break
                await asyncio.sleep(0.01)
            try:
                assert (await connection.answer()).status == 431
            except (ConnectionError, asyncio.IncompleteReadError):
                assert await connection.ended() == b"", "closed while we were still sending"
            connection.close()


@on_loop
async def test_a_head_that_does_not_arrive(lenient: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_HEAD_S", 0.2)
    async with upstream() as up, house(lenient, up.address) as it:
        for data in (b"", b"GET /x HT", GET + b"GET /y HT"):
            connection = await Connection.open(it.address)
            await connection.send(data)
            if data.startswith(GET):
                assert (await connection.answer()).status == 200
            assert await connection.ended() == b""
            connection.close()


@on_loop
async def test_a_slow_body_is_not_a_slow_head(lenient: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_HEAD_S", 0.2)
    async with upstream() as up, house(lenient, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(request("POST", "/x", b"he", "Content-Length: 5", length=False))
        await asyncio.sleep(0.4)
        await connection.send(b"llo")
        assert (await connection.answer()).status == 200
        connection.close()


class TestDrain:
    @on_loop
    async def test_a_request_in_flight_is_answered(self, lenient: Screener) -> None:
        asked, release = asyncio.Event(), asyncio.Event()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_message(reader)
            asked.set()
            await release.wait()
            writer.write(answer(200, b"late"))

        async with upstream(handler=handler) as up, house(lenient, up.address) as it:
            busy, idle = await Connection.open(it.address), await Connection.open(it.address)
            await busy.send(GET)
            await asked.wait()
            stopping = asyncio.create_task(it.server.stop(10))
            assert await idle.ended() == b""
            with pytest.raises(OSError):
                await Connection.open(it.address)
            release.set()
            seen = await busy.answer()
            assert (seen.body, seen.get("connection")) == (b"late", "close")
            await stopping
            busy.close()
            idle.close()

    @pytest.mark.parametrize("begun", [False, True])
    @on_loop
    async def test_a_stuck_one_ends_with_it(self, lenient: Screener, begun: bool) -> None:
        asked = asyncio.Event()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_message(reader)
            if begun:
                writer.write(answer(200, chunked(b"x")[:-5], "Transfer-Encoding: chunked", length=False))
            asked.set()
            await up.until_closed(reader)

        async with upstream(handler=handler) as up, house(lenient, up.address) as it:
            connection = await Connection.open(it.address)
            await connection.send(GET)
            await asked.wait()
            await asyncio.sleep(0.05)
            await it.server.stop(0.2)
            seen = await connection.answer()
            assert (seen.status, seen.whole) == ((200, False) if begun else (503, True))
            assert it.final.error_type == "shutdown"
            await asyncio.wait_for(up.ended.wait(), 5)
            connection.close()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    for name, issued in (
        ("server", authority.issue_cert("localhost")),
        ("client", authority.issue_cert("caller@example.com")),
    ):
        issued.private_key_pem.write_to_path(directory / f"{name}.key")
        (directory / f"{name}.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return directory


def tls(pki: Path, *, client: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=pki / "ca.pem")
    if client:
        context.load_cert_chain(pki / "client.pem", pki / "client.key")
    return context


class TestTls:
    @pytest.mark.parametrize("mutual", [False, True])
    @on_loop
    async def test_callers(self, lenient: Screener, pki: Path, mutual: bool) -> None:
        given = ServerTlsConfig(
            certificate=pki / "server.pem",
            key=pki / "server.key",
            client_ca=pki / "ca.pem" if mutual else None,
        )
        async with upstream() as up, house(lenient, up.address, tls=given) as it:
            for client in (True, False):
                connection = None
                try:
                    context = tls(pki, client=client)
                    connection = await Connection.open(it.address, ssl=context, server_hostname="localhost")
                    await connection.send(GET)
                    status = (await connection.answer()).status
                except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
                    status = 0
                assert status == (0 if mutual and not client else 200)
                if connection:
                    connection.close()
            assert len(up.seen) == (1 if mutual else 2)

    @on_loop
    async def test_the_model_server(self, lenient: Screener, pki: Path) -> None:
        """HTTPS with our certificate; another name, or another authority, is not trusted."""

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_message(reader)
            writer.write(answer(200, b"safe"))
            writer.close()

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki / "ca.pem")
        context.load_cert_chain(pki / "server.pem", pki / "server.key")
        context.verify_mode = ssl.CERT_REQUIRED
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        ours = {"certificate": pki / "client.pem", "key": pki / "client.key"}
        for settings, status in (
            (ClientTlsConfig(ca=pki / "ca.pem", server_name="localhost", **ours), 200),
            (ClientTlsConfig(ca=pki / "ca.pem", **ours), 502),
            (ClientTlsConfig(server_name="localhost", **ours), 502),
            (ClientTlsConfig(ca=pki / "ca.pem", server_name="localhost"), 502),
        ):
            config = UpstreamConfig(http=f"https://127.0.0.1:{port}", tls=settings)
            async with house(lenient, "", over=config) as it:
                assert (await ask(it.address, GET)).status == status
        server.close()
