"""The sidecar against the LiteLLM proxy with its content filter: the same texts, load generator (h2load over
HTTP/1.1) and stand-in model, one worker each, measured in turns. `python -m bench.litellm`

The sidecar has the bundled rules and the durable record on; LiteLLM its filter on prompts and answers, no
database, no authentication.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from bench.calls import WITH_FINDING, prose
from bench.http import printing_port
from bench.litellm_proxy import MODEL, litellm
from bench.programs import Load, cpu_seconds, http_calls, http_load, resident_mb, sidecar
from bench.report import save, table

IN_FLIGHT = (1, 16)
_CHUNK = 5
"""Characters of an event, as tokens have."""
_COUNTED = 96
_ANSWER = WITH_FINDING + prose(500 - len(WITH_FINDING))
_QUESTION = WITH_FINDING + prose(1_000 - len(WITH_FINDING))


class Side(NamedTuple):
    address: str
    pid: int


class Measured(NamedTuple):
    load: Load
    added_ms: float
    """Median latency over that of the upstream asked directly."""
    cpu_ms: float
    """Processor time a call."""
    memory_mb: float


class Row(NamedTuple):
    call: str
    in_flight: int
    theirs: Measured
    ours: Measured


def request_body(stream: bool) -> bytes:
    question = {"role": "user", "content": _QUESTION}
    asked = {"model": MODEL, "messages": [question], "seed": 0, "max_tokens": _CHUNK, "stream": stream}
    return json.dumps(asked).encode()


@contextlib.contextmanager
def sides() -> Iterator[tuple[Side, Side, Side]]:
    """The upstream, LiteLLM, the sidecar."""
    with contextlib.ExitStack() as stack:
        texts = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "texts"
        texts.write_text(json.dumps([_ANSWER]))
        upstream = Side(*stack.enter_context(printing_port("bench.litellm_upstream", str(texts))))
        theirs = stack.enter_context(litellm(upstream.address))
        ours = stack.enter_context(sidecar(upstream.address, way="http"))
        yield upstream, Side(*theirs), Side(ours.address, ours.worker)


def measure(rounds: int, seconds: float) -> list[Row]:
    rows = []
    kinds = [(stream, in_flight) for stream in (False, True) for in_flight in IN_FLIGHT]
    with sides() as (upstream, theirs, ours):
        for stream, in_flight in track(kinds, "calls", console=Console(stderr=True)):
            body = request_body(stream)
            turns = [
                [_load(side, body, in_flight, seconds) for side in (upstream, theirs, ours)]
                for _ in range(rounds)
            ]
            bare, *loads = (_median([turn[place] for turn in turns]) for place in range(3))
            both = [
                Measured(
                    load, load.p50 - bare.p50, _cpu_ms(side, body, in_flight, rounds), resident_mb(side.pid)
                )
                for load, side in zip(loads, (theirs, ours), strict=True)
            ]
            rows.append(Row("streamed" if stream else "unary", in_flight, *both))
    return rows


def _url(side: Side) -> str:
    return f"http://{side.address}/v1/chat/completions"


def _load(side: Side, body: bytes, in_flight: int, seconds: float) -> Load:
    return http_load(_url(side), body, in_flight, seconds)


def _cpu_ms(side: Side, body: bytes, in_flight: int, rounds: int) -> float:
    """The least of the rounds."""
    costs = []
    for _ in range(rounds):
        before = cpu_seconds(side.pid)
        http_calls(_url(side), body, in_flight, _COUNTED)
        costs.append((cpu_seconds(side.pid) - before) / _COUNTED * 1e3)
    return min(costs)


def _median(loads: list[Load]) -> Load:
    return Load(*(statistics.median(values) for values in zip(*loads, strict=True)))


def cells(row: Row) -> list[str]:
    theirs, ours = row.theirs, row.ours
    return [
        row.call,
        str(row.in_flight),
        f"{theirs.load.rate:,.0f} -> {ours.load.rate:,.0f}",
        f"{ours.load.rate / theirs.load.rate:.1f}",
        f"{theirs.load.p50:.2f} -> {ours.load.p50:.2f} ms",
        f"{theirs.load.p99:.2f} -> {ours.load.p99:.2f} ms",
        f"{theirs.added_ms:.2f} -> {ours.added_ms:.2f} ms",
        f"1/{theirs.added_ms / ours.added_ms:.0f}" if ours.added_ms > 0 else "none",
        f"{theirs.cpu_ms:.1f} -> {ours.cpu_ms:.1f} ms",
        f"{theirs.memory_mb:.0f} -> {ours.memory_mb:.0f} MiB",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns for each (default 3)")
    parser.add_argument("--seconds", type=float, default=6, help="length of one turn (default 6)")
    options = parser.parse_args()
    head = ["LiteLLM -> Sentinel", "in flight", "calls/s", "ratio", "p50", "p99", "added p50", "share"]
    head += ["processor time a call", "memory"]
    body = [cells(row) for row in measure(options.rounds, options.seconds)]
    table("Chat completions through one worker with screening", head, body)
    save("litellm", head, body)


if __name__ == "__main__":
    main()
