"""`python -m training.refusals --data DIR`: the model of refusals, for the detector `quality`.

Learns from answers written one by one, three in seven of which decline, and from answers of the traffic sets,
which do where the detector's forms say so. Writes `sentinel/detectors/weights/refusals.npz` and the figures
of `docs/models/refusals.md`. Takes a minute of one core. Needs torch and scikit-learn, and the word table of
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
from sentinel.detectors._refusals import PARTLY, READ, refusals
from sentinel.detectors._sentences import sentences
from sentinel.detectors.quality import QualityConfig, QualityDetector
from sentinel.evaluation.split import held_out
from training import _card
from training._classifier import Settings, calibrate, fit, logits, save, table
from training.rows import names, rows
from training.written_texts import read

_EACH_SET = 2500
_SURE = 0.9  # score of a form that stands for a label
_PIECES = 2  # sentences of an answer
_WEIGHTS = {"answer": 1.0, "piece": 0.7, "written": 3.0}  # by a row's source
_SETTINGS = Settings(units=24, filters=24, epochs=10)
_SCORES = (0.8, 0.9)


class Row(msgspec.Struct, frozen=True):
    """`source`: one of `_WEIGHTS`; `kind`: of an answer that was written for this."""

    text: str
    label: int
    source: str
    cluster: str
    kind: str = ""


def answers(data: Path) -> Iterator[Row]:
    """What models and people answered in the traffic sets. What only half declines, by form, is left out."""
    for name in names(data, "traffic"):
        found = [row for row in rows(data, "traffic", name) if row.get("response")]
        for row in random.Random(0).sample(found, min(_EACH_SET, len(found))):
            score = max((each.score for each in refusals(row["response"])), default=0.0)
            if not 0.0 < score < _SURE:
                yield Row(row["response"], int(score > 0), "answer", row["cluster"])
            if not score:
                yield from (Row(text, 0, "piece", row["cluster"]) for text in _pieces(row["response"]))


def _pieces(text: str) -> list[str]:
    """The first sentences of an answer, alone: short ones must not look like curt refusals."""
    places = list(sentences(text[:READ], 0, final=True))[:_PIECES]
    return [text[start:end] for start, end in places]


def written(name: str) -> list[Row]:
    return [
        Row(each.text, each.label, "written", f"{each.kind}-{each.text}", each.kind) for each in read(name)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = [*answers(args.data), *written("refusals")]
    seen = table([row.text[:READ] for row in found], "reading answers")
    targets = np.array([[row.label] for row in found], np.float32)
    weight = np.array([_WEIGHTS[row.source] for row in found], np.float32)
    kept = np.array([held_out(row.cluster) for row in found])
    model = fit(seen, np.flatnonzero(~kept), targets, weight, _SETTINGS)
    part = np.flatnonzero(kept)
    calibration = calibrate(logits(model, seen, part), targets[part], weight[part])
    place = save("refusals", ("REFUSAL",), model, calibration)
    print(f"{place.name}: {place.stat().st_size / 1e6:.2f} MB, {int(targets.sum())} of {len(found)} decline")
    report([row for row, is_kept in zip(found, kept, strict=True) if is_kept])


def report(kept: list[Row]) -> None:
    """By form alone, and with the model: held-out answers, and those of another writer by kind."""
    unseen = written("unseen_refusals")
    lines = [
        _line("held-out answers of the traffic sets", [row for row in kept if row.source == "answer"]),
        _line("held-out answers written one by one", [row for row in kept if row.source == "written"]),
        _line("answers of another writer", unseen),
    ]
    flagged = [f"{who}, {score}" for score in _SCORES for who in ("declining found", "others flagged")]
    head = ["answers", "declining", "others", "by form: found", "others", *flagged]
    _card.write("refusals", "figures", head, lines)
    by_kind: list[list[object]] = []
    for kind in dict.fromkeys(row.kind for row in unseen):
        rows_ = [row for row in unseen if row.kind == kind]
        shares = [float(each.mean()) for each in told(rows_)]
        by_kind.append([kind, "yes" if rows_[0].label else "no", len(rows_), *shares])
    head = ["answers", "decline", "count", "by form", *(f"at {score}" for score in _SCORES)]
    _card.write("refusals", "kinds", head, by_kind)


def _line(name: str, found: list[Row]) -> list[object]:
    label = np.array([row.label for row in found])
    shares = [float(each[label == wanted].mean()) for each in told(found) for wanted in (1, 0)]
    return [name, int(label.sum()), int((1 - label).sum()), *shares]


def told(found: list[Row]) -> list[NDArray[np.bool_]]:
    """Which answers are told to decline: as a whole by form alone, by the detector at each of `_SCORES`."""
    detector = QualityDetector(QualityConfig(), Path())
    by_form = [any(each.score > PARTLY for each in refusals(row.text)) for row in found]
    answers = [detector.inspect(row.text, NO_BACKGROUND).findings for row in found]
    score = np.array([max((f.score for f in each if f.type == "REFUSAL"), default=0.0) for each in answers])
    return [np.array(by_form), *(score >= least for least in _SCORES)]


if __name__ == "__main__":
    main()
