"""Which path gets which treatment, and who is turned away."""

from __future__ import annotations

import asyncio
import json

import pytest

from sentinel.core.record import Phase
from sentinel.guard.screener import Screener
from tests.proxy.http_house import ECHO, house, on_loop
from tests.rawhttp import Connection, ask, chunked, read_message, request, upstream

JSON = "Content-Type: application/json"
ASK = request("POST", ECHO, b'{"ask": "hello"}', JSON)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("HEAD", "/v1/models"),
        ("GET", "/v1/models/some-model"),
        ("OPTIONS", ECHO),
        ("HEAD", ECHO),
    ],
)
@on_loop
async def test_control_paths_pass_without_a_record(strict: Screener, method: str, path: str) -> None:
    async with upstream() as up, house(strict, up.address) as it:
        it.settle(unknown_paths="refuse")
        assert (await ask(it.address, request(method, path))).status == 200
        assert (up.seen[0].method, up.seen[0].target) == (method, path)
        assert up.seen[0].get("traceparent")
        assert it.kept.records == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/other"),
        ("POST", "/health"),
        ("GET", ECHO),
        ("DELETE", f"{ECHO}/some-id"),
        ("GET", "/v1/models/a/b"),
        ("OPTIONS", "/other"),
    ],
)
@on_loop
async def test_unknown_paths(strict: Screener, method: str, path: str) -> None:
    """Rules are about prompts; whether what nobody knows passes is a setting of its own."""
    async with upstream() as up, house(strict, up.address) as it:
        assert (await ask(it.address, request(method, path))).status == 200
        assert [record.phase for record in it.kept.records] == [Phase.OPEN, Phase.FINAL]
        it.settle(unknown_paths="refuse")
        seen = await ask(it.address, request(method, path))
        assert (seen.status, seen.get("content-type")) == (404, "application/json")
        assert len(up.seen) == 1 and len(it.kept.records) == 2


class TestTurnedAway:
    @on_loop
    async def test_one_call_too_many(self, strict: Screener) -> None:
        release = asyncio.Event()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_message(reader)
            await release.wait()

        async with upstream(handler=handler) as up:
            async with house(strict, up.address, limits={"max_concurrent_calls": 2}) as it:
                first = [asyncio.create_task(ask(it.address, request("GET", "/thing"))) for _ in range(2)]
                while it.driver.in_flight < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                for data in (ASK, request("GET", "/health"), request("GET", "/thing")):
                    seen = await ask(it.address, data)
                    assert (seen.status, seen.get("retry-after")) == (429, "1")
                    assert "max_concurrent_calls" in str(json.loads(seen.body)["error"])
                release.set()
                assert [seen.status for seen in await asyncio.gather(*first)] == [502, 502]
                assert it.driver.in_flight == 0

    @on_loop
    async def test_no_room_for_records(self, strict: Screener) -> None:
        async with upstream() as up, house(strict, up.address) as it:
            it.kept.full = True
            for data in (ASK, request("GET", "/thing")):
                seen = await ask(it.address, data)
                assert (seen.status, seen.get("retry-after")) == (503, "1")
            assert (up.connections, it.driver.in_flight) == (0, 0)

    @pytest.mark.parametrize(
        ("status", "data"),
        [
            (400, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
            (501, request("POST", "/x", b"", "Transfer-Encoding: gzip, chunked") + chunked(b"x")),
            (431, request("GET", "/x", b"", f"X-Long: {'x' * 2000}")),
            (400, request("GET", "/x", b"", "X-Odd: \xff")),
            (413, request("POST", "/x", b"x" * 5000)),
            (
                413,
                request("POST", "/x", b"", "Transfer-Encoding: chunked") + chunked(b"x" * 3000, b"x" * 3000),
            ),
        ],
        ids=["asterisk", "CONNECT", "transfer coding", "long head", "odd bytes", "large", "large in chunks"],
    )
    @on_loop
    async def test_what_cannot_be_forwarded(self, lenient: Screener, status: int, data: bytes) -> None:
        limits = {"max_message_bytes": 4096, "max_metadata_bytes": 1024}
        async with upstream() as up, house(lenient, up.address, limits=limits) as it:
            seen = await ask(it.address, data)
            assert (seen.status, seen.get("content-type")) == (status, "application/json")
            assert json.loads(seen.body)["error"]["message"]
            assert up.seen == []
            assert it.driver.in_flight == 0

    @on_loop
    async def test_another_authority_is_not_asked(self, lenient: Screener) -> None:
        async with upstream() as up, upstream() as other, house(lenient, up.address) as it:
            for target in (f"http://{other.address}/x", f"//{other.address}/x", f"/@{other.address}/x"):
                await ask(it.address, request("GET", target))
            assert other.connections == 0
            assert len(up.seen) == 3

    @on_loop
    async def test_the_caller_may_go_on_after_a_body_that_was_too_large(self, lenient: Screener) -> None:
        """What is left of the body is read and thrown away."""
        async with upstream() as up, house(lenient, up.address, limits={"max_message_bytes": 4096}) as it:
            connection = await Connection.open(it.address)
            await connection.send(request("POST", "/x", bytes(1 << 20)))
            assert (await connection.answer()).status == 413
            await connection.send(request("GET", "/x"))
            assert (await connection.answer()).status == 200
            connection.close()
