"""The sidecar's HTTP side as a process: beside gRPC, over several workers, under load, started and
stopped."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.e2e import infer
from tests.e2e.client import INFER, Call, eventually, observe
from tests.e2e.httptorture import HttpTorture, http_torture, pattern
from tests.e2e.processes import Torture, mapped_files, rss_bytes
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.rawhttp import Connection, Message, ask, request

RULES = """
rules:
  - id: no-mail
    stage: both
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: block
    message: No mail addresses, please.
  - id: hide-address
    stage: both
    detect: {detector: pii, type: IP_ADDRESS}
    action: redact
    operator: replace
"""
CHAT = "/v1/chat/completions"
MAIL = "quokka@example.com"
MIB = 1 << 20
T = TypeVar("T")


def run(work: Awaitable[T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(bounded())


def chat(text: str, *fields: str) -> bytes:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return request("POST", CHAT, json.dumps(body).encode(), "Content-Type: application/json", *fields)


def said(message: Message) -> str:
    return str(json.loads(message.body)["choices"][0]["message"]["content"])


@pytest.fixture(scope="module")
def model() -> Iterator[HttpTorture]:
    with http_torture() as it:
        yield it


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("http-rules") / "rules.yaml"
    path.write_text(RULES)
    return {"paths": [str(path)]}


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, model: HttpTorture, upstream: Torture, strict: dict[str, Any]
) -> Iterator[Sidecar]:
    """gRPC and HTTP, each with its model server, over two workers."""
    with start_sidecar(
        tmp_path_factory.mktemp("both"),
        upstream.address,
        workers=2,
        listen={"http": "127.0.0.1:0"},
        upstream={"http": f"http://{model.address}"},
        rules=strict,
    ) as it:
        yield it


def alone(directory: Path, model: str, **config: Any) -> Any:
    """HTTP only, over one worker."""
    listen = {"grpc": None, "http": "127.0.0.1:0"}
    return start_sidecar(
        directory, "127.0.0.1:1", listen=listen, upstream={"http": f"http://{model}"}, **config
    )


class TestBesideGrpc:
    def test_one_set_of_rules(self, both: Sidecar) -> None:
        for text, action, code, status in (
            ("hello", "allow", "OK", 200),
            (f"to {MAIL}", "block", "PERMISSION_DENIED", 403),
            ("at 192.0.2.1", "redact", "OK", 200),
        ):
            over_grpc = observe(both.address, Call(infer.answer("x"), (infer.request(text),), INFER))
            over_http = run(ask(both.http, chat(text)))
            assert (over_grpc.code, over_grpc.action) == (code, action)
            assert (over_http.status, over_http.get("sentinel-action")) == (status, action)
        assert said(run(ask(both.http, chat("at 192.0.2.1")))) == "at <IP_ADDRESS>"

    def test_metrics_count_both(self, both: Sidecar) -> None:
        before = {code: both.total("sentinel_calls_total", code=code) for code in ("200", "403", "OK")}
        unread = both.total("sentinel_unscreened_total", reason="unknown_method")
        run(ask(both.http, chat("hello")))
        run(ask(both.http, chat(MAIL)))
        run(ask(both.http, request("GET", "/other")))
        observe(both.address, Call(infer.answer("x"), (infer.request("hello"),), INFER))
        told = {code: both.total("sentinel_calls_total", code=code) - before[code] for code in before}
        assert told == {"200": 2, "403": 1, "OK": 1}
        assert both.total("sentinel_unscreened_total", reason="unknown_method") == unread + 1
        assert both.total("sentinel_calls_total", screened="no", action="allow", code="200") >= 1

    def test_settings_are_taken_up(self, both: Sidecar) -> None:
        config = both.read_config()
        both.write_config({**config, "unknown_paths": "refuse", "refusal": {"http_status": 451}})
        both.signal(signal.SIGHUP)
        eventually(
            lambda: {run(ask(both.http, request("GET", "/other"))).status for _ in range(8)},
            lambda found: found == {404},
        )
        assert run(ask(both.http, chat(MAIL))).status == 451
        both.write_config(config)
        both.signal(signal.SIGHUP)
        eventually(
            lambda: {run(ask(both.http, request("GET", "/other"))).status for _ in range(8)},
            lambda found: found == {200},
        )

    def test_every_worker_serves(self, both: Sidecar) -> None:
        """The kernel deals out connections."""

        async def connections() -> set[int]:
            opened = [await Connection.open(both.http) for _ in range(32)]
            for each in opened:
                await each.send(request("GET", "/other"))
                assert (await each.answer()).status == 200
            ports = {each.writer.get_extra_info("sockname")[1] for each in opened}
            found = {pid for pid in both.workers() for port in owners(pid) if port in ports}
            for each in opened:
                each.close()
            return found

        assert run(connections()) == set(both.workers())


def owners(pid: int) -> set[int]:
    """Remote ports of a process's TCP connections."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in inodes}


class TestBodies:
    @pytest.mark.parametrize("size", [0, 1, 64 * MIB], ids=["0 bytes", "1 byte", "64 MiB"])
    def test_arrive_whole_both_ways(self, both: Sidecar, size: int) -> None:
        async def there_and_back() -> tuple[bytes, str]:
            connection = await Connection.open(both.http)
            await connection.send(request("POST", "/sink", b"", f"Content-Length: {size}"))
            for start in range(0, size, MIB):
                await connection.send(pattern(min(MIB, size - start)))
            sunk = (await connection.answer()).body
            await connection.send(request("GET", f"/source?{size}"))
            head = (await connection.reader.readuntil(b"\r\n\r\n")).decode()
            assert f"content-length: {size}" in head.lower()
            seen, left = hashlib.sha256(), size
            while left:
                piece = await connection.reader.read(min(left, MIB))
                seen.update(piece)
                left -= len(piece)
            connection.close()
            return sunk, seen.hexdigest()

        given = hashlib.sha256(pattern(size)).hexdigest()
        assert run(there_and_back()) == (f"{size} {given}".encode(), given)

    def test_slow_readers_hold_little(
        self, tmp_path: Path, model: HttpTorture, strict: dict[str, Any]
    ) -> None:
        async def idle(address: str, count: int) -> list[Connection]:
            opened = [await Connection.open(address) for _ in range(count)]
            for each in opened:
                await each.send(request("GET", "/endless"))
            return opened

        async def measure(sidecar: Sidecar) -> int:
            (worker,) = sidecar.workers()
            before = rss_bytes(worker)
            opened = await idle(sidecar.http, 50)
            last = -1
            while last != model.sent:
                last = model.sent
                await asyncio.sleep(0.5)
            grown = rss_bytes(worker) - before
            for each in opened:
                each.drop()
            return grown

        with alone(tmp_path, model.address, rules=strict) as sidecar:
            closed = model.closed
            assert run(measure(sidecar)) < 50 * 2 * MIB
            eventually(lambda: model.closed, lambda now: now == closed + 50)
            eventually(lambda: sidecar.total("sentinel_in_flight"), lambda now: now == 0)


class TestEnds:
    def test_the_caller_leaves(self, both: Sidecar, model: HttpTorture) -> None:
        async def leave() -> None:
            connection = await Connection.open(both.http)
            await connection.send(request("GET", "/wait"))
            await connection.reader.readuntil(b"begun")
            connection.drop()

        closed, told = model.closed, both.total("sentinel_calls_total", code="499")
        run(leave())
        eventually(lambda: model.closed, lambda now: now == closed + 1, within_s=5)
        eventually(lambda: both.total("sentinel_calls_total", code="499"), lambda now: now == told + 1)

    def test_the_model_server_leaves(self, both: Sidecar) -> None:
        seen = run(ask(both.http, request("GET", "/break")))
        assert (seen.status, seen.body, seen.whole) == (200, b"12345", False)

    def test_a_worker_dies(self, tmp_path: Path, model: HttpTorture, strict: dict[str, Any]) -> None:
        async def cut(sidecar: Sidecar) -> bytes:
            connection = await Connection.open(sidecar.http)
            await connection.send(request("GET", "/wait"))
            await connection.reader.readuntil(b"begun")
            (worker,) = sidecar.workers()
            os.kill(worker, signal.SIGKILL)
            left = await connection.ended()
            connection.close()
            return left

        with alone(tmp_path, model.address, rules=strict) as sidecar:
            old = sidecar.workers()
            assert b"0\r\n\r\n" not in run(cut(sidecar))
            eventually(lambda: sidecar.workers() != old and sidecar.ready(), bool)
            assert run(ask(sidecar.http, chat("hello"))).status == 200


class TestDrain:
    def test_no_accepted_call_is_lost(
        self, tmp_path: Path, model: HttpTorture, strict: dict[str, Any]
    ) -> None:
        """Under load on kept connections: what the model saw was answered."""

        async def caller(address: str, done: list[int], stop: asyncio.Event) -> None:
            while not stop.is_set():
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    connection = await Connection.open(address)
                    try:
                        await calls(connection, done, stop)
                    finally:
                        connection.close()
                await asyncio.sleep(0.01)

        async def calls(connection: Connection, done: list[int], stop: asyncio.Event) -> None:
            while not stop.is_set():
                await connection.send(chat("hello", "X-Sleep: 0.05"))
                seen = await connection.answer()
                assert (seen.status, seen.whole) == (200, True)
                done.append(1)
                if seen.get("connection") == "close":
                    return

        async def load(sidecar: Sidecar) -> int:
            done: list[int] = []
            stop = asyncio.Event()
            callers = [asyncio.create_task(caller(sidecar.http, done, stop)) for _ in range(12)]
            await asyncio.sleep(1)
            sidecar.signal(signal.SIGTERM)
            assert await asyncio.to_thread(sidecar.process.wait, 20) == 0
            stop.set()
            await asyncio.gather(*callers)
            return len(done)

        before = model.seen.get(CHAT, 0)
        with alone(tmp_path, model.address, rules=strict, workers=2) as sidecar:
            answered = run(load(sidecar))
        assert answered == model.seen[CHAT] - before > 50

    def test_a_long_answer_may_finish(
        self, tmp_path: Path, model: HttpTorture, strict: dict[str, Any]
    ) -> None:
        async def wait(sidecar: Sidecar) -> bytes:
            connection = await Connection.open(sidecar.http)
            await connection.send(request("GET", "/wait"))
            await connection.reader.readuntil(b"begun\r\n")
            sidecar.signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            model.loop.call_soon_threadsafe(model.release.set)
            left = await connection.ended()
            connection.close()
            return left

        with alone(tmp_path, model.address, rules=strict) as sidecar:
            assert run(wait(sidecar)) == b"4\r\ndone\r\n0\r\n\r\n"
            assert sidecar.process.wait(10) == 0
        model.release.clear()


class TestStart:
    def test_readiness_follows_the_model_server(self, tmp_path: Path, strict: dict[str, Any]) -> None:
        health = {"interval_s": 0.1}
        with http_torture() as gone:
            address = gone.address
        with alone(tmp_path, address, rules=strict, until_ready=False, health=health) as sidecar:
            assert sidecar.get("/readyz")[0] == 503
            assert "grpc" not in sidecar.info()
            assert run(ask(sidecar.http, chat("hello"))).status == 502
            with http_torture(int(address.rpartition(":")[2])):
                eventually(sidecar.ready, bool)
                assert address in sidecar.log_text()
            eventually(sidecar.ready, lambda ready: not ready)

    def test_http_costs_nothing_where_it_is_off(self, sidecar: Sidecar, both: Sidecar) -> None:
        def loaded(it: Sidecar) -> bool:
            return any("aiohttp" in path or "httptools" in path for path in mapped_files(it.workers()[0]))

        assert loaded(both)
        assert not loaded(sidecar)

    @pytest.mark.parametrize(
        ("config", "words"),
        [
            ({"listen": {"http": "127.0.0.1:0"}}, ["sentinel.yaml", "upstream.http"]),
            (
                {"upstream": {"http": "127.0.0.1:8000"}},
                ["sentinel.yaml", "upstream.http", "http://HOST:PORT"],
            ),
            ({"listen": {"grpc": None}}, ["sentinel.yaml", "listen"]),
            (
                {"listen": {"http": "192.0.2.1:1"}, "upstream": {"http": "http://127.0.0.1:1"}},
                ["192.0.2.1:1", "listen.http"],
            ),
            (
                {
                    "listen": {"http": "127.0.0.1:0"},
                    "upstream": {"http": "https://127.0.0.1:1", "tls": {"ca": "no-such.pem"}},
                },
                ["no-such.pem", "upstream.tls.ca"],
            ),
        ],
        ids=["no model server", "no URL", "no way in", "address", "tls"],
    )
    def test_a_mistake_ends_it_with_a_clear_error(
        self, tmp_path: Path, config: dict[str, Any], words: list[str]
    ) -> None:
        with pytest.raises(AssertionError, match="before it was ready") as caught:
            with start_sidecar(tmp_path, "127.0.0.1:1", **config):
                pass
        for word in words:
            assert word in str(caught.value)
        assert "Traceback" not in str(caught.value)
