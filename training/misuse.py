"""`python -m training.misuse --data DIR`: the model of the detector `misuse`.

Reads `harm/*.jsonl.gz`, `traffic/` and the harmless sets of `injection/`; writes
`sentinel/detectors/weights/misuse.npz` and the figures of `docs/models/misuse.md`. Takes about two minutes
of one core. Needs torch and scikit-learn, and the word table of `training.word_vectors`.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors.misuse import FLAGGED, WINDOW, MisuseConfig, MisuseDetector
from sentinel.evaluation.split import held_out
from training import _card
from training._classifier import auc, calibrate, calibration_part, fit, logits, save, table
from training.contrast_misuse import HELD_OUT, examples
from training.contrast_toxicity import disguised
from training.rows import names, rows
from training.written_texts import read

HARM = ("advbench", "wildguardmix_sample")
HARMLESS = ("wildguard_benign", "mitre_frr_benign")
_LONGEST = 12_000
_EACH_SET = 600


class Row(msgspec.Struct, frozen=True):
    text: str
    label: int
    weight: float
    source: str
    cluster: str


def labelled(data: Path, seed: int) -> Iterator[Row]:
    for area, sets in (("harm", HARM), ("injection", HARMLESS)):
        for name in sets:
            for row in rows(data, area, name):
                yield Row(row["text"], row["label"], 1.0, name, row["cluster"])
    for each in examples(seed):
        yield Row(each.text, int(each.harmful), 2.0, "contrast", each.family)
    for request in read("misuse"):
        yield Row(request.text, request.label, 2.0, "written", request.kind)
    yield from benign(data)
    yield from elsewhere(data)


def elsewhere(data: Path) -> Iterator[Row]:
    """Texts that say all kinds of things, abuse among them, and ask for nothing. Sets for moderation hold
    requests too, and are left out."""
    for area in ("toxicity", "pii"):
        for name in names(data, area):
            if name not in ("openai_moderation", "jigsaw_max_sample"):
                found = list(rows(data, area, name))
                for row in random.Random(0).sample(found, min(_EACH_SET, len(found))):
                    yield Row(row["text"], 0, 0.5, area, row["cluster"])


def benign(data: Path) -> Iterator[Row]:
    """What people ask every day. The prompts of `hh_harmless_test` are made to lure and carry no label."""
    for name in names(data, "traffic"):
        if not name.startswith("hh_"):
            for row in rows(data, "traffic", name):
                yield Row(row["prompt"], 0, 0.5, "traffic", row["cluster"])
    for row in rows(data, "injection", "benign_traffic"):
        yield Row(row["text"], 0, 0.5, "traffic", row["cluster"])


class Data:
    """All rows and their features."""

    def __init__(self, data: Path, seed: int) -> None:
        found = list(labelled(data, seed))
        rng = random.Random(seed)
        for label in (0, 1):
            chosen = [row for row in found if row.label == label and not held_out(row.cluster)]
            for row in rng.sample(chosen, min(300, len(chosen))):
                text = disguised(row.text[:WINDOW], rng)
                found.append(msgspec.structs.replace(row, text=text, source=f"{row.source}/disguised"))
        self.rows = found
        self.table = table([row.text[:WINDOW] for row in found], "reading rows")
        self.label = np.array([row.label for row in found])
        self.targets = self.label[:, None].astype(np.float32)
        self.weight = np.array([row.weight for row in found], np.float32)
        self.source = np.array([row.source for row in found])
        own = np.array([row.source.startswith(("contrast", "written")) for row in found])
        self.family = np.array(
            [row.cluster if is_own else "" for row, is_own in zip(found, own, strict=True)]
        )
        self.kept = np.array([held_out(row.cluster) for row in found]) & ~own
        self.calibration = np.array([calibration_part(row.cluster) for row in found]) & ~self.kept & ~own

    def fitted(
        self, without: Collection[str] = (), families: Collection[str] = ()
    ) -> tuple[torch.nn.Module, NDArray[np.float32]]:
        """A model and its calibration, without these sources and contrast families."""
        base = np.array([source.split("/")[0] for source in self.source])
        used = ~self.kept & ~np.isin(base, list(without)) & ~np.isin(self.family, list(families))
        model = fit(self.table, np.flatnonzero(used & ~self.calibration), self.targets, self.weight)
        part = np.flatnonzero(used & self.calibration)
        raw = logits(model, self.table, part)
        return model, calibrate(raw, self.targets[part], self.weight[part])

    def auc(self, model: torch.nn.Module, bad: NDArray[np.bool_], good: NDArray[np.bool_]) -> float:
        chosen = np.flatnonzero(bad & (self.label == 1) | good & (self.label == 0))
        return auc(self.label[chosen], logits(model, self.table, chosen)[:, 0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the labelled data")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = Data(args.data, args.seed)
    model, calibration = data.fitted()
    place = save("misuse", ("HARMFUL_REQUEST",), model, calibration)
    print(f"{place.name}: {place.stat().st_size / 1e6:.2f} MB")
    report(data)


def report(data: Data) -> None:
    """Of the shipped model on kept rows, and of models that did not see a set, on all of it."""
    detector = MisuseDetector(MisuseConfig(), Path())
    kept = [
        row for row, is_kept in zip(data.rows, data.kept, strict=True) if is_kept and "/" not in row.source
    ]
    score = np.array(
        [detector.inspect(row.text[:_LONGEST], NO_BACKGROUND).scores.get("misuse", 0.0) for row in kept]
    )
    label = np.array([row.label for row in kept])
    source = np.array([row.source for row in kept])
    traffic = score[source == "traffic"]
    for share in (0.99, 0.995, 0.998):
        print(f"{share:.1%} of benign texts score under {np.quantile(traffic, share):.3f}")
    is_traffic = data.source == "traffic"
    lines: list[list[object]] = []
    for name in HARM:
        model, _ = data.fitted((name,), HELD_OUT)
        out = data.auc(model, data.source == name, is_traffic & data.kept)
        bad = (source == name) & (label == 1)
        both = bad | (source == "traffic")
        caught = float((score[bad] >= FLAGGED).mean())
        lines.append(
            [f"{name}, harmful, against traffic", int(bad.sum()), auc(label[both], score[both]), out, caught]
        )
    own = source == "wildguardmix_sample"
    inside = auc(label[own], score[own])
    out = data.auc(model, data.source == "wildguardmix_sample", data.source == "wildguardmix_sample")
    lines.append(["wildguardmix_sample, harmful against harmless", int(own.sum()), inside, out, ""])
    model, calibration = data.fitted((), HELD_OUT)
    families = np.isin(data.family, list(HELD_OUT)) & (data.source == "contrast")
    lines.append(["own contrast families", "", "", data.auc(model, families, families), ""])
    head = ["set", "kept rows", "AUC", "AUC, set or families left out", "flagged"]
    _card.write("misuse", "sources", head, lines)
    false: list[list[object]] = []
    for name in ("traffic", "wildguardmix_sample", *HARMLESS):
        good = (source == name) & (label == 0)
        false.append([name, int(good.sum()), float((score[good] >= FLAGGED).mean())])
    raw = logits(model, data.table, np.flatnonzero(families & (data.label == 0)))
    chance = 1 / (1 + np.exp(-(raw[:, 0] * calibration[0, 0] + calibration[0, 1])))
    false.append(["own look-alikes, families left out", len(chance), float((chance >= FLAGGED).mean())])
    _card.write("misuse", "harmless", ["harmless texts", "rows", "flagged"], false)


if __name__ == "__main__":
    main()
