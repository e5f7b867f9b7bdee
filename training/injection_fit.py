"""The fit of the direct model of `injection`: a linear model, a network, and a calibration of both."""

from __future__ import annotations

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression

from sentinel.detectors._injection_model import HARMLESS
from training import _classifier
from training.injection_rows import ATTACK_SOURCES, Array, Readings

STRENGTH = 1.0  # inverse of the L2 penalty, chosen on left-out families
PRIOR = 0.05  # share of attacks that a probability assumes; traffic has fewer, a test set more
# The network reads word vectors alone: n-grams are the linear model's.
_NETWORK = _classifier.Settings(epochs=10, dropped=1.0, hidden=0.2)
_OF_NETWORK = 0.35  # of the logit, chosen on left-out families
_SINGLE = 3.0  # how much a text that was written by itself counts against one of a template


class Fitted(msgspec.Struct, frozen=True):
    """`scale` [2]: see `sentinel.detectors._injection_model.Weights`; `together`: slope, offset and share of
    its `Beside`."""

    linear: LogisticRegression
    network: _classifier.Model
    scale: Array
    together: Array

    def logits(self, told: Readings) -> Array:
        """Of all readings."""
        return _mixed(told, _answers(self.linear, self.network, told), self.scale, self.together)


def fit(told: Readings, rows: Array) -> Fitted:
    """Fitted on these rows but for what is kept out, and calibrated on those of them that are."""
    kept = told.trained_on(rows & ~told.kept_out)
    labels, groups = told.labels[told.owner], told.groups[told.owner]
    linear = LogisticRegression(C=STRENGTH, max_iter=300)
    linear.fit(told.matrix[kept], labels[kept], sample_weight=weights(labels[kept], groups[kept]))
    read = kept & told.by_network
    weight = np.zeros(len(read), np.float32)
    weight[read] = weights(labels[read], groups[read])
    targets = labels[:, None].astype(np.float32)
    network = _classifier.fit(told.table, np.flatnonzero(read), targets, weight, _NETWORK)
    answers = _answers(linear, network, told)
    unseen = rows & told.kept_out
    scale, alone = (_calibration(told, each, unseen) for each in answers)
    share = 1 - _OF_NETWORK
    together = np.array([share * scale[0], share * scale[1] + _OF_NETWORK * alone[1], _OF_NETWORK * alone[0]])
    slope, offset = _calibration(told, _mixed(told, answers, scale, together), unseen)
    scale, together = slope * scale + [0.0, offset], slope * together + [0.0, offset, 0.0]
    return Fitted(linear, network, scale.astype(np.float32), together.astype(np.float32))


def _answers(linear: LogisticRegression, network: _classifier.Model, told: Readings) -> tuple[Array, Array]:
    every = np.arange(len(told.readings))
    return linear.decision_function(told.matrix), _classifier.logits(network, told.table, every)[:, 0]


def _mixed(told: Readings, answers: tuple[Array, Array], scale: Array, together: Array) -> Array:
    linear, network = answers
    alone: Array = scale[0] * linear + scale[1]
    first = together[0] * linear + together[1]
    both = first + together[2] * network
    both = np.where(told.formed, np.maximum(alone, both), both)
    return np.where(told.by_network & (first >= HARMLESS), both, alone)


def weights(labels: Array, groups: Array) -> Array:
    """Each group counts by the square root of its size, more where no template made it, and both labels
    alike."""
    each = np.zeros(len(labels))
    for label in (0, 1):
        for group in set(groups[labels == label]):
            one = (labels == label) & (groups == group)
            single = group.startswith("written/") or group in ATTACK_SOURCES
            each[one] = one.sum() ** -0.5 * (_SINGLE if single else 1.0)
        each[labels == label] *= len(labels) / 2 / each[labels == label].sum()
    return each


def _calibration(told: Readings, answers: Array, rows: Array) -> Array:
    """Slope and offset that turn readings' answers into logits of a probability, on rows that nobody trained
    on."""
    scores, labels = told.highest(answers)[rows], told.labels[rows]
    prior = np.where(labels == 1, PRIOR / labels.mean(), (1 - PRIOR) / (1 - labels.mean()))
    platt = LogisticRegression(C=1e4).fit(scores[:, None], labels, sample_weight=prior)
    return np.array([platt.coef_[0, 0], platt.intercept_[0]])
