"""Fitting and judging linear heads over the encoder's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_L2 = 1e-3  # less gains on the sources that are known, and loses on those left out
_EPOCHS, _MORE_EPOCHS = 5, 1
_BATCH, _RATE = 512, 0.02
_SCALE = 20.0  # of standardised features, so that one L2 fits any number of them


class Windows:
    """Features (N, F) of windows, and the index of the row that each is a part of."""

    def __init__(self, features: Array, owners: Array, count: int) -> None:
        self.owners, self.count = owners, count
        self.mean = features.mean(0, dtype=np.float64).astype(np.float32)
        spread = features.std(0, dtype=np.float64).astype(np.float32) + 1e-3
        self.factor = (_SCALE / features.shape[1] ** 0.5 / spread).astype(np.float32)
        self.features = (features - self.mean) * self.factor

    def highest(self, logits: Array) -> Array:
        """Of each row the highest of its windows' logits (N, K) -> (rows, K)."""
        best = np.full((self.count, logits.shape[1]), -1e9, np.float32)
        np.maximum.at(best, self.owners, logits)
        return best

    def unscaled(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Heads over the encoder's own features."""
        plain = weight * self.factor[:, None]
        return plain, bias - self.mean @ plain


def fit(windows: Windows, targets: Array, weights: Array, rows: Array) -> tuple[Array, Array]:
    """Weight (F, K), bias (K,) from rows (a mask); `targets` (rows, K): NaN where a row is silent.

    A row that is bad may be so in one window only: after a first fit over all windows, a bad row counts in
    its worst window.
    """
    inside = (rows & ~np.isnan(targets).all(1))[windows.owners]
    features, owners = windows.features[inside], windows.owners[inside]
    share = 1.0 / np.maximum(np.bincount(windows.owners, minlength=windows.count), 1)
    wanted = targets[owners]
    known = ~np.isnan(wanted) * (weights * share[:, None])[owners]
    heads = _Logistic(features, np.nan_to_num(wanted))
    heads.learn(known, _EPOCHS)
    for _ in range(2):
        logits = heads.logits()
        best = np.full((windows.count, logits.shape[1]), -1e9, np.float32)
        np.maximum.at(best, owners, logits)
        # A harmless row is harmless in each window, and its worst one teaches most.
        worst = logits >= best[owners]
        heads.learn(known * np.where(wanted == 1, worst, 0.5 + worst), _MORE_EPOCHS)
    return heads.weight.detach().numpy(), heads.bias.detach().numpy()


class _Logistic:
    """Logistic regressions, all heads at once, by Adam over batches in a fixed order of chance."""

    def __init__(self, features: Array, targets: Array) -> None:
        import torch

        self._torch: Any = torch
        self._x = torch.from_numpy(features)
        self._t = torch.from_numpy(targets.astype(np.float32))
        self.weight = torch.zeros(self._x.shape[1], self._t.shape[1], requires_grad=True)
        self.bias = torch.zeros(self._t.shape[1], requires_grad=True)
        self._generator = torch.Generator().manual_seed(1)

    def learn(self, weights: Array, epochs: int) -> None:
        torch = self._torch
        count = len(self._x)
        share = torch.from_numpy((weights / np.maximum(weights.mean(0), 1e-12)).astype(np.float32))
        optimiser = torch.optim.Adam([self.weight, self.bias], lr=_RATE)
        steps = epochs * -(-count // _BATCH)
        slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(epochs):
            order = torch.randperm(count, generator=self._generator)
            for first in range(0, count, _BATCH):
                chosen = order[first : first + _BATCH]
                z = self._x[chosen] @ self.weight + self.bias
                each = torch.nn.functional.binary_cross_entropy_with_logits(
                    z, self._t[chosen], reduction="none"
                )
                loss = (each * share[chosen]).mean(0).sum() + _L2 * (self.weight * self.weight).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                slower.step()

    def logits(self) -> Array:
        with self._torch.inference_mode():
            found: Array = (self._x @ self.weight + self.bias).numpy()
        return found


def balanced(targets: Array, sources: Sequence[str], own: Array) -> Array:
    """Weights (rows, K): a source counts as the root of its size, and its two labels each as the root of
    theirs, so that neither the largest source nor its larger half rules."""
    weights = np.zeros(targets.shape)
    names = np.array(sources)
    for name in sorted(set(sources)):
        here = names == name
        for column in range(targets.shape[1]):
            for label in (0, 1):
                chosen = here & (targets[:, column] == label)
                if chosen.any():
                    weights[chosen, column] = own[chosen] * chosen.sum() ** -0.5
    for column in range(targets.shape[1]):  # and both labels weigh the same over all sources
        for label in (0, 1):
            chosen = targets[:, column] == label
            weights[chosen, column] /= max(weights[chosen, column].sum(), 1e-9)
    return weights


def calibrate(logits: Array, labels: Array, weights: Array) -> tuple[float, float]:
    """Platt's a and b, for 1 / (1 + exp(-(a z + b))), by Newton's method; a stays positive."""
    a, b = 1.0, 0.0
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-np.clip(a * logits + b, -30, 30)))
        gap, bend = weights * (p - labels), weights * np.maximum(p * (1 - p), 1e-6)
        gradient = np.array([(gap * logits).sum(), gap.sum()])
        hessian = np.array(
            [[(bend * logits**2).sum(), (bend * logits).sum()], [(bend * logits).sum(), bend.sum()]]
        )
        step = np.linalg.solve(hessian + 1e-6 * np.eye(2), gradient)
        a, b = a - float(np.clip(step[0], -1, 1)), b - float(np.clip(step[1], -2, 2))
        a = max(a, 0.05)
    return float(a), float(b)


def auc(labels: Array, scores: Array) -> float:
    """Area under the ROC curve; ties count half. NaN when a label is missing."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    _, first, counts = np.unique(ordered, return_index=True, return_counts=True)
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat(first + (counts + 1) / 2.0, counts)
    bad = labels == 1
    positives, negatives = int(bad.sum()), int((~bad).sum())
    if not positives or not negatives:
        return float("nan")
    return float((ranks[bad].sum() - positives * (positives + 1) / 2) / (positives * negatives))
