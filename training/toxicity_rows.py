"""What the detector `toxicity` learns from: the labelled sets, benign traffic, contrast sets, disguises, and
texts that only a teacher judges; each row with a target for every head, NaN where nobody says."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sentinel.detectors._sentences import sentences
from sentinel.evaluation.split import held_out
from training.contrast_toxicity import KINDS, disguised, examples
from training.rows import names, rows
from training.turned import turned
from training.written_texts import TOXICITY as WRITTEN_KINDS
from training.written_texts import read

HEADS = ("TOXIC", *KINDS)
SOURCES = (
    "davidson",
    "stormfront",
    "toxigen_safenlp",
    "openai_moderation",
    "cad_reddit",
    "toxic_spans",
    "surge",
    "jigsaw_max_sample",
)
NAN = float("nan")
_LONGEST = 1000
_DISGUISED = 0.12  # of the toxic rows, and of a like number of benign ones
_CONTRASTS = 400  # of a family
_WRITTEN = 4.0  # weight of a text that was written by itself
_PIECES = 2  # sentences of a labelled text
_TURNED = {1: 9000, 0: 5000}
_SHORT = range(12, 140)  # characters of a text that is turned
UNLABELLED = "unlabelled"
OWN = ("contrast", "written")


class Row(msgspec.Struct, frozen=True):
    """`label`: of the set, for figures; `targets`: one a head, in [0, 1] or NaN; `weight`: in the fit."""

    text: str
    label: int
    targets: tuple[float, ...]
    weight: float
    source: str
    cluster: str
    kind: str = ""


def _targets(toxic: float, kinds: Mapping[str, float], others: float = 0.0) -> tuple[float, ...]:
    return (toxic, *(kinds.get(kind, others) for kind in KINDS))


def _of(source: str, row: Mapping[str, Any]) -> tuple[tuple[float, ...], float]:
    """The targets and the weight of a labelled row."""
    label, kind = row["label"], row.get("kind") or ""
    if source == "davidson":
        # "Offensive" there is mostly profanity and dialect: it says little about abuse.
        if kind == "offensive":
            return _targets(0.6, {"OBSCENE": 0.8}, NAN), 0.25
        if kind == "hate":
            return _targets(1.0, {"IDENTITY_ATTACK": 1.0, "OBSCENE": NAN}, NAN), 1.0
        return _targets(0.0, {}), 1.0
    if source in ("stormfront", "toxigen_safenlp"):
        return _targets(label, {"IDENTITY_ATTACK": label} if label else {}, NAN if label else 0.0), 1.0
    if source == "openai_moderation":
        signs = set(kind.split("+"))
        threat = 1.0 if "H2" in signs or {"V", "HR"} <= signs else (NAN if "V" in signs else 0.0)
        abuse = 1.0 if signs & {"H", "HR"} else (0.6 if label else 0.0)
        return _targets(
            abuse,
            {
                "IDENTITY_ATTACK": float("H" in signs),
                "INSULT": 1.0 if "HR" in signs else (NAN if label else 0.0),
                "THREAT": threat,
                "OBSCENE": 1.0 if "S" in signs else (NAN if label else 0.0),
            },
        ), (1.0 if abuse in (0.0, 1.0) else 0.5)
    if source == "cad_reddit":
        if not label:
            return _targets(0.0, {}), 0.3
        shown = {
            "IDENTITY_ATTACK": 1.0 if "Identity" in kind else NAN,
            "INSULT": 1.0 if "Person" in kind else NAN,
        }
        return _targets(1.0, shown, NAN), 0.3
    if source == "toxic_spans":
        votes, of = (int(part) for part in row["votes"].split("/"))
        if not label:
            return _targets(votes / of / 2, {}, NAN if kind else 0.0), 0.6
        of_kind = {
            "INSULT": float("Insult" in kind),
            "THREAT": float("Threat" in kind),
            "IDENTITY_ATTACK": float("Identity" in kind),
            "OBSCENE": float("Obscene" in kind),
        }
        return _targets(1.0, of_kind), 1.0
    if source == "jigsaw_max_sample":
        of_kind = {
            "INSULT": float("insult" in kind),
            "THREAT": float("threat" in kind),
            "IDENTITY_ATTACK": float("identity" in kind),
            "OBSCENE": float("obscene" in kind),
        }
        return _targets(label, of_kind), 1.0
    return _targets(label, {}, NAN if label else 0.0), 1.0


def labelled(data: Path) -> Iterator[Row]:
    for source in SOURCES:
        for row in rows(data, "toxicity", source):
            targets, weight = _of(source, row)
            text = row["text"]
            yield Row(text, row["label"], targets, weight, source, row["cluster"], row.get("kind") or "")


def benign(data: Path) -> Iterator[tuple[str, str]]:
    """Texts of everyday traffic and their clusters. The prompts of `hh_harmless_test` are made to offend, so
    only its answers are here."""
    for name in names(data, "traffic"):
        for row in rows(data, "traffic", name):
            keys = ("response",) if name.startswith("hh_") else ("prompt", "response")
            yield from ((row[key], row["cluster"]) for key in keys if row.get(key))
    for row in rows(data, "injection", "benign_traffic"):
        yield row["text"], row["cluster"]


def benign_sentences(data: Path, rng: random.Random, most: int = 1) -> Iterator[Row]:
    """A few sentences of each benign text: that is what the detector is asked about."""
    targets = _targets(0.0, {})
    for text, cluster in benign(data):
        every = [text[start:end] for start, end in sentences(text[:8000], 0, final=True)]
        every = [each for each in every if any(map(str.isalpha, each))]
        for each in rng.sample(every, min(most, len(every))):
            yield Row(each, 0, targets, 0.7, "benign", cluster)


def contrast(seed: int = 0) -> Iterator[Row]:
    for each in examples(seed, _CONTRASTS):
        kinds = dict.fromkeys(each.kinds, 1.0)
        # A contrast pair is about abuse; whether its words are obscene is told by the words.
        unknown = {"OBSCENE": NAN} if "profanity" in each.family and not each.toxic else {}
        yield Row(
            each.text,
            int(each.toxic),
            _targets(float(each.toxic), unknown | kinds),
            3.0,
            "contrast",
            each.family,
            each.family,
        )


def written() -> Iterator[Row]:
    for each in read("toxicity"):
        kinds = WRITTEN_KINDS.get(each.kind)
        targets = _targets(0.0, {"OBSCENE": NAN})  # nobody said which words are
        if kinds is not None:  # an insult may be an attack on a group too
            targets = _targets(1.0, dict.fromkeys(kinds, 1.0), NAN)
        yield Row(each.text, int(kinds is not None), targets, _WRITTEN, "written", "", each.kind)


def unlabelled(data: Path, found: Sequence[Row], rng: random.Random) -> Iterator[Row]:
    """Texts that nobody judged: sentences of rows, what rows become in other words' company, requests,
    puzzles, tweets. `found`: the rows to take them from."""

    def row(text: str, cluster: str) -> Row:
        return Row(text, 0, (NAN,) * len(HEADS), 1.0, UNLABELLED, cluster)

    for each in found:
        parts = [each.text[start:end] for start, end in sentences(each.text[:_LONGEST], 0, final=True)]
        parts = [part for part in parts if any(map(str.isalpha, part))]
        if each.source in SOURCES and len(parts) > 1:
            yield from (row(part, each.cluster) for part in rng.sample(parts, min(_PIECES, len(parts))))
    for label, most in _TURNED.items():
        short = [each.text for each in found if each.label == label and len(each.text) in _SHORT]
        yield from (row(text, "") for text in turned(rng.sample(short, min(most, len(short))), rng))
    others = [("harm", name, "text") for name in names(data, "harm")]
    others += [
        ("traffic", "hh_harmless_test", "prompt"),
        ("pii", "wnut17", "text"),
        ("pii", "btc_twitter", "text"),
    ]
    for area, name, key in (*others, ("bias", "bbq", "text")):
        for number, raw in enumerate(rows(data, area, name)):
            if raw.get(key) and not held_out(raw["cluster"]) and (area != "bias" or number % 4 == 1):
                yield row(raw[key][:_LONGEST], raw["cluster"])


def in_disguise(found: list[Row], rng: random.Random) -> Iterator[Row]:
    """Some of the rows once more, disguised, as many benign ones as toxic ones."""
    for label in (0, 1):
        chosen = [
            row for row in found if row.label == label and row.source != "cad_reddit" and row.weight >= 0.5
        ]
        size = int(_DISGUISED * sum(row.label for row in found))
        for row in rng.sample(chosen, min(size, len(chosen))):
            text = disguised(row.text[:_LONGEST], rng)
            yield msgspec.structs.replace(
                row, text=text, source=f"{row.source}/disguised", weight=row.weight * 0.5
            )
