"""A worker's start and memory with every bundled pack. `python -m bench.process`"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.calls import prose
from bench.programs import EVERY_PACK, load, request_message, resident_mb, sidecar, upstream_saying
from bench.report import save, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="calls before memory is read again")
    options = parser.parse_args()
    request = request_message(prose(2_000))
    with tempfile.TemporaryDirectory() as folder, upstream_saying(prose(500)) as upstream:
        state = Path(folder) / "state"
        with sidecar(upstream, EVERY_PACK, state_dir=state) as first:
            cold = first.ready_s
        with sidecar(upstream, EVERY_PACK, state_dir=state) as ours:
            warm, before = ours.ready_s, resident_mb(ours.worker)
            done = 0.0
            while done < options.calls:
                done += load(ours.address, request, 16, 10).rate * 10
            after = resident_mb(ours.worker)
    head = ["what", "measured"]
    rows = [
        ["start to ready, warm cache", f"{warm:.2f} s"],
        ["start to ready, no cache (patterns extracted and compiled)", f"{cold:.2f} s"],
        ["worker's resident memory after start", f"{before:.0f} MiB"],
        [f"after {done:,.0f} calls", f"{after:.0f} MiB"],
    ]
    table("One worker", head, rows)
    save("process", head, rows)


if __name__ == "__main__":
    main()
