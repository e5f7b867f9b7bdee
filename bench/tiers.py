"""What the detectors of the data plane cost a text of 1,000 characters, on one core: patterns (tier 1) and
small classifiers (tier 2). `python -m bench.tiers [--data DIR]`

With DIR the texts are prompts of `traffic/*.jsonl.gz`, else prose. Each is cut or filled up to 1,000
characters, and no two are alike, so that nothing is remembered. Times are the thread's processor time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from bench.calls import prose
from bench.report import save, table
from sentinel.core.background import Background
from sentinel.core.exchange import CallContext, Role, Stage
from sentinel.core.needs import Need, Needs, detectors_of, everything
from sentinel.detectors.registry import DetectorsConfig, DetectorSet, known_detectors, load_detectors
from sentinel.policy.load import bundled_rules, load_policy

_TEXTS, _SIZE = 500, 1_000
_NAMES = ("PERSON", "LOCATION", "ORGANIZATION")
_CLASSIFIERS = ("toxicity", "injection", "misuse")


def texts(data: Path | None) -> list[str]:
    found = list(_prompts(data)) if data else [prose(4 * _SIZE)]
    joined = "\n".join(found)
    step = max(1, (len(joined) - _SIZE) // _TEXTS)
    return [joined[index * step : index * step + _SIZE] for index in range(_TEXTS)]


def _prompts(data: Path) -> Iterator[str]:
    for path in sorted((data / "traffic").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield str(json.loads(line)["prompt"])


def microseconds(detectors: DetectorSet, needs: Needs, given: list[str], name: str) -> list[float]:
    view, around = detectors.view(needs), Background(Stage.INPUT, Role.PROMPT)
    taken = []
    for text in given[:20]:
        detectors.inspect(text, view, around)
    for text in track(given, name, console=Console(stderr=True)):
        started = time.thread_time_ns()
        detectors.inspect(text, view, around)
        taken.append((time.thread_time_ns() - started) / 1000)
    return sorted(taken)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of labelled texts")
    options = parser.parse_args()
    given = texts(options.data)
    policy = load_policy([bundled_rules()], known_detectors())
    patterns = load_policy(
        [bundled_rules() / pack for pack in ("pii.yaml", "secrets.yaml")], ["pii", "secrets"]
    )
    asked: dict[str, Needs] = {"patterns, as the bundled rules ask": patterns.needs}
    asked |= {name: everything([name]) for name in _CLASSIFIERS}
    asked["tiers 1 and 2: these together"] = patterns.needs | everything(_CLASSIFIERS)
    asked["names"] = frozenset({Need("pii", _NAMES, 0.5)})
    asked["everything that the bundled rules ask of a prompt"] = policy.select(
        Stage.INPUT, CallContext("")
    ).needs
    every = frozenset().union(*asked.values())
    with tempfile.TemporaryDirectory() as cache:
        detectors = load_detectors(DetectorsConfig(), detectors_of(every), Path(cache), every)
        rows = []
        for name, needs in asked.items():
            taken = microseconds(detectors, needs, given, name)
            quantiles = (statistics.median(taken), taken[int(len(taken) * 0.99)])
            rows.append([name, *(f"{value:,.0f} us" for value in quantiles)])
    head = ["1,000 characters", "p50", "p99"]
    table("Detectors of the data plane, one core", head, rows)
    save("tiers", head, rows)


if __name__ == "__main__":
    main()
