"""What the sidecar costs on token streams over gRPC, against a bare grpc.aio forwarder in the same run; and
how much text it holds back. `python -m bench.streams [--data DIR]`

DIR holds `traffic/*.jsonl.gz`, whose rows may have a `response`: the answers whose held-back text is
measured.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track

from bench.programs import PATTERNS, cpu_seconds, resident_mb, running, sidecar
from bench.report import save, table
from sentinel.core.exchange import CallContext, Stage
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.screener import load_screener

_TOKEN = re.compile(r"\s?\w{1,6}|\W")
_IDLE = 400


class Side(NamedTuple):
    rate: float
    cpu_us: float
    """Processor time a message, microseconds."""


@contextlib.contextmanager
def peer(*command: str) -> Iterator[tuple[str, int]]:
    with running([sys.executable, "-m", "bench.stream_peers", *command]) as process:
        assert process.stdout
        yield f"127.0.0.1:{process.stdout.readline().strip()}", process.pid


def call(address: str, streams: int, rounds: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.stream_peers", "caller", address, str(streams), str(rounds)]
    told: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return told


def side(address: str, pid: int, streams: int, rounds: int) -> Side:
    before = cpu_seconds(pid)
    told = call(address, streams, rounds)
    used = cpu_seconds(pid) - before
    return Side(told["messages"] / told["seconds"], used / told["messages"] * 1e6)


def throughput(turns: int) -> list[list[str]]:
    rows = []
    with peer("upstream", "500", "0") as (upstream, _), peer("forwarder", upstream) as (bare, bare_pid):
        with sidecar(upstream) as ours:
            for streams in track((1, 16, 128), "streams", console=Console(stderr=True)):
                rounds = max(1, 48 // streams)
                pairs = [
                    (side(bare, bare_pid, streams, rounds), side(ours.address, ours.worker, streams, rounds))
                    for _ in range(turns)
                ]
                one = [statistics.median(values) for values in zip(*(a for a, _ in pairs), strict=True)]
                two = [statistics.median(values) for values in zip(*(b for _, b in pairs), strict=True)]
                rows.append(
                    [
                        str(streams),
                        f"{one[0]:,.0f}",
                        f"{two[0]:,.0f}",
                        f"{two[0] / one[0]:.2f}",
                        f"{one[1]:.0f} us",
                        f"{two[1]:.0f} us",
                    ]
                )
    return rows


def delays() -> list[list[str]]:
    """With a token every 10 ms, as a model sends them. The last word of what has come is always held back,
    so one token more or less is what a chunk waits for; the first to arrive is the first that leaves."""
    rows = []
    with peer("upstream", "100", "10") as (upstream, _), peer("forwarder", upstream) as (bare, _):
        with sidecar(upstream) as ours:
            one, two = call(bare, 8, 4), call(ours.address, 8, 4)
    for name, key in (("time to the first token", "first_ms"), ("time between tokens", "gaps_ms")):
        for quantile in (0.5, 0.99):
            values = [told[key][int(len(told[key]) * quantile)] for told in (one, two)]
            rows.append(
                [
                    f"{name}, p{quantile * 100:.0f}",
                    *(f"{v:.2f} ms" for v in values),
                    f"{values[1] - values[0]:+.2f} ms",
                ]
            )
    return rows


def memory() -> list[list[str]]:
    """Of a stream whose first token has passed (the second one waits) and whose model is silent."""
    grown = []
    with peer("upstream", "2", "0") as (upstream, _), peer("forwarder", upstream) as (bare, bare_pid):
        with sidecar(upstream) as ours:
            for address, pid in ((bare, bare_pid), (ours.address, ours.worker)):
                call(address, 64, 1)
                before = resident_mb(pid)
                command = [sys.executable, "-m", "bench.stream_peers", "idle", address, str(_IDLE)]
                with subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                ) as holder:
                    assert holder.stdout
                    holder.stdout.readline()
                    time.sleep(1)
                    grown.append((resident_mb(pid) - before) * 1024 / _IDLE)
                    holder.terminate()
    return [
        ["memory of an idle stream", *(f"{kb:.1f} KiB" for kb in grown), f"{grown[1] - grown[0]:+.1f} KiB"]
    ]


def holdback(data: Path) -> list[list[str]]:
    """Characters held back after each token of the labelled answers, by the bundled rules."""
    with tempfile.TemporaryDirectory() as cache:
        screener = load_screener(list(map(Path, PATTERNS)), DetectorsConfig(), Path(cache))
    rules = screener.gates(screener.policy.select(Stage.OUTPUT, CallContext(""))).token
    held: list[int] = []
    longest: list[int] = []
    for text in track(list(_answers(data)), "holdback", console=Console(stderr=True)):
        inspector = screener.inspector(rules, screener.sentence_inspector(rules))
        most = 0
        for token in _TOKEN.findall(text):
            inspector.push(token)
            inspector.advance()
            held.append(inspector.pushed - inspector.settled)
            most = max(most, held[-1])
        longest.append(most)
    held.sort()
    longest.sort()
    quantiles = (0.5, 0.99, 1)
    return [
        [name, *(str(values[min(int(len(values) * q), len(values) - 1)]) for q in quantiles)]
        for name, values in (("after each token", held), ("longest of each answer", longest))
    ]


def _answers(data: Path) -> Iterator[str]:
    for path in sorted((data / "traffic").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                answer = json.loads(line).get("response")
                if isinstance(answer, str) and answer:
                    yield answer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of labelled texts, for the holdback")
    parser.add_argument("--turns", type=int, default=3, help="turns for each of the two; 0: no throughput")
    options = parser.parse_args()
    if options.turns:
        head = ["streams", "forwarder msg/s", "Sentinel msg/s", "ratio", "forwarder CPU", "Sentinel CPU"]
        rows = throughput(options.turns)
        table("Token streams over gRPC through one worker", head, rows)
        save("streams", head, rows)
    head = ["what", "forwarder", "Sentinel", "added"]
    rows = [*delays(), *memory()]
    table("Delay and memory", head, rows)
    save("streams-delay", head, rows)
    if options.data:
        head = ["characters held back", "p50", "p99", "max"]
        rows = holdback(options.data)
        table("Held-back text", head, rows)
        save("streams-holdback", head, rows)


if __name__ == "__main__":
    main()
