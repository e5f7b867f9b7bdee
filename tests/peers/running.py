"""Peers as the tests see them: processes in their own environments, an address, what they have seen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from sentinel.pb import open_inference_pb2 as pb
from tests.peers.environments import (
    ANTHROPIC,
    LITSERVE,
    MLSERVER,
    OPENAI,
    TRITON,
    TRITONCLIENT,
    Environment,
    ensure,
)

HERE = Path(__file__).parent
START_S = 120.0


@dataclass(frozen=True)
class Server:
    """A model server; `file` is where its models write each prompt that arrives."""

    address: str
    model: str
    stream_model: str
    file: Path

    def seen(self) -> list[str]:
        """Prompts that arrived since the last look."""
        prompts = (
            [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []
        )
        self.file.unlink(missing_ok=True)
        return prompts


@contextmanager
def triton_server(folder: Path) -> Iterator[Server]:
    grpc_port, http_port = free_ports(2)
    server = Server(f"127.0.0.1:{grpc_port}", "words", "letters", folder / "seen.jsonl")
    script = HERE / "servers" / "triton.py"
    ports = ["--grpc-port", grpc_port, "--http-port", http_port]
    files = ["--seen", server.file, "--workspace", folder / "workspace"]
    with _running([ensure(TRITON), script, *ports, *files], folder, server):
        yield server


@contextmanager
def mlserver_server(folder: Path) -> Iterator[Server]:
    http_port, grpc_port, metrics_port = free_ports(3)
    server = Server(f"127.0.0.1:{grpc_port}", "words", "words", folder / "seen.jsonl")
    model = folder / "words"
    model.mkdir()
    shutil.copy(HERE / "servers" / "mlserver_words.py", model)
    settings = {"name": "words", "implementation": "mlserver_words.Words"}
    (model / "model-settings.json").write_text(json.dumps(settings))
    settings = {
        "host": "127.0.0.1",
        "http_port": http_port,
        "grpc_port": grpc_port,
        "metrics_port": metrics_port,
        "parallel_workers": 0,
        "gzip_enabled": False,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [ensure(MLSERVER).parent / "mlserver", "start", folder]
    with _running(command, folder, server, {"SEEN": str(server.file)}):
        yield server


@contextmanager
def stand_in_server(folder: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    server = Server(f"127.0.0.1:{port}", "ferry-office", "ferry-office", folder / "seen.jsonl")
    command = [Path(sys.executable), "-m", "sentinel.demo.model", "--listen", server.address]
    with _running(command, folder, server):
        yield server


@contextmanager
def stand_in_http_server(folder: Path, *options: str) -> Iterator[Server]:
    (port,) = free_ports(1)
    server = Server(f"127.0.0.1:{port}", "ferry-office", "ferry-office", folder / "seen.jsonl")
    command = [sys.executable, "-m", "sentinel.demo.http_model", "--listen", server.address, *options]
    with _running(command, folder, server, ready=_serves_http):
        yield server


@contextmanager
def litserve_server(folder: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    server = Server(f"127.0.0.1:{port}", "words", "words", folder / "seen.jsonl")
    script = HERE / "servers" / "litserve_words.py"
    command = [ensure(LITSERVE), script, "--port", port, "--seen", server.file]
    with _running(command, folder, server, ready=_serves_http):
        yield server


class Client:
    """A third party's client in a process of its own; its script says what it can be asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, op: str, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **command}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class TritonClient(Client):
    """NVIDIA's."""


@contextmanager
def triton_client(folder: Path) -> Iterator[TritonClient]:
    with _client(TRITONCLIENT, "triton_client.py", folder) as process:
        yield TritonClient(process)


@contextmanager
def openai_client(folder: Path) -> Iterator[Client]:
    with _client(OPENAI, "openai_client.py", folder) as process:
        yield Client(process)


@contextmanager
def anthropic_client(folder: Path) -> Iterator[Client]:
    with _client(ANTHROPIC, "anthropic_client.py", folder) as process:
        yield Client(process)


@contextmanager
def _client(environment: Environment, script: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [ensure(environment), HERE / "clients" / script]
    with (folder / "client.log").open("w") as log:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
            yield process
            process.stdin.close()
            process.wait(20)


def _serves_grpc(server: Server) -> bool:
    return all(_ready(server.address, model) for model in (server.model, server.stream_model))


def _serves_http(server: Server) -> bool:
    try:
        with urllib.request.urlopen(f"http://{server.address}/health", timeout=2) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


@contextmanager
def _running(
    command: Sequence[object],
    folder: Path,
    server: Server,
    environment: dict[str, str] | None = None,
    ready: Callable[[Server], bool] = _serves_grpc,
) -> Iterator[None]:
    """Start it, wait until it is ready, end it with everything that it started."""
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_S
        while not ready(server):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait(5)


def _ready(address: str, model: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelReady",
            request_serializer=pb.ModelReadyRequest.SerializeToString,
            response_deserializer=pb.ModelReadyResponse.FromString,
        )
        try:
            return bool(ask(pb.ModelReadyRequest(name=model), timeout=2).ready)
        except grpc.RpcError:
            return False


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, for servers that cannot pick one themselves."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
