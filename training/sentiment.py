"""`python -m training.sentiment --data DIR`: the model of the detector `sentiment`.

A teacher (`training/teacher.py`) learns from texts that were written one by one, and judges sentences of the
labelled data; the small model learns from both. Writes `sentinel/detectors/weights/sentiment.npz` and the
figures of `docs/models/sentiment.md`, beside those of VADER. Takes half an hour of one core. Needs torch,
transformers, scikit-learn, vaderSentiment, the base encoder and the word table of `training.word_vectors`.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors._classifier import Classifier
from sentinel.detectors._sentences import sentences
from sentinel.detectors.sentiment import LIKELY, SentimentConfig, SentimentDetector
from sentinel.evaluation.split import held_out
from training import _card
from training._classifier import Settings, auc, calibrate, fit, logits, save, table
from training.rows import names, rows
from training.teacher import Teacher
from training.word_vectors import base_directory
from training.written_texts import Text, read

HEADS = ("NEGATIVE", "POSITIVE")
_FEELINGS = (-1, 0, 1)  # labels, in the order of the teacher's classes
_EACH_SET = 1500  # sentences
_LENGTHS = range(8, 300)  # characters of a sentence
_WRITTEN = 4.0  # weight of a text that was written by itself
_VADER = 0.05
_SETTINGS = Settings(units=48, filters=48, epochs=10)


def everyday(data: Path, *, kept: bool = False) -> Iterator[str]:
    """Sentences of the traffic, toxicity, misuse and name sets, of no cluster that is held out of the
    trainings of toxicity and misuse; `kept`: of the held-out clusters of the traffic sets."""
    rng = random.Random(0)
    places = [("traffic", name) for name in names(data, "traffic")]
    if not kept:
        places += [("pii", "wnut17"), ("pii", "btc_twitter")]
        places += [(area, name) for area in ("toxicity", "harm") for name in names(data, area)]
    for area, name in places:
        found: list[str] = []
        for row in rows(data, area, name):
            if held_out(row["cluster"]) == kept:
                for key in ("text", "prompt", "response"):
                    text = (row.get(key) or "")[:1000]
                    parts = (text[start:end].strip() for start, end in sentences(text, 0, final=True))
                    found += [part for part in parts if len(part) in _LENGTHS]
        yield from rng.sample(found, min(_EACH_SET, len(found)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the labelled data")
    parser.add_argument("--base", type=Path, help="directory of the encoder; default: the installed package")
    args = parser.parse_args()
    torch.set_num_threads(1)
    written = read("sentiment")
    kept = np.array([held_out(each.text) for each in written])
    fitted = [each for each, is_kept in zip(written, kept, strict=True) if not is_kept]
    teacher = Teacher(args.base or base_directory(), len(_FEELINGS))
    teacher.fit([each.text for each in fitted], [_FEELINGS.index(each.label) for each in fitted])
    others = list(everyday(args.data))
    told = teacher.probabilities(others)[:, [0, 2]]
    labels = np.array([each.label for each in written])
    targets = np.concatenate((np.stack((labels < 0, labels > 0), axis=1).astype(np.float32), told))
    seen = table([*(each.text for each in written), *others], "reading sentences")
    weight = np.ones(len(seen), np.float32)
    weight[: len(written)] = _WRITTEN
    part = np.flatnonzero(kept)
    chosen = np.setdiff1d(np.arange(len(seen)), part)
    model = fit(seen, chosen, targets, weight, _SETTINGS)
    calibration = calibrate(logits(model, seen, part), targets[part], weight[part])
    place = save("sentiment", HEADS, model, calibration)
    print(f"{place.name}: {place.stat().st_size / 1e6:.2f} MB, {len(written)} written, {len(others)} others")
    by_teacher = teacher.probabilities([each.text for each in read("unseen_sentiment")])[:, [2, 0]]
    report([each for each, is_kept in zip(written, kept, strict=True) if is_kept], by_teacher)
    report_flagged(args.data)


def report(kept: list[Text], teacher: NDArray[np.float32]) -> None:
    """Held-out texts and those of another writer, these also by kind and beside VADER; `teacher` [texts, 2]:
    what it says of good and ill feeling in them."""
    unseen = read("unseen_sentiment")
    lines = [
        _line("held-out texts written one by one, which calibrate it", kept, scores(kept)),
        _line("texts of another writer", unseen, scores(unseen)),
        _line("the same, by the teacher", unseen, teacher.astype(np.float64)),
        _line("the same, by VADER", unseen, by_vader(unseen)),
    ]
    head = ["texts", "count", "AUC, ill feeling", "AUC, good", "told right", "ill for good or good for ill"]
    _card.write("sentiment", "figures", head, lines)
    found, others = scores(unseen), by_vader(unseen)
    by_kind: list[list[object]] = []
    for kind in sorted({each.kind for each in unseen}):
        of = np.array([each.kind == kind for each in unseen])
        label = np.array([each.label for each in unseen])[of]
        by_kind.append([kind, *((label == feeling).sum() for feeling in (1, -1, 0))])
        by_kind[-1] += [float((feelings(each[of]) == label).mean()) for each in (found, others)]
    head = ["texts of another writer", "good", "ill", "neither", "told right", "by VADER"]
    _card.write("sentiment", "kinds", head, by_kind)


def report_flagged(data: Path) -> None:
    """How much of what is mostly said without feeling has a finding."""
    detector = SentimentDetector(SentimentConfig(), Path())
    sets = {
        "everyday sentences": list(everyday(data, kept=True)),
        "other languages": [each.text for each in read("unseen_languages") if each.lang != "en"],
    }
    lines: list[list[object]] = []
    for name, found in sets.items():
        told = Counter(
            finding.type for text in found for finding in detector.inspect(text, 0, NO_BACKGROUND).findings
        )
        lines.append([name, len(found), *(told[type_] / len(found) for type_ in HEADS)])
    _card.write("sentiment", "flagged", ["texts", "count", *HEADS], lines)


def _line(name: str, found: list[Text], told: NDArray[np.float64]) -> list[object]:
    label = np.array([each.label for each in found])
    taken = feelings(told)
    areas = [auc(label == feeling, told[:, column]) for column, feeling in ((1, -1), (0, 1))]
    return [name, len(found), *areas, float((taken == label).mean()), float((taken * label < 0).mean())]


def scores(found: list[Text]) -> NDArray[np.float64]:
    """What the shipped model says of good and of ill feeling: [texts, 2]."""
    model = Classifier.shipped("sentiment")
    answers = [model.judge(each.text, [(0, len(each.text))])[0] for each in found]
    return np.array([(0.0, 0.0) if told is None else (told[1], told[0]) for told in answers])


def by_vader(found: list[Text]) -> NDArray[np.float64]:
    """The same of VADER (Hutto and Gilbert, 2014), whose own bound between good and neither is 0.05."""
    weigh = SentimentIntensityAnalyzer().polarity_scores
    compound = np.array([weigh(each.text)["compound"] for each in found])
    scaled = np.clip(0.5 + (np.abs(compound) - _VADER) / 2, 0.0, 1.0) * np.sign(compound)
    return np.stack((scaled, -scaled), axis=1)


def feelings(told: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 good, -1 ill, 0 neither, by the likelier of both where it is likely."""
    surer = np.where(told[:, 0] >= told[:, 1], 1, -1)
    return np.where(told.max(axis=1) >= LIKELY, surer, 0)


if __name__ == "__main__":
    main()
