"""The indirect model of `injection`: trained on segments, measured on whole documents."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sentinel.detectors._injection_indirect import (
    BITS,
    content_words,
    hashed,
    page_of,
    signals,
)
from sentinel.detectors._injection_meaning import meanings
from sentinel.evaluation.split import held_out
from training import documents, written_texts
from training.attacks import pick
from training.injection_fit import weights

CONTEXTS = ("summedits", "wice", "q2_wow", "halueval_qa_small")
STRENGTH = 1.0
SCALE = 2.5  # of the hashed block against the signals
_PER_SOURCE = 700
_OWN = 1600
PRIOR = 0.05
_ORDERS = 0.5  # how much the segments of orders count together, where one is as much as all others
_LEFT_OUT, _HELD_OUT = "Documents: kinds of orders left out", "Documents: held-out clusters"
_ALARMS = "Documents: harmless ones"
_HEAD = ["documents", "with an order", "harmless", "AUC", "found at 1 %"]


class Document(msgspec.Struct, frozen=True):
    """`place`: where the order stands, as start and end; (0, 0) in a harmless one. `group`: what is left out
    together."""

    text: str
    place: tuple[int, int]
    group: str
    source: str
    cluster: str
    question: str = ""

    @property
    def label(self) -> int:
        return int(self.place[1] > 0)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def collected(data: Path, rng: np.random.Generator) -> list[Document]:
    found = []
    for row in _lines(data / "injection/bipia_indirect.jsonl.gz"):
        place = (0, 0)
        if row["label"]:
            start = row["text"].find(row["attack"])
            place = (max(0, start), max(0, start) + len(row["attack"]))
        kind = row["kind"].split("/")[1]
        found.append(Document(row["text"], place, f"bipia/{kind}", "bipia", str(row["cluster"])))
    for name in CONTEXTS:
        seen: dict[str, Document] = {}
        for row in _lines(data / f"groundedness/{name}.jsonl.gz"):
            text = row.get("context") or ""
            if len(text) > 80 and text not in seen:
                seen[text] = Document(
                    text, (0, 0), f"contexts/{name}", name, str(row["cluster"]), row.get("question") or ""
                )
        chosen = list(seen.values())
        found += [chosen[i] for i in rng.permutation(len(chosen))[:_PER_SOURCE]]
    clean = [each for each in found if not each.label]
    for kind in documents.HARMLESS:
        for _ in range(_OWN // 8):
            found.append(
                Document(documents.harmless(rng, kind), (0, 0), f"own/{kind}", "own", f"own-{len(found)}")
            )
    families = list(documents.INDIRECT)
    for number in range(_OWN):
        family = families[number % len(families)]
        said = documents.order(rng, family)
        if rng.random() < 0.6:
            carrier = clean[int(rng.integers(len(clean)))]
            text, cluster, question = carrier.text, carrier.cluster, carrier.question
        else:
            text, cluster, question = (
                documents.harmless(rng, pick(rng, list(documents.HARMLESS))),
                f"own-{len(found)}",
                "",
            )
        text, start = documents.poisoned(rng, text, said)
        found.append(Document(text, (start, start + len(said)), f"order/{family}", "own", cluster, question))
    found += [_written(paper, len(found) + number) for number, paper in enumerate(written_texts.papers())]
    return found


def _written(paper: written_texts.Paper, number: int) -> Document:
    group = "written/order" if paper.order else "written/clean"
    return Document(paper.text, paper.place, group, "written", f"own-{number}")


class Segments(msgspec.Struct, frozen=True):
    """The segments of all documents. `told`: their signals and meanings; `owner`: number of the document;
    `label`: 1 in an order, 0 elsewhere."""

    words: sparse.csr_matrix
    told: np.ndarray
    owner: np.ndarray
    label: np.ndarray

    def matrix(self) -> sparse.csr_matrix:
        return sparse.hstack([self.words * SCALE, sparse.csr_matrix(self.told)]).tocsr()


def segments_of(found: Sequence[Document], say: Callable[[str], None]) -> Segments:
    told: list[list[float]] = []
    meant = []
    columns, values, places = [], [], []
    owner, label = [], []
    for number, document in enumerate(found):
        page = page_of(document.text)
        asked = content_words(document.question)
        start, end = document.place
        if page.segments:
            meant.append(meanings(page.segments))
        for at, segment in enumerate(page.segments):
            buckets = hashed(segment)
            places.append(np.full(len(buckets), len(told)))
            columns.append(buckets)
            values.append(np.full(len(buckets), len(buckets) ** -0.5))
            told.append(signals(page, at, asked))
            owner.append(number)
            shared = min(end, segment.end) - max(start, segment.start)
            label.append(int(shared > 0.5 * (segment.end - segment.start)))
        if number % 500 == 0:
            say(f"documents {number}/{len(found)}")
    words = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(places), np.concatenate(columns))),
        shape=(len(told), 1 << BITS),
    )
    seen = np.concatenate((np.array(told, np.float32), np.concatenate(meant)), axis=1)
    return Segments(words, seen, np.array(owner), np.array(label))


def fit(
    matrix: sparse.csr_matrix, told: Segments, groups: np.ndarray, kept: np.ndarray
) -> LogisticRegression:
    """`groups`: of the documents; `kept`: which segments are learned from."""
    labels = told.label[kept]
    each = weights(labels, groups[told.owner][kept]) * np.where(labels == 1, _ORDERS, 2 - _ORDERS)
    return LogisticRegression(C=STRENGTH, max_iter=400).fit(matrix[kept], labels, sample_weight=each)


def by_document(scores: np.ndarray, told: Segments, count: int) -> np.ndarray:
    """The highest segment's score of each document; of one without segments the lowest of all."""
    best = np.full(count, scores.min())
    np.maximum.at(best, told.owner, scores)
    return best


def train(
    data: Path, rng: np.random.Generator, say: Callable[[str], None], *, quick: bool
) -> tuple[dict[str, np.ndarray], dict[str, list[list[str]]]]:
    """The arrays of the shipped model, and the tables of the card."""
    found = collected(data, rng)
    told = segments_of(found, say)
    matrix = told.matrix()
    kept_out = np.array([held_out(each.cluster) for each in found])
    labels = np.array([each.label for each in found])
    groups = np.array([each.group for each in found])
    sources = np.array([each.source for each in found])
    tables: dict[str, list[list[str]]] = {}
    if not quick:
        asked = {f"bipia/{half}": _half(groups, half) for half in (0, 1)}
        asked |= {"bipia, everything": sources == "bipia"}
        asked |= {"written": sources == "written"}
        asked |= {f"order/{family}": groups == f"order/{family}" for family in documents.INDIRECT}
        tables[_LEFT_OUT] = [_HEAD]
        for name, out in asked.items():
            say(f"leaving out {name}")
            model = fit(matrix, told, groups, (~kept_out & ~out)[told.owner])
            scores = by_document(model.decision_function(matrix), told, len(found))
            tables[_LEFT_OUT].append(
                [name, *_figures(scores, labels, out & (labels == 1), kept_out & (labels == 0))]
            )
    model = fit(matrix, told, groups, (~kept_out)[told.owner])
    scores = by_document(model.decision_function(matrix), told, len(found))
    tables[_HELD_OUT] = [_HEAD]
    for name in ("bipia", "own", "written"):
        one = kept_out & (sources == name)
        tables[_HELD_OUT].append([name, *_figures(scores, labels, one & (labels == 1), one & (labels == 0))])
    high = np.quantile(scores[kept_out & (labels == 0)], 0.99)
    tables[_ALARMS] = [["harmless documents", "number", "flagged at 1 % of all"]]
    apart = [_written(paper, number) for number, paper in enumerate(written_texts.papers("unseen_documents"))]
    seen = segments_of(apart, say)
    unseen = by_document(model.decision_function(seen.matrix()), seen, len(apart))
    ordered = np.array([each.label == 1 for each in apart])
    tables[_HELD_OUT].append(["another writer", *_figures(unseen, ordered, ordered, ~ordered)])
    alarms = [f"{100 * (unseen[part] > high).mean():.1f} %" for part in (~ordered, ordered)]
    told_of = f"another writer (and {alarms[1]} of those with an order)"
    tables[_ALARMS].append([told_of, str(int((~ordered).sum())), alarms[0]])
    for group in sorted(set(groups[labels == 0])):
        one = scores[kept_out & (groups == group) & (labels == 0)]
        tables[_ALARMS].append([str(group), str(len(one)), f"{100 * (one > high).mean():.1f} %"])
    heads = model.coef_.T
    slope = LogisticRegression(C=1e4)
    weight = np.where(labels == 1, PRIOR / labels.mean(), (1 - PRIOR) / (1 - labels.mean()))
    slope.fit(scores[kept_out][:, None], labels[kept_out], sample_weight=weight[kept_out])
    return {
        "indirect_words": (heads[: 1 << BITS] * SCALE).astype(np.float16),
        "indirect_signals": heads[1 << BITS :].astype(np.float32),
        "indirect_bias": model.intercept_.astype(np.float32),
        "indirect_scale": np.array([slope.coef_[0, 0], slope.intercept_[0]], np.float32),
    }, tables


def _half(groups: np.ndarray, half: int) -> np.ndarray:
    """Every other kind of BIPIA attack."""
    kinds = sorted({group for group in groups if group.startswith("bipia/") and not group.endswith("/clean")})
    return np.isin(groups, kinds[half::2])


def _figures(scores: np.ndarray, labels: np.ndarray, attacks: np.ndarray, harmless: np.ndarray) -> list[str]:
    asked = attacks | harmless
    high = np.quantile(scores[harmless], 0.99)
    area = roc_auc_score(labels[asked], scores[asked])
    return [
        str(int(attacks.sum())),
        str(int(harmless.sum())),
        f"{area:.3f}",
        f"{100 * float((scores[attacks] > high).mean()):.1f} %",
    ]
