"""The sidecar's side towards Envoy as a process: beside gRPC, over two workers, drained, started or not."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy.ext_proc import METHOD
from tests.e2e import infer
from tests.e2e.client import INFER, Call, eventually, observe
from tests.e2e.processes import Torture, mapped_files
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.proxy.envoy_house import JSON, Exchange, Reply, head
from tests.proxy.http_house import on_loop
from tests.proxy.test_http_stream import CHAT

MAIL = "quokka@example.com"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, upstream: Torture) -> Iterator[Sidecar]:
    """gRPC callers and Envoy, over two workers."""
    listen = {"ext_proc": "127.0.0.1:0"}
    with start_sidecar(tmp_path_factory.mktemp("envoy"), upstream.address, workers=2, listen=listen) as it:
        yield it


@asynccontextmanager
async def stub(address: str) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel.stream_stream(
            METHOD,
            request_serializer=pb.ProcessingRequest.SerializeToString,
            response_deserializer=pb.ProcessingResponse.FromString,
        )


def chat(text: str) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()


def said(text: str) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Reply(200, [JSON], [json.dumps(body).encode()])


def address(sidecar: Sidecar) -> str:
    return str(sidecar.info()["ext_proc"])


@on_loop
async def test_one_set_of_rules_and_one_count(both: Sidecar) -> None:
    before = both.total("sentinel_calls_total", code="200", action="redact")
    async with stub(address(both)) as method:
        it = Exchange(method(), said("fine"))
        await it.ask(head("POST", CHAT), [chat(f"write to {MAIL}")])
        assert await it.run() is grpc.StatusCode.OK
    assert it.immediate is None, it.downstream.body
    assert json.loads(it.upstream.body)["messages"][0]["content"] == "write to <EMAIL_ADDRESS_1>"
    assert (it.status, it.downstream.get("sentinel-action")) == (200, "redact")
    assert both.total("sentinel_calls_total", code="200", action="redact") == before + 1
    over_grpc = await asyncio.to_thread(
        observe, both.address, Call(infer.answer("x"), (infer.request(f"write to {MAIL}"),), INFER)
    )
    assert over_grpc.action == "redact"


@on_loop
async def test_health_is_told_where_envoy_asks(both: Sidecar) -> None:
    async with grpc.aio.insecure_channel(address(both)) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert await check(b"", timeout=10) == b"\x08\x01"  # SERVING


@on_loop
async def test_a_drain_lets_exchanges_end(tmp_path: Path) -> None:
    listen = {"grpc": None, "ext_proc": "127.0.0.1:0"}
    with start_sidecar(tmp_path, "127.0.0.1:1", listen=listen) as sidecar:
        assert not any("aiohttp" in path for path in mapped_files(sidecar.workers()[0]))
        async with stub(address(sidecar)) as method:
            drained = asyncio.Event()
            it = Exchange(method(), said("fine"), until=drained)
            await it.ask(head("POST", CHAT), [chat("hello")])
            running = asyncio.create_task(it.run())
            await it.upstream.ended.wait()
            sidecar.signal(signal.SIGTERM)
            await asyncio.to_thread(eventually, sidecar.log_text, lambda text: "draining" in text)
            drained.set()
            assert await running is grpc.StatusCode.OK
            assert it.status == 200
        assert await asyncio.to_thread(sidecar.process.wait, 20) == 0


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"listen": {"ext_proc": "192.0.2.1:1"}}, ["192.0.2.1:1", "listen.ext_proc"]),
        ({"listen": {"ext_proc": "nowhere"}}, ["listen.ext_proc", "HOST:PORT"]),
        ({"listen": {"ext_proc": "unix:/tmp/x"}, "workers": 2}, ["workers", "listen.ext_proc"]),
    ],
)
def test_a_start_that_cannot_be(tmp_path: Path, config: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(AssertionError) as told, start_sidecar(tmp_path, "127.0.0.1:1", **config):
        pass
    assert all(word in str(told.value) for word in words)
