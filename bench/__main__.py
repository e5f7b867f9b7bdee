"""Every benchmark: `python -m bench [--data DIR] [--peers]`. The tables go to bench/out, and with `make docs`
into the README and docs/performance.md.

Without DIR (JSON lines in pii/ and traffic/, see bench.patterns) pattern screening is not compared with
Presidio, nor streams with whole texts. Peers other than libraries (the LiteLLM proxy, Envoy, Detoxify with
torch) are installed in environments of their own, which takes minutes. Models are measured where the
encoder's base is installed, and Detoxify beside them where its environment is made. The end says what was
not measured, and what it lacks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from bench.models import LACKS, installed_base
from tests.peers.environments import TORCH, is_made

_DATA = "name labelled texts with --data DIR"
_PEERS = "--peers installs what it is compared with"


def planned(
    data: str | None, *, peers: bool, torch: bool, base: bool
) -> tuple[list[list[str]], dict[str, str]]:
    """What to run, and of each other benchmark what it lacks. `torch`, `base`: whether they are here."""
    texts = ["--data", data] if data else []
    encoder = "" if base else LACKS
    runs = [
        (["bench.spool"], ""),
        (["bench.process"], ""),
        (["bench.proxy"], ""),
        (["bench.http"], ""),
        (["bench.streams", *texts], ""),
        (["bench.tiers", *texts], ""),
        (["bench.models"], encoder),
        (["bench.encoder"], encoder or ("" if peers or torch else _PEERS)),
        (["bench.patterns", *texts], "" if data else _DATA),
        (["bench.stream_parity", *texts], "" if data else _DATA),
        (["bench.envoy"], "" if peers else _PEERS),
        (["bench.litellm"], "" if peers else _PEERS),
        (["bench.leaks"], "" if peers else _PEERS),
    ]
    return [run for run, lack in runs if not lack], {run[0]: lack for run, lack in runs if lack}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder of labelled texts, for bench.patterns and streams")
    parser.add_argument(
        "--peers", action="store_true", help="compare with Envoy, the LiteLLM proxy and Detoxify too"
    )
    options = parser.parse_args()
    base = installed_base() is not None
    runs, lacking = planned(options.data, peers=options.peers, torch=is_made(TORCH), base=base)
    failed = [run[0] for run in runs if subprocess.run([sys.executable, "-m", *run]).returncode]
    for name, lack in lacking.items():
        print(f"not measured: {name}: {lack}")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
