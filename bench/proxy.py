"""What the sidecar costs on the call path, against a bare grpc.aio forwarder in the same run.

Both stand between the same load generator (h2load, C) and the same upstream, one process each,
measured in turns so that whatever else the machine does hits both. `python -m bench.proxy`
"""

from __future__ import annotations

import contextlib

from rich.console import Console
from rich.progress import track

from bench.calls import HEAD, Pair, cases, median, prose, quick_parser
from bench.programs import EVERY_PACK, baseline, load, request_message, sidecar, upstream_saying
from bench.report import save, table

SIZES = {"200 B": 200, "2 KB": 2_000, "100 KB": 100_000}
IN_FLIGHT = (1, 16, 256)
_WITH_ALL = {"200 B": 200, "2 KB": 2_000}


def measure(rounds: int, seconds: float, quick: bool) -> list[Pair]:
    rows = []
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(upstream_saying(prose(500)))
        bare = stack.enter_context(baseline(upstream))
        patterns = stack.enter_context(sidecar(upstream)).address
        every = stack.enter_context(sidecar(upstream, EVERY_PACK)).address
        asked = [(patterns, *case) for case in cases(SIZES, IN_FLIGHT, quick=quick)]
        asked += [(every, f"{name}, every bundled pack", prose(size), 1) for name, size in _WITH_ALL.items()]
        for ours, name, text, in_flight in track(asked, "calls", console=Console(stderr=True)):
            request = request_message(text)
            pairs = [
                (load(bare, request, in_flight, seconds), load(ours, request, in_flight, seconds))
                for _ in range(rounds)
            ]
            rows.append(Pair(name, in_flight, median(a for a, _ in pairs), median(b for _, b in pairs)))
    return rows


def main() -> None:
    options = quick_parser(__doc__).parse_args()
    body = [pair.cells for pair in measure(options.rounds, options.seconds, options.quick)]
    table("Unary calls through one worker: pii and secrets packs, durable record", HEAD, body)
    save("proxy", HEAD, body)


if __name__ == "__main__":
    main()
