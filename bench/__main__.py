"""Every benchmark: `python -m bench [--data DIR] [--peers]`. The tables go to bench/out, and with `make docs`
into the README and docs/performance.md.

Without DIR (JSON lines in pii/ and traffic/, see bench.patterns) pattern screening is not compared with
Presidio, nor streams with whole texts. Peers other than libraries (the LiteLLM proxy, Envoy) are installed in
environments of their own, which takes minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--data", help="folder of labelled texts, for bench.patterns and streams")
    parser.add_argument("--peers", action="store_true", help="compare with Envoy and the LiteLLM proxy too")
    options = parser.parse_args()
    with_data = ["--data", options.data] if options.data else []
    runs = [
        ["bench.spool"],
        ["bench.process"],
        ["bench.proxy"],
        ["bench.http"],
        ["bench.streams", *with_data],
        ["bench.tiers", *with_data],
        ["bench.models"],
    ]
    if with_data:
        runs += [["bench.patterns", *with_data], ["bench.stream_parity", *with_data]]
    if options.peers:
        runs += [["bench.envoy"], ["bench.litellm"], ["bench.leaks"], ["bench.encoder"]]
    failed = [run[0] for run in runs if subprocess.run([sys.executable, "-m", *run]).returncode]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
