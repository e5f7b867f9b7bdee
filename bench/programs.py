"""The programs that the benchmarks run: an upstream, the baseline, the sidecar, and a C load
generator."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sentinel.pb import open_inference_pb2
from sentinel.policy.load import bundled_rules

PATTERNS = [str(bundled_rules() / pack) for pack in ("pii.yaml", "secrets.yaml")]
EVERY_PACK = [str(bundled_rules())]
METHOD = "/inference.GRPCInferenceService/ModelInfer"


def required(name: str, package: str) -> str:
    found = shutil.which(name)
    if not found:
        raise SystemExit(f"{name} is missing; install it (Debian: apt-get install {package})")
    return found


def framed(message: bytes) -> bytes:
    """A gRPC message as it stands in an HTTP/2 body: not compressed, length, bytes."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def request_message(text: str) -> bytes:
    """A ModelInfer request that carries the text as Triton's vLLM backend takes it."""
    message = open_inference_pb2.ModelInferRequest(model_name="bench", id="1")
    tensor = message.inputs.add(name="text_input", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(text.encode())
    return message.SerializeToString()


def response_message(text: str) -> bytes:
    message = open_inference_pb2.ModelInferResponse(model_name="bench", id="1")
    message.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    raw = text.encode()
    message.raw_output_contents.append(len(raw).to_bytes(4, "little") + raw)
    return message.SerializeToString()


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def upstream_saying(answer: str) -> Iterator[str]:
    """A model server that gives the same answer to every call; yields HOST:PORT."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(response_message(answer))
        file.flush()
        with running([sys.executable, "-m", "bench.upstream", file.name]) as process:
            assert process.stdout
            yield f"127.0.0.1:{process.stdout.readline().strip()}"


@contextlib.contextmanager
def baseline(upstream: str) -> Iterator[str]:
    with running([sys.executable, "-m", "bench.forwarder", upstream]) as process:
        assert process.stdout
        yield f"127.0.0.1:{process.stdout.readline().strip()}"


class Sidecar(NamedTuple):
    address: str
    worker: int
    ready_s: float
    state_dir: Path


@contextlib.contextmanager
def sidecar(
    upstream: str,
    rules: list[str] | None = None,
    *,
    exporter: bool = False,
    state_dir: Path | None = None,
    way: str = "grpc",
) -> Iterator[Sidecar]:
    """`sentinel serve` with one worker, the bundled packs of patterns (or `rules`) and the durable record on;
    `way` in is grpc, http or ext_proc."""
    with tempfile.TemporaryDirectory() as folder:
        state = state_dir or Path(folder) / "state"
        config = {
            "state_dir": str(state),
            "listen": {way: "127.0.0.1:0", "admin": "127.0.0.1:0"},
            "upstream": {"http": f"http://{upstream}"} if way == "http" else {"address": upstream},
            "log_level": "warning",
            "rules": {"paths": rules or PATTERNS},
            "spool": {"max_bytes": 1 << 33, "on_full": "drop_oldest"},
            "exporter": {"enabled": exporter},
            "store": {"listen": "127.0.0.1:0"},
        }
        file = Path(folder) / "sentinel.yaml"
        file.write_text(json.dumps(config))
        started = time.monotonic()
        with running([sys.executable, "-m", "sentinel.cli", "serve", "--config", str(file)]) as process:
            found = state / "serve.json"
            while not found.exists():
                if process.poll() is not None:
                    raise SystemExit("the sidecar did not start")
                time.sleep(0.01)
            ready_s = time.monotonic() - started
            info = json.loads(found.read_text())
            yield Sidecar(info[way], info["workers"][0], ready_s, state)


class Load(NamedTuple):
    """Requests per second; latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def load(address: str, request: bytes, in_flight: int, seconds: float = 4.0) -> Load:
    """h2load: `in_flight` calls over up to 8 connections. Raises SystemExit when a call fails."""
    clients = min(8, in_flight)
    fields = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    options = [f"-c{clients}", f"-m{in_flight // clients}", *fields]
    return _measured(f"http://{address}{METHOD}", framed(request), in_flight, seconds, options)


def http_load(url: str, request: bytes, in_flight: int, seconds: float = 4.0) -> Load:
    """The same over HTTP/1.1, where each call in flight has its connection."""
    return _measured(url, request, in_flight, seconds, ["--h1", f"-c{in_flight}", *_JSON])


def http_calls(url: str, request: bytes, in_flight: int, count: int) -> None:
    """As many calls, and no more."""
    with tempfile.NamedTemporaryFile() as body:
        body.write(request)
        body.flush()
        command = [
            required("h2load", "nghttp2-client"),
            "--h1",
            f"-c{in_flight}",
            f"-n{count}",
            "-t1",
            *_JSON,
        ]
        subprocess.run([*command, "-d", body.name, url], capture_output=True, check=True)


_JSON = ["-H", "content-type: application/json"]


def _measured(url: str, request: bytes, in_flight: int, seconds: float, options: list[str]) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        body, times = Path(folder) / "request", Path(folder) / "times"
        body.write_bytes(request)
        command = [required("h2load", "nghttp2-client"), "-t1", *options, "-d", str(body)]
        command += [f"-D{seconds:g}", "--warm-up-time=1", f"--log-file={times}", url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        everything = [line.split("\t") for line in times.read_text().splitlines()]
    rows = [row for row in everything if row[1] == "200"]
    if len(rows) < len(everything) - in_flight:  # those in flight when time is up have no status
        raise SystemExit(f"calls failed:\n{output}")
    latencies = sorted(int(row[2]) / 1000 for row in rows)
    spans = [int(row[0]) for row in rows]
    rate = len(rows) / max((max(spans) - min(spans)) / 1e6, 1e-9)
    return Load(rate, statistics.median(latencies), latencies[int(len(latencies) * 0.99)])


def resident_mb(pid: int) -> float:
    """Resident memory of a process, MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
