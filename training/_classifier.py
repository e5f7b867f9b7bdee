"""Fits the small classifiers of `sentinel.detectors._classifier`: features of all texts, one joint fit of all
heads with stochastic gradient steps, calibration on texts that the fit did not see, int8 tables, and figures.

A row may say nothing about a head (NaN): its loss counts the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sentinel.detectors._classifier_grams import BITS, features

PLACE = Path(__file__).parents[1] / "sentinel" / "detectors" / "weights"


class Settings(msgspec.Struct, frozen=True):
    """How a model is fitted."""

    units: int = 48
    epochs: int = 6
    rate: float = 0.01
    batch: int = 512
    decay: float = 5e-6  # of the table
    network_decay: float = 1e-3
    dropped: float = 0.3  # share of examples whose n-grams are hidden, so that the vectors learn alone
    seed: int = 0


SETTINGS = Settings()


class Table(msgspec.Struct, frozen=True):
    """Texts as features. `dense` [texts, dense]; n-grams of text i are `offsets[i]`..`offsets[i + 1]` of
    `buckets` and `weights`."""

    dense: NDArray[np.float32]
    buckets: NDArray[np.int32]
    weights: NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.dense)

    def some(
        self, chosen: NDArray[np.int64]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """dense, buckets, weights and bag offsets of these texts."""
        lengths = self.offsets[chosen + 1] - self.offsets[chosen]
        bags = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        at = np.repeat(self.offsets[chosen] - bags, lengths) + np.arange(lengths.sum())
        return (
            torch.from_numpy(self.dense[chosen]),
            torch.from_numpy(self.buckets[at].astype(np.int64)),
            torch.from_numpy(self.weights[at]),
            torch.from_numpy(bags),
        )


def table(texts: Sequence[str], title: str = "reading") -> Table:
    dense: list[NDArray[np.float32]] = []
    buckets: list[NDArray[np.int32]] = []
    weights: list[NDArray[np.float32]] = []
    size = features("a")
    assert size is not None
    for text in track(texts, title):
        found = features(text)
        if found is None:
            dense.append(np.zeros(len(size.dense), np.float32))
            buckets.append(np.zeros(0, np.int32))
            weights.append(np.zeros(0, np.float32))
        else:
            dense.append(found.dense)
            buckets.append(found.buckets.astype(np.int32))
            weights.append(found.weights)
    offsets = np.concatenate(([0], np.cumsum([len(each) for each in buckets])))
    return Table(np.array(dense), np.concatenate(buckets), np.concatenate(weights), offsets)


class Model(torch.nn.Module):  # type: ignore[misc]
    """As `_classifier.Classifier`, trainable. `table` is None without n-grams, `hidden` without vectors."""

    def __init__(self, dense: int, heads: int, settings: Settings, parts: str = "both") -> None:
        super().__init__()
        self.parts = parts
        self.bags = torch.nn.EmbeddingBag(2**BITS, heads, mode="sum", sparse=False)
        torch.nn.init.zeros_(self.bags.weight)
        self.hidden = torch.nn.Linear(dense, settings.units)
        self.out = torch.nn.Linear(settings.units, heads)

    def forward(
        self,
        dense: torch.Tensor,
        buckets: torch.Tensor,
        weights: torch.Tensor,
        bags: torch.Tensor,
        keep: torch.Tensor | None = None,
    ) -> torch.Tensor:
        made = self.out.bias.expand(len(dense), -1)
        if self.parts != "grams":
            made = made + torch.relu(self.hidden(dense)) @ self.out.weight.T
        if self.parts != "vectors":
            hashed = self.bags(buckets, bags, per_sample_weights=weights[:, None].squeeze(1))
            made = made + (hashed if keep is None else hashed * keep[:, None])
        return made


def fit(
    data: Table,
    chosen: NDArray[np.int64],
    targets: NDArray[np.float32],
    weight: NDArray[np.float32],
    settings: Settings = SETTINGS,
    parts: str = "both",
) -> Model:
    """`targets` [texts, heads] with NaN where nothing is known; `weight` [texts]."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    model = Model(data.dense.shape[1], targets.shape[1], settings, parts)
    groups = [
        {"params": [model.bags.weight], "lr": settings.rate * 5, "weight_decay": 0.0},
        {
            "params": [*model.hidden.parameters(), *model.out.parameters()],
            "lr": settings.rate / 3,
            "weight_decay": settings.network_decay * 10,
        },
    ]
    optimizer = torch.optim.AdamW(groups)
    steps = settings.epochs * (len(chosen) // settings.batch + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [settings.rate * 5, settings.rate / 3], total_steps=steps + 1, pct_start=0.1
    )
    for _ in range(settings.epochs):
        order = rng.permutation(chosen)
        for first in range(0, len(order), settings.batch):
            part = order[first : first + settings.batch]
            y = torch.from_numpy(targets[part])
            known = ~torch.isnan(y)
            keep = torch.from_numpy((rng.random(len(part)) >= settings.dropped).astype(np.float32))
            logits = model(*data.some(part), keep if parts == "both" else None)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits, torch.where(known, y, 0.0), reduction="none"
            )
            w = torch.from_numpy(weight[part])[:, None] * known
            # The n-grams' penalty counts the table as a whole, which keeps rare buckets small.
            penalty = settings.decay * (model.bags.weight**2).sum()
            total = (loss * w).sum() / w.sum().clamp(min=1.0) * targets.shape[1] + penalty
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    return model


def logits(model: Model, data: Table, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """[chosen, heads]."""
    made = []
    with torch.inference_mode():
        for first in range(0, len(chosen), 2048):
            made.append(model(*data.some(chosen[first : first + 2048])).numpy())
    return np.concatenate(made).astype(np.float64) if made else np.zeros((0, model.out.out_features))


def calibration_part(cluster: str) -> bool:
    """Whether rows of this cluster calibrate and are not fitted on: a tenth, by a hash of its own."""
    digest = hashlib.blake2b(cluster.encode("utf-8", "surrogatepass"), digest_size=8, salt=b"calibrate")
    return int.from_bytes(digest.digest(), "big") % 10 == 0


def calibrate(
    raw: NDArray[np.float64], y: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """[heads, 2]: slope and offset of each head (Platt), from texts that the fit did not see."""
    made = []
    for head in range(raw.shape[1]):
        known = np.isin(y[:, head], (0.0, 1.0))
        found = LogisticRegression(C=100.0).fit(raw[known, head : head + 1], y[known, head], weight[known])
        made.append((found.coef_[0, 0], found.intercept_[0]))
    return np.array(made, np.float32)


def auc(y: NDArray[np.float32], score: NDArray[np.float64]) -> float:
    return float(roc_auc_score(y, score)) if len(set(y.tolist())) == 2 else float("nan")


def save(name: str, heads: Sequence[str], model: Model, calibration: NDArray[np.float32]) -> Path:
    """The model as the package ships it; the table in int8."""
    table_ = model.bags.weight.detach().numpy()
    # A few very large weights must not coarsen all others.
    scale = np.maximum(np.quantile(np.abs(table_), 0.9999, axis=0), 1e-6) / 127
    place = PLACE / f"{name}.npz"
    np.savez_compressed(
        place,
        heads=np.array(heads),
        table=np.clip(np.round(table_ / scale), -127, 127).astype(np.int8),
        scale=scale.astype(np.float32),
        hidden=model.hidden.weight.detach().numpy().T.astype(np.float32),
        hidden_bias=model.hidden.bias.detach().numpy(),
        out=model.out.weight.detach().numpy().T.astype(np.float32),
        bias=model.out.bias.detach().numpy(),
        calibration=calibration,
    )
    return place
