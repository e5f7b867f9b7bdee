"""The sentence encoder against Detoxify's architecture, one by one and together: `python -m bench.encoder`

Both go through the model plane's own code. Detoxify is a BERT-base whose weights are random, which costs what
trained ones do. Each runs on one thread; ratios are within one run. Needs torch and detoxify: they are
installed into an environment of their own the first time.
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", help="the encoder's base (default: the installed package)")
    parser.add_argument("--times", type=int, default=15, help="texts per measurement")
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
    ours = EncoderModel("encoder", EncoderConfig(base=base), folder)
    topics = EncoderConfig(base=base, topics={"weather": ["It may rain tomorrow."]})
    both: list[tuple[str, Model]] = [
        ("encoder, every head", ours),
        ("encoder, heads and topics", EncoderModel("topics", topics, folder)),
    ]
    checkpoint = _bert_base(folder, tokenizer)
    for name, precision in (("Detoxify's BERT-base", "fp32"), ("Detoxify's BERT-base, int8", "int8")):
        told = {"checkpoint": checkpoint, "config_path": folder / "bert-base", "precision": precision}
        both.append((name, DetoxifyModel(precision, DetoxifyConfig.model_validate(told), folder)))
    measured = {}
    for name, model in both:
        model.load()
        measured[name] = [_measure(model, length, times) for length in _LENGTHS]
        model.unload()
    head = [
        "model, one thread",
        "text",
        "p50, ms",
        "times quicker",
        "texts/s one by one",
        f"in {_TOGETHER}s",
        "gain",
    ]
    rows = []
    for index, length in enumerate(_LENGTHS):
        slowest = measured["Detoxify's BERT-base"][index][0]
        for name, _ in both:
            p50, alone, together = measured[name][index]
            gain = f"{together / alone:.1f}"
            rates = (f"{alone:,.1f}", f"{together:,.1f}", gain)
            rows.append([name, f"{length} characters", f"{p50 * 1000:.1f}", f"{slowest / p50:.0f}", *rates])
    table("Tier 3 and tier 4", head, rows)
    save("encoder", head, rows)


def _measure(model: Model, length: int, times: int) -> tuple[float, float, float]:
    """Seconds of one text (median), texts a second one by one, and texts a second together."""
    passages = [Passage(text=prose(length + 200)[index : index + length]) for index in range(_TOGETHER)]
    model.infer(passages[:1])
    each = [_seconds(model, [passages[index % _TOGETHER]]) for index in range(times)]
    rounds = [_seconds(model, passages) for _ in range(max(1, times // _TOGETHER))]
    return statistics.median(each), 1 / statistics.mean(each), _TOGETHER / min(rounds)


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
