"""The client before planes that are absent, silent or talk nonsense."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from sentinel.app.models_asked import ModelsAsked
from sentinel.config import SentinelConfig
from sentinel.core.finding import Inspection
from sentinel.models import wire
from sentinel.models.base import Passage
from sentinel.models.client import BlockingModelClient, ModelClient
from sentinel.sdk import models_of
from tests.e2e.processes import ROOT

ONE = [Passage("a secret")]


@contextmanager
def answering(folder: Path, answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A server in the plane's place."""
    method: Any = grpc.unary_unary_rpc_method_handler(lambda data, context: answer(data))
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(wire.SERVICE, {"Inspect": method, "Health": method}),)
    )
    server.add_insecure_port(f"unix:{folder}/s")
    server.start()
    try:
        yield f"unix:{folder}/s"
    finally:
        server.stop(0).wait()


def both(
    address: str, deadline_ms: int | None, about: Sequence[Passage] = tuple(ONE)
) -> list[list[Inspection]]:
    """What each of the two clients gives."""

    async def ask() -> list[Inspection]:
        client = ModelClient(address)
        try:
            return await client.inspect(about, {"b", "a"}, deadline_ms)
        finally:
            await client.close()

    blocking = BlockingModelClient(address)
    try:
        return [asyncio.run(ask()), blocking.inspect(about, {"b", "a"}, deadline_ms)]
    finally:
        blocking.close()


def raises(data: bytes) -> bytes:
    raise ValueError(data)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda data: b"\xff", "the model plane's answer cannot be read"),
        (lambda data: wire.encode({"inspections": 1}), "the model plane's answer cannot be read"),
        (
            lambda data: wire.encode(wire.InspectResponse(())),
            "the model plane's answer is not about these texts",
        ),
        (raises, "the model plane answered UNKNOWN"),
    ],
)
def test_nonsense_is_a_failure(tmp_path: Path, answer: Callable[[bytes], bytes], told: str) -> None:
    with answering(tmp_path, answer) as address:
        assert both(address, 20_000) == [[Inspection(failed={"a": told, "b": told})]] * 2


def test_nobody_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = "the model plane cannot be reached"
    assert both(f"unix:{tmp_path}/none", 20_000) == [[Inspection(failed={"a": told, "b": told})]] * 2
    assert caplog.text.count(f"the model plane at unix:{tmp_path}/none cannot be reached: ") == 2  # each once
    assert "No such file or directory" in caplog.text
    client = BlockingModelClient(f"unix:{tmp_path}/none")
    assert client.health() is None
    assert "No such file or directory" in client.why
    client.close()


def test_a_silent_plane_is_late(tmp_path: Path) -> None:
    released = threading.Event()

    def silent(data: bytes) -> bytes:
        released.wait(30)
        return b""

    told = "no answer within 50 ms"
    with answering(tmp_path, silent) as address:
        found = both(address, 50)
        released.set()
    assert found == [[Inspection(failed={"a": told, "b": told})]] * 2


def test_a_silent_plane_is_late_without_a_deadline_too(tmp_path: Path) -> None:
    released = threading.Event()

    def silent(data: bytes) -> bytes:
        released.wait(30)
        return b""

    async def ask(address: str) -> list[Inspection]:
        client = ModelClient(address, late_after_ms={"a": 50})
        found = await client.inspect(ONE, {"a"})
        await client.close()
        return found

    with answering(tmp_path, silent) as address:
        found = asyncio.run(ask(address))
        released.set()
    assert found == [Inspection(failed={"a": "no answer within 50 ms"})]


@pytest.mark.parametrize(("deadline_ms", "waited_ms"), [(None, 60), (20_000, 60), (50, 50)])
def test_a_plane_that_hangs_is_waited_for_no_longer_than_its_models(
    tmp_path: Path, deadline_ms: int | None, waited_ms: int
) -> None:
    """In a sidecar and in a program: the longest of the models that answer."""
    released = threading.Event()

    def silent(data: bytes) -> bytes:
        released.wait(30)
        return b""

    def config(address: str) -> SentinelConfig:
        toy, sure = "tests.models.toys:Toy", "tests.models.toys:Sure"  # this one answers for `manners` too
        detectors = {
            "manners": {"kind": toy, "deadline_ms": 40},
            "sure": {"kind": sure, "deadline_ms": 60},
            "other": {"kind": toy, "deadline_ms": 20_000},
        }
        models = {"connect": {"address": address}, "detectors": detectors}
        return SentinelConfig.model_validate({"state_dir": tmp_path, "models": models})

    async def ask(config: SentinelConfig) -> list[Inspection]:
        asked = ModelsAsked(config)
        asked.open()
        found = await asked.ask(ONE, frozenset({"manners"}), deadline_ms)
        await asked.close()
        return found

    with answering(tmp_path, silent) as address:
        found = [
            asyncio.run(ask(config(address))),
            models_of(config(address)).ask(ONE, frozenset({"manners"}), deadline_ms),
        ]
        released.set()
    assert found == [[Inspection(failed={"manners": f"no answer within {waited_ms} ms"})]] * 2


def test_calls_in_flight_are_bounded(tmp_path: Path) -> None:
    arrived, released = threading.Event(), threading.Event()

    def holding(data: bytes) -> bytes:
        arrived.set()
        released.wait(30)
        return wire.encode(wire.InspectResponse((Inspection(),)))

    async def ask(address: str) -> list[Inspection]:
        client = ModelClient(address, max_in_flight=1)
        first = asyncio.create_task(client.inspect(ONE, {"a"}))
        await asyncio.to_thread(arrived.wait, 30)
        (refused,) = await client.inspect(ONE, {"a"})
        released.set()
        found = [refused, *await first, *await client.inspect(ONE, {"a"})]
        await client.close()
        return found

    with answering(tmp_path, holding) as address:
        told = Inspection(failed={"a": "1 calls to the model plane are in flight"})
        assert asyncio.run(ask(address)) == [told, Inspection(), Inspection()]


def test_half_a_surrogate_pair_cannot_be_asked_about(tmp_path: Path) -> None:
    with answering(tmp_path, lambda data: b"") as address:
        found = both(address, 20_000, [Passage("\ud800 text")])
    told = "the text holds half of a surrogate pair, which is no Unicode"
    assert found == [[Inspection(failed={"a": told, "b": told})]] * 2


def test_who_asks_nothing_asks_nobody(tmp_path: Path) -> None:
    client = BlockingModelClient(f"unix:{tmp_path}/none")
    assert client.inspect([], {"a"}) == []
    assert client.inspect(ONE, set()) == [Inspection()]
    assert client.health() is None
    client.close()


def test_it_comes_back(tmp_path: Path) -> None:
    """A plane that starts later is found by the same client."""

    async def ask() -> None:
        client = ModelClient(f"unix:{tmp_path}/s")
        assert (await client.inspect(ONE, {"a"}, 1000))[0].failed
        good = wire.encode(wire.InspectResponse((Inspection((), {"a": 0.5}),)))
        with answering(tmp_path, lambda data: good):
            async with asyncio.timeout(30):
                while (found := await client.inspect(ONE, {"a"}, 1000))[0].failed:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        assert found == [Inspection((), {"a": 0.5})]
        await client.close()

    asyncio.run(ask())


def test_it_imports_nothing_heavy() -> None:
    heavy = ["torch", "transformers", "onnxruntime", "numpy", "spacy", "tokenizers"]
    heavy += [f"sentinel.models.{name}" for name in ("encoder", "onnx", "runner", "server", "plane")]
    source = f"import sys, sentinel.models.client; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
