"""The sentence encoder against Detoxify's architecture, one by one and together: `python -m bench.encoder`

Both go through the model plane's own code. The encoder is shown by itself (`alone: true`), with the small
detectors, whose answers it takes in by default, and with topics besides. Detoxify is a BERT-base of random
weights, which costs what trained ones do. Each runs on one thread; ratios are within one run. Needs torch and
detoxify: they are installed into an environment of their own the first time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.calls import prose
from bench.report import save, table
from sentinel.models.base import Model, Passage

_INSIDE = "SENTINEL_BENCH_ENCODER"
_LENGTHS = (100, 1000)  # characters
_TOGETHER = 64
_ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", help="the encoder's base (default: the installed package)")
    parser.add_argument("--times", type=int, default=15, help="texts of each length")
    parser.add_argument(
        "--python", help="an interpreter with torch and detoxify, in place of our environment"
    )
    options = parser.parse_args()
    if _INSIDE not in os.environ:
        raise SystemExit(_again(options.python))
    with tempfile.TemporaryDirectory() as folder:
        _compare(Path(folder), options.base, options.times)


def _again(python: str | None) -> int:
    """This run again, where torch is."""
    from tests.peers.environments import TORCH, ensure

    path = os.pathsep.join((str(Path(__file__).parents[1]), sysconfig.get_path("purelib")))
    alone = {name: "1" for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", _INSIDE)}
    command = [python or str(ensure(TORCH)), "-m", "bench.encoder", *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, **alone, "PYTHONPATH": path}).returncode


def _compare(folder: Path, base: str | None, times: int) -> None:
    import torch
    import transformers

    from sentinel.models.detoxify import DetoxifyConfig, DetoxifyModel
    from sentinel.models.encoder import EncoderConfig, EncoderModel
    from sentinel.models.prepare import base_folder

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    tokenizer = base_folder(base, "--base")
    topics = {"weather": ["It may rain tomorrow."]}
    both: list[tuple[str, Model]] = [
        ("encoder, every head", EncoderModel("alone", EncoderConfig(base=base, alone=True), folder)),
        ("and the small detectors", EncoderModel("encoder", EncoderConfig(base=base), folder)),
        ("and topics", EncoderModel("topics", EncoderConfig(base=base, topics=topics), folder)),
    ]
    checkpoint = _bert_base(folder, tokenizer)
    for name, precision in (("Detoxify's BERT-base", "fp32"), ("Detoxify's BERT-base, int8", "int8")):
        told = {"checkpoint": checkpoint, "config_path": folder / "bert-base", "precision": precision}
        both.append((name, DetoxifyModel(precision, DetoxifyConfig.model_validate(told), folder)))
    for _, model in both:
        model.load()
    alone = _p50s(both, times)
    together = {name: _rates(model, min(_LENGTHS)) for name, model in both}
    slowest = alone["Detoxify's BERT-base"]
    head = ["model, one thread"]
    for length in _LENGTHS:
        head += [f"p50 of {length} characters, ms", "times quicker"]
    head += [f"texts/s of {min(_LENGTHS)} characters, one by one", f"{_TOGETHER} together", "gain"]
    rows = []
    for name, _ in both:
        row = [name]
        for p50, theirs in zip(alone[name], slowest, strict=True):
            row += [f"{p50 * 1000:.1f}", f"{theirs / p50:.0f}"]
        one, many = together[name]
        rows.append([*row, f"{one:,.0f}", f"{many:,.0f}", f"{many / one:.1f}"])
    table("Tier 3 and tier 4", head, rows)
    save("encoder", head, rows)


def _passages(length: int) -> list[Passage]:
    text = prose(length + _TOGETHER)
    return [Passage(text=text[index : index + length]) for index in range(_TOGETHER)]


def _p50s(models: Sequence[tuple[str, Model]], times: int) -> dict[str, list[float]]:
    """Each model's seconds of one text of each length. They take turns, so that what else the machine does
    weighs on all of them."""
    found: dict[str, list[float]] = {name: [] for name, _ in models}
    for length in _LENGTHS:
        passages = _passages(length)
        took: dict[str, list[float]] = {name: [] for name, _ in models}
        for index in range(times + 1):
            for name, model in models:
                took[name].append(_seconds(model, passages[index : index + 1]))
        for name, each in took.items():
            found[name].append(statistics.median(each[1:]))  # the first is to warm up
    return found


def _rates(model: Model, length: int) -> tuple[float, float]:
    """Texts a second, one by one and together."""
    passages = _passages(length)
    model.infer(passages)  # what a first batch of a size costs once
    one_by_one = sum(_seconds(model, [passage]) for passage in passages)
    together = statistics.median(_seconds(model, passages) for _ in range(_ROUNDS))
    return _TOGETHER / one_by_one, _TOGETHER / together


def _seconds(model: Model, passages: Sequence[Passage]) -> float:
    """Of the processor, so that what else the machine does stays out of the ratio."""
    start = time.process_time()
    model.infer(passages)
    return time.process_time() - start


def _bert_base(folder: Path, tokenizer: Path) -> Path:
    """A checkpoint in Detoxify's format, of a BERT-base with random weights and six labels."""
    import torch
    import transformers

    base = folder / "bert-base"
    base.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (base / name).write_bytes((tokenizer / name).read_bytes())
    transformers.BertConfig().save_pretrained(base)
    model: Any = transformers.BertForSequenceClassification(transformers.BertConfig(num_labels=6))
    arguments = {
        "model_type": str(base),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "AutoTokenizer",
        "num_classes": 6,
    }
    labels = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
    told = {"dataset": {"args": {"classes": labels}}, "arch": {"args": arguments}}
    torch.save({"config": told, "state_dict": model.state_dict()}, folder / "random.ckpt")
    return folder / "random.ckpt"


if __name__ == "__main__":
    main()
