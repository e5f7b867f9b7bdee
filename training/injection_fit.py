"""The fit of the direct model of `injection`, and its calibration."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.injection_rows import Array, Readings

STRENGTH = 1.0  # inverse of the L2 penalty, chosen on left-out families
PRIOR = 0.05  # share of attacks that a probability assumes; traffic has fewer, a test set more


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


def calibration(scores: Array, labels: Array) -> Array:
    """Slope and offset that turn scores into logits of a probability, on rows that nobody trained on."""
    prior = np.where(labels == 1, PRIOR / labels.mean(), (1 - PRIOR) / (1 - labels.mean()))
    platt = LogisticRegression(C=1e4).fit(scores[:, None], labels, sample_weight=prior)
    return np.array([platt.coef_[0, 0], platt.intercept_[0]], np.float32)
