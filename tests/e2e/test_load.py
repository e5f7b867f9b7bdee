"""Many calls at once, slow ends, and the limits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.e2e import infer
from tests.e2e.client import (
    INFER,
    PASS,
    Call,
    connect,
    eventually,
    finish,
    observe,
    open_stream,
    steady,
)
from tests.e2e.processes import Torture, rss_bytes
from tests.e2e.sidecar import Sidecar, start_sidecar

MIB = 1 << 20
MESSAGE = 64 << 10
MESSAGES = 4096  # 256 MiB a stream: far more than any window
AHEAD = 32 * MIB  # the windows of two connections, with room
GROWTH = 32 * MIB
SLOW_READERS = 8

VIA = pytest.mark.parametrize("via", ["direct", "sentinel"])


@pytest.fixture
def address(via: str, upstream: Torture, sidecar: Sidecar) -> str:
    return upstream.address if via == "direct" else sidecar.address


@VIA
def test_a_burst_of_2000_streams(address: str, upstream: Torture, via: str) -> None:
    """All of them are open at once, then all of them end well."""
    gate = f"burst-{via}"
    script = [["read_all"], ["text", "a"], ["wait", gate], ["text", "b"]]
    before = upstream.control.ask("Totals")["active"]
    with connect(address) as channel:
        method = channel.unary_stream(PASS)
        calls = [
            method(b"", metadata=Call(script).all_metadata(), timeout=60, wait_for_ready=False)
            for _ in range(2000)
        ]
        eventually(
            lambda: (upstream.control.ask("Totals")["active"] - before, failures(calls)),
            lambda state: state[0] == 2000 or bool(state[1]),
            within_s=40,
        )
        assert failures(calls) == {}
        upstream.control.open(gate)
        for call in calls:
            assert list(call) == [b"a", b"b"]


def failures(calls: list[grpc.Future]) -> dict[str, int]:
    found: dict[str, int] = {}
    for call in calls:
        if call.done():
            text = f"{call.code().name}: {call.details()}"
            found[text] = found.get(text, 0) + 1
    return found


class TestBackpressure:
    """A slow reader slows the sender: what is on its way, and the memory of the workers, stay bounded."""

    @VIA
    def test_slow_caller(self, address: str, upstream: Torture, sidecar: Sidecar) -> None:
        call = Call([["send", MESSAGE, MESSAGES]], timeout=120)
        before = resident(sidecar)
        with connect(address) as channel:
            stream = open_stream(channel, call)
            next(stream)
            sent = steady(lambda: int(upstream.control.seen(call)["sent"]))
            assert sent * MESSAGE < AHEAD
            assert resident(sidecar) - before < GROWTH
            assert 1 + sum(1 for _ in stream) == MESSAGES

    @VIA
    def test_slow_upstream(self, address: str, upstream: Torture, sidecar: Sidecar) -> None:
        taken = 0

        def requests() -> Iterator[bytes]:
            nonlocal taken
            for _ in range(MESSAGES):
                taken += 1
                yield b"\0" * MESSAGE

        call = Call([["read"], ["wait", "$"], ["read_all"], ["text", "end"]], timeout=120)
        call.script[1][1] = call.id
        before = resident(sidecar)
        with connect(address) as channel:
            stream = open_stream(channel, call, requests())
            assert steady(lambda: taken) * MESSAGE < AHEAD
            assert resident(sidecar) - before < GROWTH
            upstream.control.open(call.id)
            assert finish(stream).messages == (b"end",)
        assert upstream.control.ended(call)["read"] == MESSAGES

    def test_many_slow_callers(self, upstream: Torture, sidecar: Sidecar) -> None:
        calls = [Call([["send", MESSAGE, MESSAGES]]) for _ in range(SLOW_READERS)]
        before = resident(sidecar)
        with connect(sidecar.address) as channel:
            streams = [open_stream(channel, call) for call in calls]
            for stream in streams:
                next(stream)
            sent = steady(lambda: sum(int(upstream.control.seen(call)["sent"]) for call in calls))
            assert sent * MESSAGE < SLOW_READERS * AHEAD
            assert resident(sidecar) - before < GROWTH
            for stream in streams:
                stream.cancel()

    def test_one_slow_stream_does_not_hold_up_the_others(self, upstream: Torture, sidecar: Sidecar) -> None:
        slow = Call([["send", MESSAGE, MESSAGES]])
        with connect(sidecar.address) as channel:
            stream = open_stream(channel, slow)
            next(stream)
            steady(lambda: int(upstream.control.seen(slow)["sent"]))
            for method, requests in ((PASS, (b"",)), (INFER, (infer.request("hello"),))):
                assert finish(open_stream(channel, Call(infer.answer("x"), requests, method))).code == "OK"
            stream.cancel()


def resident(sidecar: Sidecar) -> int:
    return sum(map(rss_bytes, sidecar.workers()))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, upstream: Torture, rules: Path) -> Iterator[Sidecar]:
    """A sidecar with narrow limits."""
    limits = {"max_concurrent_calls": 4, "max_message_bytes": MIB}
    directory = tmp_path_factory.mktemp("small")
    with start_sidecar(directory, upstream.address, rules={"paths": [str(rules)]}, limits=limits) as it:
        yield it


class TestLimits:
    @pytest.mark.parametrize("method", [PASS, INFER], ids=["unknown method", "ModelInfer"])
    def test_calls_at_once(self, small: Sidecar, upstream: Torture, method: str) -> None:
        """Four are let in and end well, the fifth is turned away and never reaches the upstream."""
        requests = (infer.request("hello"),)
        gate = f"limit-{method}"
        rejected = small.total("sentinel_rejected_total", reason="concurrency")
        held = [Call([["wait", gate], *infer.answer("x")], requests, method) for _ in range(4)]
        with connect(small.address) as channel, ThreadPoolExecutor(4) as pool:
            streams = [open_stream(channel, call) for call in held]
            for call in held:
                eventually(lambda call=call: upstream.control.seen(call)["notes"], bool)
            extra = [Call(infer.answer("x"), requests, method) for _ in range(3)]
            for call in extra:
                seen = finish(open_stream(channel, call))
                assert (seen.code, "max_concurrent_calls" in seen.details) == ("RESOURCE_EXHAUSTED", True)
                assert upstream.control.seen(call)["peer"] == ""
            upstream.control.open(gate)
            assert [seen.code for seen in pool.map(finish, streams)] == ["OK"] * 4
            assert finish(open_stream(channel, extra[0].again())).code == "OK"
        assert small.total("sentinel_rejected_total", reason="concurrency") == rejected + 3

    @pytest.mark.parametrize("method", [PASS, INFER], ids=["unknown method", "ModelInfer"])
    @pytest.mark.parametrize("side", ["request", "answer"])
    def test_message_size(self, small: Sidecar, side: str, method: str) -> None:
        long = "x" * (MIB + 1)
        request = infer.request(long if side == "request" else "hello")
        answer = infer.answer("y")
        if side == "answer":
            answer = [["read_all"], ["send", MIB + 1]]
        seen = observe(small.address, Call(answer, (request,), method))
        assert seen.code == "RESOURCE_EXHAUSTED"
        fits = Call(infer.answer("y"), (infer.request("x" * (MIB - 100)),), method)
        assert observe(small.address, fits).code == "OK"

    def test_cancelled_calls_give_their_places_back(self, small: Sidecar, upstream: Torture) -> None:
        for _ in range(3):
            calls = [Call([["wait", "never"]]) for _ in range(4)]
            with connect(small.address) as channel:
                streams = [open_stream(channel, call) for call in calls]
                for call in calls:
                    eventually(lambda call=call: upstream.control.seen(call)["notes"], bool)
                for stream in streams:
                    stream.cancel()
                for call in calls:
                    upstream.control.ended(call)
        eventually(lambda: observe(small.address, Call([["send", 0]])).code, lambda code: code == "OK")
        eventually(lambda: small.total("sentinel_in_flight"), lambda value: value == 0)


def test_threads_of_callers_on_every_worker(sidecar: Sidecar) -> None:
    """Many connections, many calls on each: every answer is the one to its own question."""

    def talk(caller: int) -> list[str]:
        wrong = []
        with connect(sidecar.address) as channel:
            for number in range(20):
                text = f"{caller}-{number}"
                seen = finish(open_stream(channel, Call([["echo"]], (text.encode(),))))
                if seen.messages != (text.encode(),):
                    wrong.append(f"{text}: {seen}")
        return wrong

    with ThreadPoolExecutor(16) as pool:
        assert [wrong for found in pool.map(talk, range(16)) for wrong in found] == []
