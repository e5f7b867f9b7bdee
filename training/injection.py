"""Trains `injection`: `python -m training.injection --data DIR`.

Writes `sentinel/detectors/weights/injection.npz` and the table in `docs/models/injection.md`. Rows of
held-out clusters are never trained on. Before the shipped model, others are trained that leave out one source
or one family of attacks each; their figures are the honest ones.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from sentinel.detectors._injection_buckets import BITS
from training import injection_indirect
from training._card import write_figures
from training._classifier import layers
from training.injection_figures import FAMILIES, Table, held_out_table, left_out, unseen_table
from training.injection_fit import Fitted, fit
from training.injection_rows import ATTACK_SOURCES, SCALE, Readings, Say, collected, read_all

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "sentinel/detectors/weights/injection.npz"
VECTORS = ROOT / "sentinel/detectors/weights/words.npz"  # the model reads them: train anew when they change
CARD = ROOT / "docs/models/injection.md"


def shipped(told: Readings, fitted: Fitted) -> dict[str, Any]:
    """The arrays of the direct model: the head that decides, then one per type; and its network."""
    kinds = np.array([row.kind for row in told.rows])[told.owner]
    typed = (kinds >= 0) & told.whole & ~told.kept_out[told.owner]
    typing = LogisticRegression(C=1.0, max_iter=300).fit(told.matrix[typed], kinds[typed])
    heads = np.vstack([fitted.linear.coef_, typing.coef_]).T
    return {
        "direct_words": (heads[: 1 << BITS] * SCALE).astype(np.float16),
        "direct_signals": heads[1 << BITS :].astype(np.float32),
        "direct_bias": np.concatenate([fitted.linear.intercept_, typing.intercept_]).astype(np.float32),
        "direct_scale": fitted.scale,
        "direct_together": fitted.together,
        **{f"direct_network_{name}": value for name, value in layers(fitted.network).items()},
        "vectors": np.frombuffer(hashlib.blake2b(VECTORS.read_bytes(), digest_size=8).digest(), np.uint8),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="without the models that leave something out, whose tables stay as they are",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    say = progress()
    rng = np.random.default_rng(7)
    told = read_all(collected(options.data, rng), say)
    tables: dict[str, Table] = {}
    if not options.quick:
        tables["Prompts: sources and families left out"] = left_out(told, (*ATTACK_SOURCES, *FAMILIES), say)
    say("the shipped model")
    fitted = fit(told, np.ones(len(told.rows), bool))
    indirect, indirect_tables = injection_indirect.train(options.data, rng, say, quick=options.quick)
    WEIGHTS.parent.mkdir(exist_ok=True)
    arrays: dict[str, Any] = shipped(told, fitted) | indirect
    np.savez_compressed(WEIGHTS, **arrays)
    tables["Prompts: held-out clusters"], high = held_out_table(told)
    tables["Prompts: sentences apart"] = unseen_table(high)
    write_figures(CARD, tables | indirect_tables, keep=options.quick)
    for title, lines in (tables | indirect_tables).items():
        print(title, *("  ".join(line) for line in lines), sep="\n")


def progress() -> Say:
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{time.monotonic() - began:5.0f} s  {text}")
        sys.stderr.flush()

    return say


if __name__ == "__main__":
    main()
