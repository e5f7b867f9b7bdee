"""Fits the small classifiers of `sentinel.detectors._classifier`: features of all texts, one joint fit of all
heads with stochastic gradient steps, rounding to eight bits, calibration on texts that the fit did not see.

A row may say nothing about a head (NaN): its loss counts the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sentinel.detectors import _classifier
from sentinel.detectors._classifier_filters import TOP, WIDTH
from sentinel.detectors._classifier_grams import BITS, features, words

PLACE = Path(__file__).parents[1] / "sentinel" / "detectors" / "weights"


class Settings(msgspec.Struct, frozen=True):
    """How a model is fitted."""

    units: int = 48
    filters: int = 48  # of each layer
    epochs: int = 12
    rate: float = 0.05  # of the table
    network_rate: float = 0.004
    batch: int = 256
    decay: float = 5e-6  # of the table
    network_decay: float = 0.1
    dropped: float = 0.3  # share of examples whose n-grams are hidden, so that the network learns alone
    hidden: float = 0.12  # share of words whose vectors are hidden, so that no single one says it all
    idle: float = 0.1  # share of the network's units that rest
    seed: int = 0


SETTINGS = Settings()
_LONGEST = 250  # words of a text whose order a fit sees
_POOL = 20  # batches whose texts are sorted by length together


class Table(msgspec.Struct, frozen=True):
    """Texts as features. `rows`: of each text's words in `words()`; `means` [texts, dimensions]; n-grams of
    text i are `offsets[i]`..`offsets[i + 1]` of `buckets` and `weights`."""

    rows: list[NDArray[np.int32]]
    means: NDArray[np.float32]
    buckets: NDArray[np.int32]
    weights: NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.means)

    def some(
        self, chosen: NDArray[np.int64]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """rows [texts, words], filled up with -1; means, buckets, weights and bag offsets of these texts."""
        lengths = self.offsets[chosen + 1] - self.offsets[chosen]
        bags = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        at = np.repeat(self.offsets[chosen] - bags, lengths) + np.arange(lengths.sum())
        rows = np.full((len(chosen), max(1, *(len(self.rows[each]) for each in chosen))), -1, np.int64)
        for place, each in zip(rows, chosen, strict=True):
            place[: len(self.rows[each])] = self.rows[each]
        return (
            torch.from_numpy(rows),
            torch.from_numpy(self.means[chosen]),
            torch.from_numpy(self.buckets[at].astype(np.int64)),
            torch.from_numpy(self.weights[at]),
            torch.from_numpy(bags),
        )


def table(texts: Sequence[str], title: str = "reading") -> Table:
    rows: list[NDArray[np.int32]] = []
    means: list[NDArray[np.float32]] = []
    buckets: list[NDArray[np.int32]] = []
    weights: list[NDArray[np.float32]] = []
    size = features("a")
    assert size is not None
    for text in track(texts, title):
        found = features(text)
        if found is None:
            rows.append(np.zeros(0, np.int32))
            means.append(np.zeros(len(size.mean), np.float32))
            buckets.append(np.zeros(0, np.int32))
            weights.append(np.zeros(0, np.float32))
        else:
            rows.append(found.rows[:_LONGEST])
            means.append(found.mean)
            buckets.append(found.buckets.astype(np.int32))
            weights.append(found.weights)
    offsets = np.concatenate(([0], np.cumsum([len(each) for each in buckets])))
    return Table(rows, np.array(means), np.concatenate(buckets), np.concatenate(weights), offsets)


class Model(torch.nn.Module):  # type: ignore[misc]
    """As `_classifier.Classifier`, trainable."""

    def __init__(self, heads: int, settings: Settings) -> None:
        super().__init__()
        held = words()
        # Vectors of unit spread, for the filters' sake.
        spread = float(held.vectors[:-1].std())
        self.unit = 1.0 / spread
        self.vectors = torch.from_numpy(held.vectors.astype(np.float32) / spread)
        self.step: float | None = None
        """The unit of the first layer's answers once they are rounded."""
        wide = held.vectors.shape[1]
        self.bags = torch.nn.EmbeddingBag(2**BITS, heads, mode="sum", sparse=False)
        torch.nn.init.zeros_(self.bags.weight)
        self.first = torch.nn.Conv1d(wide, settings.filters, WIDTH, padding=WIDTH // 2)
        self.second = torch.nn.Conv1d(settings.filters, settings.filters, WIDTH, padding=WIDTH // 2)
        self.hidden = torch.nn.Linear(wide + 2 * settings.filters, settings.units)
        self.idle = torch.nn.Dropout(settings.idle)
        self.out = torch.nn.Linear(settings.units, heads)

    def _filtered(self, rows: torch.Tensor, hidden: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Answers of both layers at each word: [texts, filters, words]."""
        there = (rows >= 0)[:, None, :]
        seen = rows if hidden is None else torch.where(hidden, -1, rows)
        first = torch.relu(self.first(self.vectors[seen].transpose(1, 2))) * there
        if self.step is not None:
            first = torch.clamp(torch.round(first / self.step), max=TOP) * self.step
        return first, torch.relu(self.second(first)) * there

    def forward(
        self,
        rows: torch.Tensor,
        means: torch.Tensor,
        buckets: torch.Tensor,
        weights: torch.Tensor,
        bags: torch.Tensor,
        keep: torch.Tensor | None = None,
        hidden: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """`keep` [texts]: 0 where n-grams are hidden; `hidden` [texts, words]: whose vectors are."""
        found = [answers.max(dim=2).values for answers in self._filtered(rows, hidden)]
        made = self.out(self.idle(torch.relu(self.hidden(torch.cat([means, *found], dim=1)))))
        hashed = self.bags(buckets, bags, per_sample_weights=weights)
        return made + (hashed if keep is None else hashed * keep[:, None])

    def round(self, data: Table, some: NDArray[np.int64]) -> None:
        """The filters in eight bits, the first layer's answers in steps that fit these texts."""
        with torch.inference_mode():
            highest = self._filtered(data.some(some)[0], None)[0].amax(dim=(0, 2))
            self.step = float(highest.max()) / TOP
            for layer in (self.first, self.second):
                unit = layer.weight.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-8) / 127
                layer.weight.copy_(torch.round(layer.weight / unit) * unit)


def fit(
    data: Table,
    chosen: NDArray[np.int64],
    targets: NDArray[np.float32],
    weight: NDArray[np.float32],
    settings: Settings = SETTINGS,
) -> Model:
    """`targets` [texts, heads] with NaN where nothing is known; `weight` [texts]."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    model = Model(targets.shape[1], settings)
    network = [value for name, value in model.named_parameters() if name != "bags.weight"]
    groups = [
        {"params": [model.bags.weight], "lr": settings.rate, "weight_decay": 0.0},
        {"params": network, "lr": settings.network_rate, "weight_decay": settings.network_decay},
    ]
    optimizer = torch.optim.AdamW(groups)
    steps = settings.epochs * (len(chosen) // settings.batch + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [settings.rate, settings.network_rate], total_steps=steps + 1, pct_start=0.1
    )
    for _ in range(settings.epochs):
        for part in _batches(data, chosen, settings.batch, rng):
            y = torch.from_numpy(targets[part])
            known = ~torch.isnan(y)
            keep = torch.from_numpy((rng.random(len(part)) >= settings.dropped).astype(np.float32))
            given = data.some(part)
            hidden = torch.from_numpy(rng.random(given[0].shape) < settings.hidden)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                model(*given, keep, hidden), torch.where(known, y, 0.0), reduction="none"
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
    model.round(data, rng.choice(chosen, min(len(chosen), 4096), replace=False))
    return model


def _batches(
    data: Table, chosen: NDArray[np.int64], size: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """All of these texts, those of about the same length together, in an order of chance."""
    order = rng.permutation(chosen)
    for first in range(0, len(order), size * _POOL):
        pool = order[first : first + size * _POOL]
        pool = pool[np.argsort([len(data.rows[each]) for each in pool], kind="stable")]
        parts = [pool[at : at + size] for at in range(0, len(pool), size)]
        for number in rng.permutation(len(parts)):
            yield parts[number]


def logits(model: Model, data: Table, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """[chosen, heads]."""
    order = np.argsort([len(data.rows[each]) for each in chosen], kind="stable")
    made = np.zeros((len(chosen), model.out.out_features))
    with torch.inference_mode():
        for first in range(0, len(chosen), 512):
            part = order[first : first + 512]
            made[part] = model(*data.some(chosen[part])).numpy()
    return made


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


def vectors_alone(rows: list[NDArray[np.int32]]) -> Table:
    """Texts without n-grams, by the rows of their words in `words()`."""
    held = words().vectors.astype(np.float32) * words().scale
    means = np.array([held[each].mean(axis=0) if len(each) else held[-1] for each in rows])
    none = np.zeros(0, np.int32)
    return Table(rows, means, none, none.astype(np.float32), np.zeros(len(rows) + 1, np.int64))


def save(name: str, heads: Sequence[str], model: Model, calibration: NDArray[np.float32]) -> Path:
    """The model as the package ships it from now on; its table and filters in int8."""
    table_ = model.bags.weight.detach().numpy()
    # A few very large weights must not coarsen all others.
    scale = np.maximum(np.quantile(np.abs(table_), 0.9999, axis=0), 1e-6) / 127
    arrays: dict[str, Any] = {
        "heads": np.array(heads),
        "table": np.clip(np.round(table_ / scale), -127, 127).astype(np.int8),
        "scale": scale.astype(np.float32),
        **layers(model),
        "calibration": calibration,
    }
    place = PLACE / f"{name}.npz"
    np.savez_compressed(place, **arrays)
    _classifier.load.cache_clear()
    return place


def layers(model: Model) -> dict[str, NDArray[Any]]:
    """What `sentinel.detectors._classifier_network.Layers` tells of, its filters in int8."""
    assert model.step is not None
    first, first_unit = _filters(model.first)
    second, second_unit = _filters(model.second)
    hidden = model.hidden.weight.detach().numpy().T.astype(np.float32)
    hidden[-2 * len(first_unit) : -len(first_unit)] *= model.step
    return {
        "first": first,
        "first_scale": (first_unit * model.unit / model.step).astype(np.float32),
        "first_bias": (model.first.bias.detach().numpy() / model.step).astype(np.float32),
        "second": second,
        "second_scale": (second_unit * model.step).astype(np.float32),
        "second_bias": model.second.bias.detach().numpy(),
        "hidden": hidden,
        "hidden_bias": model.hidden.bias.detach().numpy(),
        "out": model.out.weight.detach().numpy().T.astype(np.float32),
        "bias": model.out.bias.detach().numpy(),
    }


def _filters(layer: torch.nn.Conv1d) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A rounded layer's weights [WIDTH * inputs, filters] in units [filters]."""
    weight = layer.weight.detach().numpy()
    unit = np.maximum(np.abs(weight).max(axis=(1, 2)), 1e-8) / 127
    whole = np.round(weight / unit[:, None, None]).astype(np.int8)
    return np.ascontiguousarray(whole.transpose(2, 1, 0).reshape(-1, len(unit))), unit
