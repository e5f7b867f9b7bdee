"""`python -m training.groundedness --data DIR`: the model of the detector `groundedness`.

Reads `groundedness/*.jsonl.gz` and, for answers known to be held, the reading tasks of `traffic/`; writes
`sentinel/detectors/weights/groundedness.json` and the figures of `docs/models/groundedness.md`. Takes a
minute or two. Only the answers carry labels, so which sentence of a wrong one is wrong is estimated, from
equal blame on (expectation-maximisation). Needs numpy and scikit-learn.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold

from sentinel.core.background import Background
from sentinel.core.exchange import Role, Stage
from sentinel.detectors._grounding import Source, readings
from sentinel.detectors._grounding_model import FEATURES, WEIGHTS, GroundingModel, Weights, features
from sentinel.detectors._sentences import sentences
from sentinel.detectors.groundedness import GroundednessConfig, GroundednessDetector
from sentinel.evaluation.split import held_out
from training import _card
from training.corruptions import Pool, corrupted, reworded
from training.rows import rows as read

ROOT = Path(__file__).parents[1]
TRAINED = ("summedits", "wice", "q2_wow")
UNTUNED = "halueval_qa_small"  # the length of an answer gives its label away
REPORTED = (*TRAINED, UNTUNED)
NO_CONTEXT = ("halueval_general", "haluquestqa", "halueval2_facts")
LIMIT = 200_000
FOLDS = 5
ROUNDS = 2
THRESHOLDS = (0.5, 0.6, 0.7, 0.8)
RANGES = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
FEW = 20
INVERSE_PENALTY = 0.03
VARIANTS = 5
_SUMMARIES = ("ummar", "sum_in", "tldr", "sentences", "news_", "outline")

Array = NDArray[np.float64]


class Row(msgspec.Struct, frozen=True):
    question: str
    context: str
    answer: str
    label: int
    cluster: str


class Table(msgspec.Struct, frozen=True):
    """The sentences of some answers. `x`: [sentences, features]; `answer`: of each sentence, the index of its
    answer; `y`, `cluster`: one an answer."""

    x: Array
    answer: NDArray[np.int64]
    y: NDArray[np.int64]
    cluster: NDArray[np.str_]

    def halves(self) -> tuple[Table, Table]:
        """What is trained on, and what no training sees."""
        kept = np.array([held_out(cluster) for cluster in self.cluster])
        return self.some(np.flatnonzero(~kept)), self.some(np.flatnonzero(kept))

    def some(self, chosen: NDArray[np.int64]) -> Table:
        place = np.full(len(self.y), -1)
        place[chosen] = np.arange(len(chosen))
        kept = place[self.answer] >= 0
        return Table(self.x[kept], place[self.answer[kept]], self.y[chosen], self.cluster[chosen])


class Fitted(msgspec.Struct, frozen=True):
    """As `Weights`, in arrays."""

    weights: Array
    offset: float
    pooling: Array
    pooling_offset: float

    def probabilities(self, table: Table) -> Array:
        pooled = _pooled(self.offset + table.x @ self.weights, table)
        return np.asarray(1.0 / (1.0 + np.exp(-self.pooling_offset - pooled @ self.pooling)))


def rows(data: Path, name: str) -> list[Row]:
    """Of one set; without those sub-claims whose label never varies."""
    found = [r for r in read(data, "groundedness", name) if "subclaim" not in r.get("kind", "")]
    return [Row(r["question"], r["context"], r["answer"], r["label"], r["cluster"]) for r in found]


def made(data: Path, seed: int) -> list[Row]:
    """Answers of people to questions about a text and summaries of one, as they are, reworded, and with one
    or two things made wrong."""
    held: list[Row] = []
    for r in read(data, "traffic", "dolly2k"):
        question, _, context = r["prompt"].partition("\n\n")
        if 250 < len(context) < 12_000 and len(r["response"]) > 40:
            held.append(Row(question, context, r["response"][:700], 0, r["cluster"]))
    for r in read(data, "traffic", "t0_templates"):
        if r["kind"].startswith(("cnn", "sam")) and any(word in r["kind"] for word in _SUMMARIES):
            if len(r["response"]) > 40 and 400 < len(r["prompt"]) < 12_000:
                held.append(Row("", r["prompt"], r["response"][:700], 0, r["cluster"]))
    rnd = random.Random(seed)
    pool = Pool([f"{row.answer} {row.context[:600]}" for row in held])
    found: list[Row] = []
    for row in held:
        found.append(row)
        for _ in range(VARIANTS):
            text = _part(row.answer, rnd)
            text = reworded(text, rnd) if rnd.random() < 0.7 else text
            wrong = corrupted(text, row.context, rnd, pool)
            if wrong and rnd.random() < 0.4:
                wrong = corrupted(wrong, row.context, rnd, pool) or wrong
            found.append(msgspec.structs.replace(row, answer=text))
            if wrong:
                found.append(msgspec.structs.replace(row, answer=wrong, label=1))
    return found


def _part(answer: str, rnd: random.Random) -> str:
    pieces = [answer[start:end].strip() for start, end in sentences(answer, 0, final=True)]
    pieces = [piece for piece in pieces if len(piece) > 30]
    return " ".join(rnd.sample(pieces, 2)) if len(pieces) > 2 and rnd.random() < 0.5 else answer


def table(found: Sequence[Row], title: str) -> Table:
    x: list[list[float]] = []
    answer: list[int] = []
    for index, row in enumerate(track(found, title)):
        source, asked = Source([row.context], LIMIT), Source([row.question], LIMIT)
        for reading in readings(row.answer, source, asked):
            x.append(features(reading))
            answer.append(index)
    labels = np.array([row.label for row in found])
    return Table(np.array(x), np.array(answer), labels, np.array([row.cluster for row in found]))


def fit(tables: Sequence[Table]) -> Fitted:
    """Each set weighs as the root of its size, and both its labels the same: probabilities are those at even
    odds."""
    x = np.vstack([each.x for each in tables])
    starts = np.cumsum([0, *(len(each.y) for each in tables)])
    answer = np.concatenate([t.answer + s for t, s in zip(tables, starts[:-1], strict=True)])
    y = np.concatenate([each.y for each in tables])
    weight = np.concatenate([_weight(each.y) for each in tables])
    mean, scale = x.mean(0), x.std(0)
    scale[scale == 0] = 1.0
    z = (x - mean) / scale
    count = np.bincount(answer, minlength=len(y))
    blame = np.where(y[answer] == 1, 1.0, 0.0)
    share = weight[answer] / np.sqrt(count[answer])
    logits = np.zeros(len(x))
    for _ in range(ROUNDS):
        bad = blame > 0
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=500)
        model.fit(
            np.vstack([z, z[bad]]),
            np.concatenate([np.zeros(len(z)), np.ones(bad.sum())]),
            sample_weight=np.concatenate([share * (1 - blame), (share * blame)[bad]]),
        )
        logits = np.asarray(model.decision_function(z))
        wrong = 1 / (1 + np.exp(-logits))
        none = np.exp(np.bincount(answer, np.log1p(-wrong), len(y)))
        blame = np.where(y[answer] == 1, np.minimum(1, wrong / np.maximum(1 - none[answer], 1e-6)), 0.0)
    all_ = Table(x, answer, y, np.array([""] * len(y)))
    joined = LogisticRegression().fit(_pooled(logits, all_), y, sample_weight=weight)
    weights = model.coef_[0] / scale
    offset = float(model.intercept_[0] - mean @ weights)
    return Fitted(weights, offset, joined.coef_[0], float(joined.intercept_[0]))


def _weight(y: NDArray[np.int64]) -> Array:
    even = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    return np.asarray(even * np.sqrt(1000 / len(y)))


def _pooled(logits: Array, table: Table) -> Array:
    """Of each answer: the highest logit, the mean, the logarithm of one more than the number."""
    count = np.bincount(table.answer, minlength=len(table.y))
    highest = np.full(len(table.y), -np.inf)
    np.maximum.at(highest, table.answer, logits)
    highest[count == 0] = 0.0
    mean = np.bincount(table.answer, logits, len(table.y)) / np.maximum(count, 1)
    return np.stack([highest, mean, np.log1p(count)], axis=1)


def crossed(own: Table, others: Sequence[Table]) -> Array:
    """Probabilities of a set's answers, each from a model that saw no answer of its cluster."""
    told = np.zeros(len(own.y))
    for train, test in GroupKFold(FOLDS).split(own.y, own.y, own.cluster):
        told[test] = fit([own.some(train), *others]).probabilities(own.some(test))
    return told


def left_out(tables: dict[str, Table]) -> dict[str, Array]:
    """Probabilities of each set's answers, from a model that saw none of the set."""
    return {
        name: fit([t for other, t in tables.items() if other not in (name, UNTUNED)]).probabilities(
            tables[name]
        )
        for name in track(REPORTED, "sets left out")
    }


def calibration(tables: dict[str, Table], told: dict[str, Array]) -> list[list[object]]:
    """Of the answers in a range of probabilities: their mean, and the share of wrong ones at even odds."""
    lines: list[list[object]] = []
    for name in TRAINED:
        y = tables[name].y
        weight = _weight(y)
        place = np.digitize(told[name], RANGES[1:-1])
        cells = []
        for each in range(len(RANGES) - 1):
            here = place == each
            few = here.sum() < FEW
            mean, wrong = (
                np.average(of[here], weights=weight[here]) if not few else 0 for of in (told[name], y)
            )
            cells.append("" if few else f"{mean:.2f} / {wrong:.2f}")
        lines.append([name, *cells])
    return lines


def figures(tables: dict[str, Table], shipped: Fitted, without: dict[str, Array]) -> list[list[object]]:
    """Balanced accuracy at 0.5 and AUC of each set: by cross-validation over its clusters, of a model that
    saw none of the set, and of the shipped one on the clusters that no training sees."""
    lines: list[list[object]] = []
    for name in track(REPORTED, "cross-validation"):
        own = tables[name]
        others = [each for other, each in tables.items() if other not in (name, UNTUNED)]
        kept = own.halves()[1]
        cells = [*scores(own.y, crossed(own, others))] if name in TRAINED else ["", ""]
        cells += scores(own.y, without[name])
        cells += scores(kept.y, shipped.probabilities(kept))
        lines.append([name, len(own.y), *cells])
    return lines


def thresholds(tables: dict[str, Table], shipped: Fitted) -> list[list[object]]:
    """What the shipped model flags of the wrong and of the right answers on the clusters that no training
    sees."""
    lines: list[list[object]] = []
    for name in REPORTED:
        kept = tables[name].halves()[1]
        told = shipped.probabilities(kept)
        flagged = [
            f"{(told[kept.y == 1] >= t).mean():.2f} / {(told[kept.y == 0] >= t).mean():.2f}"
            for t in THRESHOLDS
        ]
        lines.append([name, len(kept.y), *flagged])
    return lines


def scores(y: NDArray[np.int64], told: Array) -> tuple[str, str]:
    return f"{balanced_accuracy_score(y, told > 0.5):.3f}", f"{roc_auc_score(y, told):.3f}"


def without_context(data: Path, detector: GroundednessDetector) -> list[list[object]]:
    """What the whole detector tells of answers without documents."""
    lines: list[list[object]] = []
    for name in NO_CONTEXT:
        found = rows(data, name)
        y = np.array([row.label for row in found])
        around = [Background(Stage.OUTPUT, Role.ANSWER, row.question) for row in found]
        told = np.array(
            [
                detector.inspect(row.answer, each).scores.get("groundedness", 0.0)
                for row, each in zip(found, around, strict=True)
            ]
        )
        over = told > 0.3
        right = y[over].mean() if over.any() else float("nan")
        lines.append([name, len(y), y.mean(), roc_auc_score(y, told), over.sum(), right])
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    tables = {name: table(rows(args.data, name), name) for name in REPORTED}
    tables["made"] = table(made(args.data, args.seed), "made")
    fitted = fit([each.halves()[0] for name, each in tables.items() if name != UNTUNED])
    weights = dict(zip(FEATURES, (round(float(w), 5) for w in fitted.weights), strict=True))
    version = hashlib.sha256(repr((weights, fitted.offset, fitted.pooling.tolist())).encode()).hexdigest()[
        :12
    ]
    first, second, third = (round(float(w), 5) for w in fitted.pooling)
    shipped = Weights(
        version, weights, round(fitted.offset, 5), (first, second, third), round(fitted.pooling_offset, 5)
    )
    place = ROOT / "sentinel" / "detectors" / "weights" / WEIGHTS
    place.write_text(json.dumps(msgspec.to_builtins(shipped), indent=1) + "\n", encoding="utf-8")
    GroundingModel.shipped()
    detector = GroundednessDetector(GroundednessConfig(), Path())
    without = left_out(tables)
    pairs = [f"{one}, {two}" for one in ("held out", "left out", "kept") for two in ("bal. acc.", "AUC")]
    _card.write("groundedness", "with context", ["set", "answers", *pairs], figures(tables, fitted, without))
    ranges = [f"{one} to {two}" for one, two in itertools.pairwise(RANGES)]
    _card.write("groundedness", "calibration", ["set", *ranges], calibration(tables, without))
    over = [f"at {each}" for each in THRESHOLDS]
    _card.write("groundedness", "thresholds", ["set", "kept answers", *over], thresholds(tables, fitted))
    head = ["set", "answers", "wrong", "AUC", "over 0.3", "of these wrong"]
    _card.write("groundedness", "without context", head, without_context(args.data, detector))


if __name__ == "__main__":
    main()
