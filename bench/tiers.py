"""What the detectors of the data plane cost a text, on one core: patterns (tier 1) and small classifiers
(tier 2). `python -m bench.tiers [--data DIR]`

With DIR the texts are prompts of `traffic/*.jsonl.gz`, else prose, cut and joined to texts of a size. The
detectors have read other texts before, as in a worker that has run for a while, and none of those that are
measured: each row of the table has texts of its own. Between two texts 2 MB of other memory are touched.
Times are the thread's processor time; numpy has one thread, as in a worker.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
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
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.registry import DetectorsConfig, known_detectors, load_detectors
from sentinel.policy.load import bundled_rules, load_policy

_SIZES = {200: 300, 1_000: 300, 2_000: 200, 100_000: 5}  # characters: texts
_WARM = 600  # texts of 1,000 characters
_NAMES = ("PERSON", "LOCATION", "ORGANIZATION")
_CLASSIFIERS = ("toxicity", "injection", "misuse", "language", "sentiment")


def texts(data: Path | None, rows: int) -> tuple[list[str], list[dict[int, list[str]]]]:
    """Those to begin with, and those to measure of each row by their size."""
    found = list(_prompts(data)) if data else [prose(4_000)] * 1_000
    random.Random(0).shuffle(found)
    third = len(found) // 3
    before, behind = "\n".join(found[:third]), "\n".join(found[third:])
    share = len(behind) // rows
    shares = (behind[row * share : (row + 1) * share] for row in range(rows))
    measured = [{size: _cut(each, size, count) for size, count in _SIZES.items()} for each in shares]
    return _cut(before, 1_000, _WARM), measured


def _cut(text: str, size: int, count: int) -> list[str]:
    step = max(1, (len(text) - size) // count)
    return [text[index * step : index * step + size] for index in range(count)]


def _prompts(data: Path) -> Iterator[str]:
    for path in sorted((data / "traffic").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield str(json.loads(line)["prompt"])


def microseconds(detectors: DetectorSet, needs: Needs, given: list[str]) -> list[float]:
    """Ascending."""
    view, around = detectors.view(needs), Background(Stage.INPUT, Role.PROMPT)
    taken, other = [], bytearray(2 << 20)
    for text in given:
        other[:] = bytes(len(other))
        started = time.thread_time_ns()
        detectors.inspect(text, view, around)
        taken.append((time.thread_time_ns() - started) / 1000)
    return sorted(taken)


def main() -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when the first detector imports numpy
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of labelled texts")
    options = parser.parse_args()
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
    warm, given = texts(options.data, len(asked))
    with tempfile.TemporaryDirectory() as cache:
        detectors = load_detectors(DetectorsConfig(), detectors_of(every), Path(cache), every)
        rows = []
        measured = zip(asked.items(), given, strict=True)
        for (name, needs), own in track([*measured], "detectors", console=Console(stderr=True)):
            microseconds(detectors, needs, warm)
            taken = [microseconds(detectors, needs, some) for some in own.values()]
            cells = [statistics.median(each) for each in taken]
            cells.insert(2, taken[1][int(len(taken[1]) * 0.99)])
            rows.append([name, *(f"{value:,.0f} us" for value in cells)])
    head = ["characters", *(f"{size:,}" for size in _SIZES)]
    head.insert(3, "1,000, p99")
    table("Detectors of the data plane, one core", head, rows)
    save("tiers", head, rows)


if __name__ == "__main__":
    main()
