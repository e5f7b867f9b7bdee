"""`python -m training.toxicity --data DIR`: the model of the detector `toxicity`.

The encoder is the teacher: the model learns what that says of texts, and their labels. Reads the labelled
data, writes `sentinel/detectors/weights/toxicity.npz` and the figures of `docs/models/toxicity.md`. Takes
twenty minutes of one core, some of it for what the teacher says (`--cache` keeps that) and most of it
for the fits that leave a source out (`--quick` skips those). Needs torch, scikit-learn, the word table of
`training.word_vectors`, `sentinel-sidecar[models]` and the base encoder.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors.inspection import inspect_whole
from sentinel.detectors.toxicity import FLAGGED, FLOOR, THRESHOLDS, ToxicityConfig, ToxicityDetector, bounded
from sentinel.evaluation.split import held_out
from training import _card
from training._classifier import Model, Table, auc, calibrate, calibration_part, fit, logits, save, table
from training.contrast_toxicity import HELD_OUT
from training.encoder import shipped_logits
from training.encoder_data import HEADS as ENCODER_HEADS
from training.encoder_data import TOXICITY
from training.toxicity_rows import (
    HEADS,
    OWN,
    SOURCES,
    UNLABELLED,
    Row,
    benign,
    benign_sentences,
    contrast,
    in_disguise,
    labelled,
    unlabelled,
    written,
)

LONGEST = 1000
# Shares of everyday texts that may reach a head's threshold.
_FLAGGED_TRAFFIC = {
    "TOXIC": 0.004,
    "INSULT": 0.003,
    "THREAT": 0.001,
    "IDENTITY_ATTACK": 0.001,
    "OBSCENE": 0.002,
}
# How far a head's logits may be raised to that: none but those of kinds that few rows are labelled with, for
# what everyday texts permit is not yet right for texts about insults and groups.
_MOST_RAISED = {"THREAT": 1.0, "OBSCENE": 1.0}
_OF_TEACHER = 0.8  # of a labelled row's target; the rest is the label's
LEFT_OUT = (*(source for source in SOURCES if source != "jigsaw_max_sample"),)  # 81 rows tell nothing


class Data:
    """All rows and their features."""

    def __init__(self, data: Path, seed: int, base: str | None, cache: Path | None) -> None:
        rng = random.Random(seed)
        own = list(labelled(data))
        seen = [row for row in own if not held_out(row.cluster)]
        contrasts = [*contrast(seed), *written()]
        found = [
            *own,
            *benign_sentences(data, rng, most=2),
            *contrasts,
            *in_disguise(seen, rng),
            *unlabelled(data, [*seen, *contrasts], rng),
        ]
        texts = [row.text[:LONGEST] for row in found]
        self.rows: list[Row] = found
        self.table: Table = table(texts, "reading rows")
        self.targets = np.array([row.targets for row in found], np.float32)
        self.weight = np.array([row.weight for row in found], np.float32)
        self.label = np.array([row.label for row in found])
        self.source = np.array([row.source for row in found])
        self.base = np.array([row.source.split("/")[0] for row in found])
        self.family = np.array([row.kind if row.source == "contrast" else "" for row in found])
        own_words = np.isin(self.source, OWN)
        self.kept = np.array([held_out(row.cluster) for row in found]) & ~own_words
        self.unlabelled = self.source == UNLABELLED
        self.calibration = (
            np.array([calibration_part(row.cluster) for row in found])
            & ~self.kept
            & ~own_words
            & ~self.unlabelled
        )
        asked = np.flatnonzero(~own_words & ~self.kept)  # our own words are what we say they are
        taught = shipped_logits([texts[index] for index in asked.tolist()], base, cache)
        heads = [list(ENCODER_HEADS).index(name) for name in TOXICITY]  # in the order of ours
        told = (1.0 / (1.0 + np.exp(-taught[:, heads]))).astype(np.float32)
        labels = self.targets[asked]
        both = _OF_TEACHER * told + (1 - _OF_TEACHER) * labels
        self.softened = self.targets.copy()
        self.softened[asked] = np.where(np.isnan(labels), told, both)

    def fitted(self) -> tuple[Model, NDArray[np.float32]]:
        """A model and its calibration."""
        return self._fitted(~self.kept, self.softened)

    def fitted_without(self, source: str) -> tuple[Model, NDArray[np.float32]]:
        """Without a source and the held-out families, by labels alone: the teacher knows them."""
        used = ~self.kept & ~self.unlabelled & (self.base != source)
        return self._fitted(used & ~np.isin(self.family, list(HELD_OUT)), self.targets)

    def _fitted(
        self, used: NDArray[np.bool_], targets: NDArray[np.float32]
    ) -> tuple[Model, NDArray[np.float32]]:
        model = fit(self.table, np.flatnonzero(used & ~self.calibration), targets, self.weight)
        part = np.flatnonzero(used & self.calibration)
        raw = logits(model, self.table, part)
        return model, calibrate(raw, self.targets[part], self.weight[part])

    def scores(self, model: Model, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return logits(model, self.table, np.flatnonzero(chosen))


def left_out(data: Data) -> dict[str, float]:
    """AUC on each source by a model that never saw it, and on held-out families (`contrast`)."""
    found: dict[str, float] = {}
    for source in track(LEFT_OUT, "leaving sources out"):
        model, _ = data.fitted_without(source)
        chosen = data.source == source
        found[source] = auc(data.label[chosen], data.scores(model, chosen)[:, 0])
    chosen = np.isin(data.family, list(HELD_OUT))
    raw = data.scores(model, chosen)[:, 0]
    found["contrast"] = auc(data.label[chosen], raw)
    return found


def told(detector: ToxicityDetector, texts: Sequence[str], title: str) -> NDArray[np.float64]:
    """[texts, heads]: what the detector says of whole texts, per head the highest of its sentences."""
    made = np.zeros((len(texts), len(HEADS)))
    for index, text in enumerate(track(texts, title)):
        for finding in inspect_whole(detector, text, NO_BACKGROUND).findings:
            head = HEADS.index(finding.type)
            made[index, head] = max(made[index, head], finding.score)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the labelled data")
    parser.add_argument("--base", help="the base encoder (default: the installed package)")
    parser.add_argument("--cache", type=Path, help="folder for what the encoder tells, to be used again")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="no fits that leave a source out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = Data(args.data, args.seed, args.base, args.cache)
    model, calibration = data.fitted()
    detector = shipped(model, calibration)
    unseen = [text for text, cluster in benign(args.data) if calibration_part(cluster) or held_out(cluster)]
    calibration[:, 1] += shifts(told(detector, unseen, "unseen traffic"))
    detector = shipped(model, calibration)
    chosen = data.kept & np.isin(data.source, SOURCES)
    kept = [data.rows[index] for index in np.flatnonzero(chosen).tolist()]
    raw = data.scores(model, chosen) * calibration[:, 0] + calibration[:, 1]
    scores = np.array([bounded(tuple(row)) for row in (1.0 / (1.0 + np.exp(-raw))).tolist()])
    texts = [text for text, cluster in benign(args.data) if held_out(cluster)]
    traffic = told(detector, texts, "kept traffic")[:, 0]
    for share in (0.99, 0.995, 0.998, 0.999):
        print(f"{share:.1%} of benign texts score under {np.quantile(traffic, share):.3f}")
    report_sources(kept, scores, left_out(data) if not args.quick else {})
    report_kinds(kept, scores)
    report_groups(kept, scores, traffic)


def shipped(model: Model, calibration: NDArray[np.float32]) -> ToxicityDetector:
    """The detector, once the package holds this model."""
    place = save("toxicity", HEADS, model, calibration)
    print(f"{place.name}: {place.stat().st_size / 1e6:.2f} MB")
    return ToxicityDetector(ToxicityConfig(), Path())


def shifts(traffic: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is added to each head's calibrated logits, so that few everyday texts reach its threshold: sets of
    abuse do not tell how rare it is. `traffic` [texts, heads]: what is told of such texts; what the detector
    keeps to itself counts as the least that it tells."""
    made = []
    for name, scores in zip(HEADS, traffic.T, strict=True):
        highest = min(max(float(np.quantile(scores, 1 - _FLAGGED_TRAFFIC[name])), FLOOR), 0.999)
        wanted = _logit(THRESHOLDS[name]) - _logit(highest)
        made.append(min(wanted, _MOST_RAISED.get(name, 0.0)))
        print(f"{name}: {_FLAGGED_TRAFFIC[name]:.1%} of traffic over {highest:.3f}: {made[-1]:+.2f}")
    return np.array(made)


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def report_sources(kept: list[Row], scores: NDArray[np.float64], out: dict[str, float]) -> None:
    lines: list[list[object]] = []
    for source in SOURCES:
        for name, without in ((source, ""), ("davidson, hate against neither", "offensive")):
            if without and source != "davidson":
                continue
            part = np.array([row.source == source and row.kind != (without or None) for row in kept])
            y = np.array([row.label for row in kept])[part]
            score = scores[part, 0]
            caught = score >= FLAGGED
            lines.append(
                [
                    name,
                    len(y),
                    auc(y, score),
                    "" if without else out.get(source, float("nan")),
                    float(caught[y == 1].mean()),
                    float(caught[y == 0].mean()),
                ]
            )
    lines.append(["own contrast families", "", "", out.get("contrast", float("nan")), "", ""])
    head = ["set", "kept rows", "AUC", "AUC, set left out", "toxic flagged", "others flagged"]
    _card.write("toxicity", "sources", head, lines)


def report_kinds(kept: list[Row], scores: NDArray[np.float64]) -> None:
    targets = np.array([row.targets for row in kept])
    lines: list[list[object]] = []
    for head, name in enumerate(HEADS):
        known = np.isin(targets[:, head], (0.0, 1.0))
        y = targets[known, head]
        score = scores[known, head]
        flagged = score >= THRESHOLDS[name]
        right = float(y[flagged].mean()) if flagged.any() else float("nan")
        lines.append([name, len(y), float(y.mean()), auc(y, score), THRESHOLDS[name]])
        lines[-1] += [float(flagged[y == 1].mean()), right]
    head_ = ["head", "kept rows", "share", "AUC", "threshold", "recall", "precision"]
    _card.write("toxicity", "kinds", head_, lines)


def report_groups(kept: list[Row], scores: NDArray[np.float64], traffic: NDArray[np.float64]) -> None:
    """Of harmless texts about each group, and of those in another way of speaking, how many are flagged."""
    by: dict[str, list[float]] = {}
    for row, score in zip(kept, scores[:, 0].tolist(), strict=True):
        if row.source == "toxigen_safenlp" and row.label == 0:
            for group in row.kind.split("+"):
                by.setdefault(f"about: {group}", []).append(score)
        if row.source == "davidson" and row.kind == "neither":
            by.setdefault("tweets without abuse (davidson)", []).append(score)
    by["everyday traffic"] = traffic.tolist()
    lines = [
        [group, len(found), float(np.mean(np.array(found) >= FLAGGED)), float(np.mean(found))]
        for group, found in sorted(by.items())
    ]
    _card.write("toxicity", "groups", ["harmless texts", "kept rows", "flagged", "mean score"], lines)


if __name__ == "__main__":
    main()
