"""`python -m training.refusals --data DIR`: the model of refusals, for the detector `quality`.

Learns from answers written one by one, half of which decline, and from answers of the traffic sets, which do
where the detector's forms say so. Writes `sentinel/detectors/weights/refusals.npz` and the figures of
`docs/models/refusals.md`. Takes a minute of one core. Needs torch and scikit-learn, and the word table of
`training.word_vectors`.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors import _classifier
from sentinel.detectors._refusals import READ, refusals
from sentinel.detectors._sentences import sentences
from sentinel.detectors.quality import QualityConfig, QualityDetector
from sentinel.evaluation.split import held_out
from training import _card
from training._classifier import Settings, calibrate, fit, logits, save, table
from training.rows import names, rows
from training.written_texts import Text, read

_EACH_SET = 2500
_SURE = 0.9  # score of a form that stands for a label
_PARTLY = 0.6  # score of a form that declines, and does something in place of it, or less
_PIECES, _PIECE = 2, 0.7  # sentences of an answer, and the weight of one
_WRITTEN = 3.0  # weight of an answer that was written for this
_SETTINGS = Settings(units=24, filters=24, epochs=10)
_SCORES = (0.6, 0.8)


class Row(msgspec.Struct, frozen=True):
    text: str
    label: int
    weight: float
    cluster: str


def answers(data: Path) -> Iterator[Row]:
    """What models and people answered in the traffic sets. What only half declines, by form, is left out."""
    for name in names(data, "traffic"):
        found = [row for row in rows(data, "traffic", name) if row.get("response")]
        for row in random.Random(0).sample(found, min(_EACH_SET, len(found))):
            score = max((each.score for each in refusals(row["response"])), default=0.0)
            if not 0.0 < score < _SURE:
                yield Row(row["response"], int(score > 0), 1.0, row["cluster"])
            if not score:
                yield from (Row(text, 0, _PIECE, row["cluster"]) for text in _pieces(row["response"]))


def _pieces(text: str) -> list[str]:
    """The first sentences of an answer, alone: short ones must not look like curt refusals."""
    places = list(sentences(text[:READ], 0, final=True))[:_PIECES]
    return [text[start:end] for start, end in places]


def written(name: str) -> list[Row]:
    return [Row(each.text, each.label or 0, _WRITTEN, f"{each.kind}-{each.text}") for each in read(name)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = [*answers(args.data), *written("refusals")]
    seen = table([row.text[:READ] for row in found], "reading answers")
    targets = np.array([[row.label] for row in found], np.float32)
    weight = np.array([row.weight for row in found], np.float32)
    kept = np.array([held_out(row.cluster) for row in found])
    model = fit(seen, np.flatnonzero(~kept), targets, weight, _SETTINGS)
    part = np.flatnonzero(kept)
    calibration = calibrate(logits(model, seen, part), targets[part], weight[part])
    place = save("refusals", ("REFUSAL",), model, calibration)
    print(f"{place.name}: {place.stat().st_size / 1e6:.2f} MB, {int(targets.sum())} of {len(found)} decline")
    _classifier.load.cache_clear()
    report([row for row, is_kept in zip(found, kept, strict=True) if is_kept])


def report(kept: list[Row]) -> None:
    """By form alone, and with the model: held-out answers, and those of another writer by kind."""
    lines = [
        _line("held-out answers of the traffic sets", [row for row in kept if row.weight == 1.0]),
        _line("held-out answers written one by one", [row for row in kept if row.weight == _WRITTEN]),
        _line("answers of another writer", written("unseen_refusals")),
    ]
    flagged = [f"{who}, {score}" for score in _SCORES for who in ("declining found", "others flagged")]
    head = ["answers", "declining", "others", "by form: found", "others", *flagged]
    _card.write("refusals", "figures", head, lines)
    kinds: dict[str, list[Text]] = {}
    for each in read("unseen_refusals"):
        kinds.setdefault(each.kind, []).append(each)
    by_kind: list[list[object]] = []
    for kind, texts in kinds.items():
        score = scores([each.text for each in texts])
        told = [float((score >= least).mean()) for least in _SCORES]
        by_form = float(formed([each.text for each in texts]).mean())
        by_kind.append([kind, "yes" if texts[0].label else "no", len(texts), by_form, *told])
    _card.write(
        "refusals",
        "kinds",
        ["answers", "decline", "count", "by form", *(f"at {s}" for s in _SCORES)],
        by_kind,
    )


def _line(name: str, found: list[Row]) -> list[object]:
    texts = [row.text for row in found]
    label, score, form = np.array([row.label for row in found], np.float32), scores(texts), formed(texts)
    line: list[object] = [name, int(label.sum()), int((1 - label).sum())]
    line += [float(form[label == 1].mean()), float(form[label == 0].mean())]
    for least in _SCORES:
        line += [float((score[label == 1] >= least).mean()), float((score[label == 0] >= least).mean())]
    return line


def scores(texts: list[str]) -> NDArray[np.float64]:
    detector = QualityDetector(QualityConfig(), Path())
    found = [detector.inspect(text, NO_BACKGROUND).findings for text in texts]
    return np.array([max((f.score for f in each if f.type == "REFUSAL"), default=0.0) for each in found])


def formed(texts: list[str]) -> NDArray[np.bool_]:
    """Of which texts the forms alone say that they decline."""
    return np.array([any(each.score > _PARTLY for each in refusals(text)) for text in texts])


if __name__ == "__main__":
    main()
