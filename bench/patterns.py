"""Pattern screening against Presidio on the same texts: parity, agreement of scores, speed, linearity.

    python -m bench.patterns --data DIR [--reference FILE] [--sample N]

DIR holds `pii/*.jsonl.gz` and `traffic/*.jsonl.gz`, whose rows have text fields. Presidio takes some
milliseconds a text: its answers are kept in FILE (JSON lines, one a text) and used again when FILE is given
and exists.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import hashlib
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import report
from sentinel.core.needs import Needs
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.pii import OWN
from sentinel.detectors.registry import DetectorsConfig, known_detectors, load_detectors
from sentinel.policy.load import load_policy

_AS_PRESIDIO: dict[str, Any] = {
    "normalise": False,
    "disguises": "off",
    "names": {"shipped": False},
    "disable": [recognizer.name for recognizer in OWN],
}
_NO_TEXT = {"source", "kind", "lang", "lic", "cluster", "id"}
ROOT = Path(__file__).resolve().parents[1]
_console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="directory with pii/ and traffic/")
    parser.add_argument("--reference", type=Path, help="file with Presidio's answers, made when absent")
    parser.add_argument("--sample", type=int, default=400, help="texts per speed measurement")
    parser.add_argument("--show", type=int, default=0, help="differences to list (types and places, no text)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        detectors = load_detectors(
            DetectorsConfig.model_validate({"pii": _AS_PRESIDIO}), ["pii"], Path(cache)
        )
        texts = {area: list(texts_of(arguments.data / area)) for area in ("pii", "traffic")}
        every = [text for area in texts.values() for text in area]
        _parity(detectors, every, arguments.reference, arguments.show)
        _speed(detectors, texts, arguments.sample, Path(cache))
        _linearity(Path(cache))


def texts_of(directory: Path) -> Iterator[str]:
    """Every text field of every row, each distinct text once."""
    seen: set[bytes] = set()
    for path in sorted(directory.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                for key, value in json.loads(line).items():
                    digest = hashlib.blake2b(str(value).encode(), digest_size=16).digest()
                    if isinstance(value, str) and value and key not in _NO_TEXT and digest not in seen:
                        seen.add(digest)
                        yield value


def _ours(detectors: DetectorSet, text: str) -> list[tuple[str, int, int, float]]:
    found = detectors.inspect(text)
    assert not found.failed, found.failed
    return sorted((f.type, f.start, f.end, round(f.score, 6)) for f in found.findings)


def _answers(texts: list[str], path: Path | None) -> list[list[Any]]:
    """Presidio's, from the file or afresh."""
    from bench.presidio import Reference

    if path is not None and path.exists():
        kept = [json.loads(line) for line in path.read_text().splitlines()]
        if len(kept) == len(texts):
            return kept
        _console.print(f"{path} holds {len(kept)} answers for {len(texts)} texts: made again")
    reference = Reference()
    answers: list[list[Any]] = [
        list(reference.analyze(text)) for text in track(texts, "Presidio", console=_console)
    ]
    if path is not None:
        path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    return answers


def _parity(detectors: DetectorSet, texts: list[str], path: Path | None, show: int) -> None:
    answers = _answers(texts, path)
    missing: Counter[str] = Counter()
    added: Counter[str] = Counter()
    per_type: Counter[str] = Counter()
    scores = equal_scores = differing = 0
    for index, (text, theirs) in enumerate(zip(track(texts, "ours", console=_console), answers, strict=True)):
        ours = _ours(detectors, text)
        want = {tuple(row[:3]): row[3] for row in theirs}
        have = {row[:3]: row[3] for row in ours}
        per_type.update(row[0] for row in want)
        if want.keys() != have.keys():
            differing += 1
            missing.update(row[0] for row in want.keys() - have.keys())
            added.update(row[0] for row in have.keys() - want.keys())
            if differing <= show:
                lost, more = sorted(want.keys() - have.keys()), sorted(have.keys() - want.keys())
                _console.print(
                    f"text {index} of {len(text)} characters: missing {lost[:5]}, added {more[:5]}"
                )
        for row in want.keys() & have.keys():
            scores += 1
            equal_scores += abs(want[row] - have[row]) < 1e-6
    table = Table("type", "Presidio", "missing", "added", title="(type, start, end) on every text")
    for name, count in sorted(per_type.items()):
        table.add_row(name, str(count), str(missing[name]), str(added[name]))
    _console.print(table)
    _console.print(
        f"{len(texts)} texts, {sum(per_type.values())} findings; texts that differ: {differing}; "
        f"equal scores: {equal_scores} of {scores} ({equal_scores / max(scores, 1):.4%})"
    )


def _rate(run: Callable[[str], object], texts: list[str], times: int) -> float:
    """Texts per second. Of several runs over each text the quickest counts, so that what else the
    machine does stays out of the ratio."""
    gc.collect()
    gc.freeze()
    total = 0.0
    for text in texts:
        best = float("inf")
        for _ in range(times):
            start = time.perf_counter()
            run(text)
            best = min(best, time.perf_counter() - start)
        total += best
    return len(texts) / total


def _bundled() -> Needs:
    """What the bundled rules ask of `pii`."""
    rules = sorted((ROOT / "rules").glob("*.yaml"))
    return frozenset(need for need in load_policy(rules, known_detectors()).needs if need.detector == "pii")


def _speed(detectors: DetectorSet, texts: dict[str, list[str]], size: int, cache: Path) -> None:
    """Against Presidio, both asked for everything (its recognizers called one by one, and as its users call
    it), and both asked for what the bundled rules ask for."""
    chooser = random.Random(1)
    traffic = chooser.sample(texts["traffic"], min(size, len(texts["traffic"])))
    dense = sorted(texts["pii"], key=lambda text: -len(_ours(detectors, text)) / (len(text) + 20))
    dense = chooser.sample(dense[: max(size, len(dense) // 8)], min(size, len(dense)))
    rows: list[list[str]] = []
    for phones in (False, True):
        for name, sample in (("traffic", traffic), ("PII-dense", dense)):
            mean = sum(map(len, sample)) / len(sample)
            told = f"{name}, {mean:.0f} characters, {'with' if phones else 'without'} phones"
            for asked, ours, peers in _asked(phones, cache):
                ours_rate = _rate(ours, sample, 7)
                for peer, run in peers.items():
                    theirs_rate = _rate(run, sample, 3)
                    rates = (f"{theirs_rate:,.0f}", f"{ours_rate:,.0f}", f"{ours_rate / theirs_rate:.0f}")
                    rows.append([told, asked, peer, *rates])
    head = ["texts", "asked for", "Presidio's", "Presidio texts/s", "Sentinel texts/s", "ratio"]
    report.table("Pattern screening", head, rows)
    report.save("patterns", head, rows)


_Run = Callable[[str], object]


def _asked(phones: bool, cache: Path) -> Iterator[tuple[str, _Run, dict[str, _Run]]]:
    """What both are asked for, with ours and Presidio's ways to answer."""
    from bench.presidio import Reference

    setting = DetectorsConfig.model_validate({"pii": {"disable": [] if phones else ["PHONE_NUMBER"]}})
    left_out = () if phones else ("PhoneRecognizer",)
    everything = load_detectors(setting, ["pii"], cache)
    everything.warm()
    reference = Reference(leave_out=left_out)
    yield (
        "everything",
        everything.inspect,
        {"recognizers alone": reference.analyze, "`AnalyzerEngine.analyze`": reference.analyze_as_users_do},
    )
    needs = _bundled()
    narrow = load_detectors(setting, ["pii"], cache, needs)
    narrow.warm()
    view = narrow.view(needs)
    entities = {type_ for need in needs for type_ in need.types} - (set() if phones else {"PHONE_NUMBER"})
    threshold = min(need.score for need in needs)
    some = Reference(leave_out=left_out, entities=entities)
    yield (
        "what the bundled rules ask",
        lambda text: narrow.inspect(text, view),
        {"`AnalyzerEngine.analyze`": lambda text: some.analyze_as_asked(text, threshold)},
    )


_LONG = {
    "plain English": "Please explain how the water cycle works, and why it matters to farmers. ",
    "digits": "1234567890",
    "ones": "1",
    "'a.'": "a.",
    "'a-'": "a-",
    "'@'": "@",
    "'a@a.co '": "a@a.co ",
    "'a-a@'": "a-a@",
    "phones": "212-555-0123, ",
    "phones, all different": "".join(f"212-555-{i:04}, " for i in range(10_000)),
    "spaced digits, all different": " ".join(str(i * 7919 % 10) + " " + str(i) for i in range(20_000)),
    "spaced digits": "1 2 3 4 5 6 7 8 9 0 ",
    "colons": "::",
    "URLs": "http://a.co/b ",
    "full-width": "１",
    "password=": "password=",
}


def _linearity(cache: Path) -> None:
    """Processor seconds at two lengths: the ratio stays near one when work is linear."""
    names = ["pii", "secrets"]
    needs = load_policy(sorted((ROOT / "rules").glob("*.yaml")), known_detectors()).needs
    everything = load_detectors(DetectorsConfig(), names, cache)
    narrow = load_detectors(DetectorsConfig(), names, cache, needs)
    rows: list[list[str]] = []
    for detectors in (everything, narrow):
        detectors.warm()
    for name, piece in _LONG.items():
        row = [name]
        for detectors, view in ((everything, None), (narrow, narrow.view(needs))):
            times = []
            for size in (1 << 17, 1 << 20):
                text = (piece * (size // len(piece) + 1))[:size]
                start = time.process_time()
                detectors.inspect(text, view)
                times.append(time.process_time() - start)
            row += [f"{times[0]:.3f}", f"{times[1]:.3f}", f"{times[1] / times[0] / 8:.2f}"]
        rows.append(row)
    each = ["s at 128 KB", "s at 1 MB", "ratio per byte"]
    head = ["text", *(f"everything: {what}" for what in each), *(f"bundled rules: {what}" for what in each)]
    report.table("Linear in length", head, rows)
    report.save("patterns-linear", head, rows)


if __name__ == "__main__":
    main()
