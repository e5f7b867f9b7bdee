"""Every benchmark: `python -m bench [--data DIR] [--peers]`. The tables go to bench/out, and with `make
docs` into the README.

Without DIR (JSON lines in pii/ and traffic/, see bench.patterns) pattern screening is not compared with
Presidio. With --peers the sidecar is compared with the LiteLLM proxy, which gets an environment of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--data", help="folder of labelled texts, for bench.patterns")
    parser.add_argument("--peers", action="store_true", help="bench.litellm and bench.leaks too")
    options = parser.parse_args()
    data = options.data
    runs = [["bench.spool"], ["bench.process"], ["bench.proxy"], ["bench.http"]]
    if data:
        runs.append(["bench.patterns", "--data", data])
    if options.peers:
        runs += [["bench.litellm"], ["bench.leaks"]]
    failed = [run[0] for run in runs if subprocess.run([sys.executable, "-m", *run]).returncode]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
