"""What the sidecar costs over HTTP, against a bare ASGI and aiohttp forwarder in the same run.

Both stand between the same load generator (h2load over HTTP/1.1) and the same upstream, one process each,
measured in turns. Unary chat completions. `python -m bench.http`
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from bench.calls import HEAD, Pair, cases, median, prose, quick_parser
from bench.programs import Load, cpu_seconds, http_calls, http_load, running, sidecar
from bench.report import save, table

SIZES = {"200 B": 200, "2 KB": 2_000}
IN_FLIGHT = (1, 16, 64)
_COUNTED = 5_000


class Row(NamedTuple):
    pair: Pair
    bare_us: float
    """Processor time a call, microseconds."""
    ours_us: float


def request_body(text: str) -> bytes:
    return json.dumps({"model": "bench", "messages": [{"role": "user", "content": text}]}).encode()


def answer_body(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench"}
    return json.dumps({**head, "choices": [choice], "usage": usage}).encode()


@contextlib.contextmanager
def printing_port(*command: str) -> Iterator[tuple[str, int]]:
    """A program that prints its port: its address, and its process id."""
    with running([sys.executable, "-m", *command]) as process:
        assert process.stdout
        yield f"127.0.0.1:{process.stdout.readline().strip()}", process.pid


def measure(rounds: int, seconds: float, quick: bool) -> list[Row]:
    rows = []
    asked = list(cases(SIZES, IN_FLIGHT, quick=quick))
    with contextlib.ExitStack() as stack:
        answer = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "answer"
        answer.write_bytes(answer_body(prose(500)))
        upstream, _ = stack.enter_context(printing_port("bench.http_upstream", str(answer)))
        bare = stack.enter_context(printing_port("bench.http_forwarder", upstream))
        started = stack.enter_context(sidecar(upstream, way="http"))
        ours = started.address, started.worker
        for name, text, in_flight in track(asked, "calls", console=Console(stderr=True)):
            body = request_body(text)
            turns = [[timed(*each, body, in_flight, seconds) for each in (bare, ours)] for _ in range(rounds)]
            loads = [median(turn[side][0] for turn in turns) for side in (0, 1)]
            costs = [min(turn[side][1] for turn in turns) for side in (0, 1)]
            rows.append(Row(Pair(name, in_flight, *loads), *costs))
    return rows


def timed(address: str, pid: int, body: bytes, in_flight: int, seconds: float) -> tuple[Load, float]:
    """The load, and the processor time that a call took, in microseconds."""
    url = f"http://{address}/v1/chat/completions"
    load = http_load(url, body, in_flight, seconds)
    before = cpu_seconds(pid)
    http_calls(url, body, in_flight, _COUNTED)
    return load, (cpu_seconds(pid) - before) / _COUNTED * 1e6


def main() -> None:
    options = quick_parser(__doc__).parse_args()
    rows = measure(options.rounds, options.seconds, options.quick)
    head = [*HEAD, "processor time a call"]
    body = [[*row.pair.cells, f"{row.bare_us:.0f} -> {row.ours_us:.0f} us"] for row in rows]
    table("Chat completions through one worker: pii and secrets rules, durable record", head, body)
    save("http", head, body)


if __name__ == "__main__":
    main()
