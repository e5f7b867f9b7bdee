"""An upstream that is not there, goes away, or breaks the protocol."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e import infer
from tests.e2e.client import INFER, PASS, Call, connect, eventually, finish, observe, open_stream
from tests.e2e.processes import torture
from tests.e2e.rawh2 import RawServer, data, goaway, headers, rst_stream, trailers
from tests.e2e.sidecar import Sidecar, start_sidecar

REQUESTS = {PASS: (b"a",), INFER: (infer.request("hello"),)}
BOTH = pytest.mark.parametrize("method", [PASS, INFER], ids=["unknown method", "ModelInfer"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestDown:
    @pytest.fixture(scope="class")
    @classmethod
    def closed(cls) -> str:
        return f"127.0.0.1:{free_port()}"

    @pytest.fixture(scope="class")
    @classmethod
    def sidecar(cls, tmp_path_factory: pytest.TempPathFactory, closed: str, rules: Path) -> Iterator[Sidecar]:
        directory = tmp_path_factory.mktemp("down")
        rule = {"paths": [str(rules)]}
        with start_sidecar(
            directory, closed, until_ready=False, rules=rule, health={"interval_s": 0.2}
        ) as it:
            yield it

    @BOTH
    def test_the_caller_is_told_at_once_and_told_which_upstream(
        self, sidecar: Sidecar, closed: str, method: str
    ) -> None:
        """Without a deadline a call that waited for the upstream would never end."""
        seen = observe(sidecar.address, Call([], REQUESTS[method], method, timeout=None))
        assert seen.code == "UNAVAILABLE"
        assert closed in seen.details

    def test_it_is_not_ready_but_alive(self, sidecar: Sidecar) -> None:
        assert sidecar.get("/healthz")[0] == 200
        assert sidecar.get("/readyz")[0] == 503

    @BOTH
    def test_it_works_once_the_upstream_is_there(
        self, sidecar: Sidecar, closed: str, tmp_path: Path, method: str
    ) -> None:
        with torture(tmp_path, "--listen", closed):
            call = Call(infer.answer("up"), REQUESTS[method], method)
            eventually(lambda: observe(sidecar.address, call.again()).code, lambda code: code == "OK")
            eventually(sidecar.ready, bool)
        eventually(lambda: sidecar.get("/readyz")[0], lambda status: status == 503)


class TestDies:
    """The process of the upstream ends in the middle of a call."""

    @pytest.mark.parametrize(
        ("method", "before", "messages"),
        [
            (PASS, [["text", "a"], ["text", "b"]], (b"a", b"b")),
            (PASS, [["read_all"]], ()),
            (INFER, [["read_all"]], ()),
        ],
        ids=["in a stream", "before an answer", "ModelInfer"],
    )
    def test_the_caller_sees_what_came_and_unavailable(
        self, tmp_path: Path, rules: Path, method: str, before: list[list[str]], messages: tuple[bytes, ...]
    ) -> None:
        call = Call([*before, ["exit"]], REQUESTS[method], method)
        with torture(tmp_path, name="first") as first:
            direct = observe(first.address, call)
        with (
            torture(tmp_path, name="second") as second,
            start_sidecar(tmp_path, second.address, rules={"paths": [str(rules)]}) as sidecar,
        ):
            through = observe(sidecar.address, call.again())
            with torture(tmp_path, "--listen", second.address, name="third"):
                after = Call(infer.answer("again"), REQUESTS[method], method)
                eventually(lambda: observe(sidecar.address, after.again()).code, lambda code: code == "OK")
        assert (direct.code, direct.messages) == ("UNAVAILABLE", messages)
        assert (through.code, through.messages) == ("UNAVAILABLE", messages)


def test_goaway_loses_no_call(tmp_path: Path, rules: Path) -> None:
    """The upstream closes each connection after 0.4 s: calls in flight finish, later ones take a new one."""
    with (
        torture(tmp_path, "--max-connection-age-ms", "400") as upstream,
        start_sidecar(tmp_path, upstream.address, rules={"paths": [str(rules)]}) as sidecar,
        connect(sidecar.address) as channel,
    ):
        long_call = Call([["text", "a"], ["wait", "end"], ["text", "b"]])
        long_stream = open_stream(channel, long_call)
        assert next(long_stream) == b"a"
        first_peer = upstream.control.seen(long_call)["peer"]
        failed: list[str] = []
        calls = []
        stop = threading.Event()

        def keep_calling(method: str) -> None:
            while not stop.is_set():
                call = Call([["sleep", 0.02], *infer.answer("x")], REQUESTS[method], method)
                calls.append(call)
                seen = finish(open_stream(channel, call))
                if seen.code != "OK":
                    failed.append(f"{method}: {seen.code}: {seen.details}")

        with ThreadPoolExecutor(4) as pool:
            loops = [pool.submit(keep_calling, method) for method in (PASS, INFER) * 2]
            time.sleep(3)
            stop.set()
        for loop in loops:
            loop.result()
        peers = {seen["peer"] for seen in upstream.control.ask("All").values() if seen["method"] == ""}
        upstream.control.open("end")
        assert finish(long_stream, [b"a"]).messages == (b"a", b"b")
    assert failed == []
    assert len(peers) >= 3, f"connections were not renewed: {peers}, {first_peer}, {len(calls)} calls"


KEEPALIVE = {"time_s": 0.5, "timeout_s": 0.5}


class TestKeepalive:
    """Ends that stop answering without a word: only pings find out."""

    @BOTH
    def test_upstream(self, tmp_path: Path, rules: Path, method: str) -> None:
        call = Call([["read_all"], ["wait", "never"]], REQUESTS[method], method, timeout=None)
        with (
            torture(tmp_path) as upstream,
            start_sidecar(
                tmp_path, upstream.address, keepalive=KEEPALIVE, rules={"paths": [str(rules)]}
            ) as sidecar,
            connect(sidecar.address) as channel,
        ):
            stream = open_stream(channel, call)
            eventually(lambda: upstream.control.seen(call)["notes"], bool)
            upstream.process.send_signal(signal.SIGSTOP)
            assert finish(stream).code == "UNAVAILABLE"
            upstream.process.send_signal(signal.SIGCONT)

    def test_caller(self, tmp_path: Path) -> None:
        call = Call([["read_all"], ["wait", "never"]], timeout=None)
        with (
            torture(tmp_path) as upstream,
            start_sidecar(tmp_path, upstream.address, keepalive=KEEPALIVE) as sidecar,
        ):
            context = multiprocessing.get_context("spawn")
            caller = context.Process(target=observe, args=(sidecar.address, call))
            caller.start()
            eventually(lambda: upstream.control.seen(call)["notes"], bool)
            os.kill(caller.pid, signal.SIGSTOP)  # type: ignore[arg-type]
            assert upstream.control.ended(call)["ended"] == "cancelled"
            caller.kill()
            caller.join()


RAW = {
    "RST_STREAM in place of an answer": [rst_stream(2)],
    "REFUSED_STREAM, always": [rst_stream(7)],
    "ENHANCE_YOUR_CALM": [rst_stream(11)],
    "CANCEL": [rst_stream(8)],
    "RST_STREAM after a message": [headers(), data(b"m"), rst_stream(2)],
    "no status": [headers(), data(b"m"), trailers()],
    "end of stream without trailers": [headers(), data(b"m", end=True)],
    "a status that does not exist": [headers(), trailers(("grpc-status", "77"))],
    "HTTP 503": [headers(status="503", kind="text/html", end=True)],
    "HTTP 404": [headers(status="404", kind="text/plain", end=True)],
    "HTTP 200 that is not gRPC": [headers(kind="text/html"), data(b"<html>", end=True, framed=False)],
    "GOAWAY in place of an answer": [goaway(0, 2)],
    "connection closed in a message": [headers(), data(b"\0\0\0\0\x09abc", framed=False), None],
}


@pytest.mark.parametrize("method", [PASS, INFER], ids=["unknown method", "ModelInfer"])
@pytest.mark.parametrize("name", RAW)
def test_broken_protocol(raw: tuple[RawServer, Sidecar], name: str, method: str) -> None:
    """Bytes that no well-behaved server sends: the caller sees the same code as without Sentinel."""
    server, sidecar = raw
    call = Call([], REQUESTS[method], method, timeout=5)
    server.frames = RAW[name]
    direct = observe(server.address, call)
    through = observe(sidecar.address, call.again())
    assert through.code == direct.code != "OK"


@pytest.mark.parametrize("method", [PASS, INFER], ids=["unknown method", "ModelInfer"])
def test_a_call_that_a_closing_connection_did_not_take_is_sent_again(
    raw: tuple[RawServer, Sidecar], method: str
) -> None:
    """GOAWAY names the last stream that the server has seen: later ones can be sent again."""
    server, sidecar = raw
    server.frames = [_only_the_first_stream]
    seen = [observe(sidecar.address, Call([], REQUESTS[method], method, timeout=5)) for _ in range(4)]
    assert [(each.code, each.details) for each in seen] == [("OK", "")] * 4


def _only_the_first_stream(stream: int) -> bytes:
    """An answer, then a connection that takes no more."""
    if stream > 1:
        return goaway(1, 0)(stream)
    parts = (headers(), data(b""), trailers(("grpc-status", "0")))
    return b"".join(part(stream) for part in parts if part is not None)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, rules: Path) -> Iterator[tuple[RawServer, Sidecar]]:
    with RawServer() as server:
        directory = tmp_path_factory.mktemp("raw")
        config = {"rules": {"paths": [str(rules)]}, "health": {"interval_s": 3600}}
        with start_sidecar(directory, server.address, until_ready=False, **config) as it:
            yield server, it
