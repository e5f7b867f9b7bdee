"""What the sidecar costs on the call path, against a bare grpc.aio forwarder in the same run.

Both stand between the same load generator (h2load, C) and the same upstream, one process each,
measured in turns so that whatever else the machine does hits both. `python -m bench.proxy`
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from bench.programs import Load, baseline, load, request_message, sidecar, upstream_saying
from bench.report import save, table

PROSE = (
    "Please summarise the minutes of our meeting about the new warehouse. The team agreed to move the "
    "opening to the second week of spring, because the shelves arrive late, and asked about the dock. "
)
WITH_FINDING = "You can write to jane.doe@example.com about it. "
SIZES = {"200 B": 200, "2 KB": 2_000, "100 KB": 100_000}
IN_FLIGHT = (1, 16, 256)


class Row(NamedTuple):
    text: str
    in_flight: int
    bare: Load
    ours: Load

    @property
    def ratio(self) -> float:
        return self.ours.rate / self.bare.rate


def prose(size: int) -> str:
    return (PROSE * (size // len(PROSE) + 1))[:size]


def cases(quick: bool) -> Iterator[tuple[str, str, int]]:
    for name, size in SIZES.items():
        for in_flight in IN_FLIGHT:
            if not quick or (size, in_flight) == (2_000, 16):
                yield name, prose(size), in_flight
    yield "2 KB, one e-mail redacted", WITH_FINDING + prose(2_000 - len(WITH_FINDING)), 16


def measure(rounds: int, seconds: float, quick: bool) -> list[Row]:
    rows = []
    with upstream_saying(prose(500)) as upstream, baseline(upstream) as bare, sidecar(upstream) as ours:
        for name, text, in_flight in track(list(cases(quick)), "calls", console=Console(stderr=True)):
            request = request_message(text)
            pairs = [
                (load(bare, request, in_flight, seconds), load(ours.address, request, in_flight, seconds))
                for _ in range(rounds)
            ]
            rows.append(Row(name, in_flight, _median([a for a, _ in pairs]), _median([b for _, b in pairs])))
    return rows


def _median(loads: list[Load]) -> Load:
    return Load(*(statistics.median(values) for values in zip(*loads, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns for each of the two (default 3)")
    parser.add_argument("--seconds", type=float, default=4, help="length of one turn (default 4)")
    parser.add_argument("--quick", action="store_true", help="2 KB at 16 in flight only")
    options = parser.parse_args()
    rows = measure(options.rounds, options.seconds, options.quick)
    head = [
        "request",
        "in flight",
        "forwarder calls/s",
        "Sentinel calls/s",
        "ratio",
        "added p50",
        "added p99",
    ]
    body = [
        [
            row.text,
            str(row.in_flight),
            f"{row.bare.rate:,.0f}",
            f"{row.ours.rate:,.0f}",
            f"{row.ratio:.2f}",
            f"{row.ours.p50 - row.bare.p50:+.2f} ms",
            f"{row.ours.p99 - row.bare.p99:+.2f} ms",
        ]
        for row in rows
    ]
    table("Unary calls through one worker: pii and secrets rules, durable record", head, body)
    save("proxy", head, body)


if __name__ == "__main__":
    main()
