"""Streamed answers through a whole sidecar: many at once, readers and model servers that stop or leave, a
worker that dies in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import clickhouse_connect
import grpc
import pytest

from sentinel.demo.model import MODEL
from sentinel.pb import open_inference_pb2 as pb
from tests.e2e import infer
from tests.e2e.client import connect, eventually, steady
from tests.e2e.halfway import COUNT, FOREVER, GATHER, Halfway, counted, halfway
from tests.e2e.processes import rss_bytes
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.rawhttp import Connection, Message, request

CALLERS = 200
CHAT = "/v1/chat/completions"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
MIB = 1 << 20
_MAIL = re.compile(r"[\w.]+@[\w.]+\w")
T = TypeVar("T")


def run(work: Awaitable[T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(bounded())


def chat(text: str) -> bytes:
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": text}]}
    return request("POST", CHAT, json.dumps(body).encode(), "Content-Type: application/json")


def said_over_http(body: bytes) -> str:
    events = [line.removeprefix("data: ") for line in body.decode().splitlines() if line]
    assert events.pop() == "[DONE]"
    return "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events)


def said_over_grpc(messages: list[bytes]) -> str:
    found = ""
    for message in messages:
        read = pb.ModelStreamInferResponse.FromString(message)
        assert not read.error_message
        for output in read.infer_response.outputs:
            found += b"".join(output.contents.bytes_contents).decode()
    return found


def ask(channel: grpc.Channel, text: str) -> Any:
    return channel.stream_stream(STREAM)(iter([infer.request(text, model=MODEL)]), timeout=60)


async def open_chat(address: str, text: str, **options: object) -> Connection:
    connection = await Connection.open(address, **options)
    await connection.send(chat(text))
    return connection


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Halfway]:
    with halfway(tmp_path_factory.mktemp("halfway"), CALLERS) as it:
        yield it


def both_ways(directory: Path, model: Halfway, **config: Any) -> Any:
    """gRPC and HTTP under the bundled rules."""
    listen = {"http": "127.0.0.1:0"}
    return start_sidecar(
        directory, model.grpc, listen=listen, upstream={"http": f"http://{model.http}"}, **config
    )


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory, model: Halfway) -> Iterator[Sidecar]:
    limits = {"max_text_chars": 32 * MIB}
    with both_ways(tmp_path_factory.mktemp("streams"), model, limits=limits) as it:
        yield it


class TestManyAtOnce:
    """Every caller's values have the same pseudonyms: the model sees one prompt, CALLERS times."""

    @staticmethod
    def secrets(number: int) -> tuple[str, str]:
        return f"caller.{number:03}@mail.example.org", f"friend.of.{number:03}@post.example.net"

    def prompt(self, number: int) -> str:
        own, other = self.secrets(number)
        return f"Repeat: From {own} to {other}: hello, {GATHER} this is {own} again, not {other}"

    def check(self, number: int, said: str, everything: str) -> None:
        assert said == self.prompt(number).removeprefix("Repeat: ")
        assert set(_MAIL.findall(everything)) <= set(self.secrets(number))

    def arrived(self, model: Halfway) -> list[str]:
        return [prompt for prompt in model.told()["prompts"] if GATHER in prompt]

    seen_by_the_model = (
        f"Repeat: From <EMAIL_ADDRESS_1> to <EMAIL_ADDRESS_2>: hello, {GATHER} "
        "this is <EMAIL_ADDRESS_1> again, not <EMAIL_ADDRESS_2>"
    )

    def test_over_http(self, sidecar: Sidecar, model: Halfway) -> None:
        async def caller(number: int) -> Message:
            connection = await open_chat(sidecar.http, self.prompt(number))
            message = await connection.answer()
            connection.close()
            return message

        async def callers() -> list[Message]:
            return await asyncio.gather(*(caller(number) for number in range(CALLERS)))

        for number, message in enumerate(run(callers())):
            assert (message.status, message.whole) == (200, True)
            self.check(number, said_over_http(message.body), message.body.decode())
        assert self.arrived(model) == [self.seen_by_the_model]

    def test_over_grpc(self, sidecar: Sidecar, model: Halfway) -> None:
        with ExitStack() as stack:
            channels = [stack.enter_context(connect(sidecar.address)) for _ in range(8)]
            streams = [ask(channels[number % 8], self.prompt(number)) for number in range(CALLERS)]
            for number, stream in enumerate(streams):
                messages = list(stream)
                self.check(number, said_over_grpc(messages), b"".join(messages).decode("latin-1"))
        assert self.arrived(model) == [self.seen_by_the_model]


class TestSlowReaders:
    """What they do not take stays with the model server."""

    READERS = 8

    def test_over_http(self, sidecar: Sidecar, model: Halfway) -> None:
        pieces = 5_000  # 6 MB as events

        async def read() -> tuple[int, str]:
            (worker,) = sidecar.workers()
            before = rss_bytes(worker)
            opened = [await open_chat(sidecar.http, f"{COUNT}{pieces}") for _ in range(self.READERS)]
            await asyncio.to_thread(steady, model.sent)
            grown = rss_bytes(worker) - before
            for each in opened[1:]:
                each.drop()
            message = await opened[0].answer()
            opened[0].close()
            return grown, said_over_http(message.body)

        grown, said = run(read())
        assert said == counted(pieces)
        assert grown < self.READERS * 3 * MIB
        eventually(lambda: sidecar.total("sentinel_in_flight"), lambda now: now == 0)

    def test_over_grpc(self, sidecar: Sidecar, model: Halfway) -> None:
        pieces = 20_000  # 20 MB as messages
        (worker,) = sidecar.workers()
        before, sent = rss_bytes(worker), model.sent()
        with connect(sidecar.address) as channel:
            opened = [ask(channel, f"{COUNT}{pieces}") for _ in range(self.READERS)]
            firsts = [next(stream) for stream in opened]
            assert steady(model.sent) - sent < self.READERS * pieces / 2
            assert rss_bytes(worker) - before < self.READERS * 3 * MIB
            for each in opened:
                each.cancel()
        assert said_over_grpc(firsts) == counted(1) * self.READERS
        eventually(lambda: sidecar.total("sentinel_in_flight"), lambda now: now == 0)


RULES = """
rules:
  - id: mail
    stage: input
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
    operator: pseudonymise
  - id: address
    stage: output
    detect: {detector: pii, type: IP_ADDRESS}
    action: redact
"""
STOPS = f"Repeat: Write to jane@example.org at 192.0.2.1 or there, {FOREVER} please."
STOPPED = "Write to jane@example.org at <IP_ADDRESS> or there,"
Row = tuple[str, str, str, int]


class TestEndsInTheMiddle:
    """Streams that have released an edited part when something ends them; their records tell how."""

    @pytest.fixture
    def model(self, tmp_path: Path) -> Iterator[Halfway]:
        with halfway(tmp_path) as it:
            yield it

    @pytest.fixture
    def sidecar(self, tmp_path: Path, model: Halfway) -> Iterator[Sidecar]:
        rules = tmp_path / "rules.yaml"
        rules.write_text(RULES)
        with both_ways(
            tmp_path,
            model,
            rules={"paths": [str(rules)]},
            exporter={"enabled": True, "linger_seconds": 0.1},
            store={"listen": "127.0.0.1:0"},
        ) as it:
            yield it

    async def over_http(self, sidecar: Sidecar) -> Connection:
        """A caller in the middle of an answer."""
        connection = await open_chat(sidecar.http, STOPS)
        said = b""
        async with asyncio.timeout(20):
            while b"there" not in said:
                said += await connection.reader.readuntil(b"\n\n")
        events = re.findall(rb"data: (.*)\n", said)
        texts = [json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events]
        assert STOPPED.startswith("".join(texts))
        return connection

    def over_grpc(self, channel: grpc.Channel) -> Any:
        stream = ask(channel, STOPS)
        messages: list[bytes] = []
        while b"there" not in b"".join(messages):
            messages.append(next(stream))
        assert STOPPED.startswith(said_over_grpc(messages))
        return stream

    def rows(self, sidecar: Sidecar) -> list[Row]:
        """(protocol, outcome, action, findings) as they lie in the store, a row that lies there twice too."""
        columns = "protocol, outcome, toString(action), toInt64(finding_count)"
        query = f"SELECT {columns} FROM sentinel.sentinel_exchanges ORDER BY protocol, finding_count"
        try:
            host, _, port = (sidecar.state_dir / "store.addr").read_text().rpartition(":")
            with clickhouse_connect.get_client(host=host, port=int(port)) as client:
                return [tuple(row) for row in client.query(query).result_rows]
        except (OSError, clickhouse_connect.driver.exceptions.Error):
            return []

    def check_rows(self, sidecar: Sidecar, outcome: str) -> None:
        """Those of one stream over gRPC and one over HTTP, and of a call that came later: whatever else is
        written of the two is there by then."""

        async def later() -> None:
            connection = await open_chat(sidecar.http, "Repeat: hello")
            await connection.answer()
            connection.close()

        run(later())
        found = eventually(lambda: self.rows(sidecar), lambda found: len(found) >= 3)
        assert [row for row in found if row[2] == "redact"] == [
            ("open_inference", outcome, "redact", 2),
            ("openai", outcome, "redact", 2),
        ]

    def test_the_caller_leaves(self, sidecar: Sidecar, model: Halfway) -> None:
        async def leave() -> None:
            (await self.over_http(sidecar)).drop()

        with connect(sidecar.address) as channel:
            self.over_grpc(channel).cancel()
        run(leave())
        self.check_rows(sidecar, "cancelled")

    def test_the_model_server_dies(self, sidecar: Sidecar, model: Halfway) -> None:
        async def wait() -> bytes:
            connection = await self.over_http(sidecar)
            os.kill(model.pid, signal.SIGKILL)
            left = await connection.ended()
            connection.close()
            return left

        with connect(sidecar.address) as channel:
            stream = self.over_grpc(channel)
            left = run(wait())
            with pytest.raises(grpc.RpcError) as caught:
                next(stream)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert b"[DONE]" not in left and not left.endswith(b"0\r\n\r\n")
        self.check_rows(sidecar, "upstream_error")

    def test_the_worker_dies(self, sidecar: Sidecar, model: Halfway) -> None:
        old = sidecar.workers()

        async def wait() -> bytes:
            connection = await self.over_http(sidecar)
            os.kill(old[0], signal.SIGKILL)
            left = await connection.ended()
            connection.close()
            return left

        with connect(sidecar.address) as channel:
            stream = self.over_grpc(channel)
            left = run(wait())
            with pytest.raises(grpc.RpcError):
                next(stream)
        assert b"[DONE]" not in left and not left.endswith(b"0\r\n\r\n")
        eventually(lambda: sidecar.ready() and sidecar.workers() != old, bool)
        self.check_rows(sidecar, "interrupted")
