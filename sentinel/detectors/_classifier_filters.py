"""What the small classifiers see of the order of words: filters over three neighbouring words' vectors, and
filters over what these say of three neighbours, so that a filter of the second layer sees five words.

Of each filter the highest answer in a stretch counts, and none below zero. All arithmetic before that is in
whole numbers that single precision holds exactly, so that a stretch has one answer whatever is read with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 3  # words that a filter sees
TOP = 255  # the highest answer of the first layer


class Layer(msgspec.Struct, frozen=True):
    """`weights` [WIDTH * inputs, filters], whole numbers within a byte; a filter's answer is
    `weights @ inputs * scale + bias`."""

    weights: NDArray[np.float32]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]


class Seen(msgspec.Struct, frozen=True):
    """Stretches of words as filters see them, in rows of all their words with a row of zeros before each
    stretch and one behind the last: `words` [rows, dimensions], `first` [rows, filters], `second` [rows - 2,
    filters] (of the rows between), and `places`: of each stretch its first row and the one behind its last.
    """

    words: NDArray[np.float32]
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    places: NDArray[np.int64]


class Filters:
    """Two layers. The first tells whole numbers up to `TOP`."""

    def __init__(self, first: Layer, second: Layer) -> None:
        self._first = first
        self._second = second

    def answers(self, seen: Seen) -> NDArray[np.float32]:
        """[stretches, filters of both layers]."""
        borders = seen.places[:-1]  # the last stretch ends where the rows do, or before a row of zeros
        first = np.maximum.reduceat(seen.first, borders, axis=0)[::2]
        second = np.maximum.reduceat(seen.second, borders - 1, axis=0)[::2]
        return np.concatenate((first, self._told(second)), axis=1)

    def shares(self, seen: Seen, slope: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of one stretch, how much each word has in `slope` [filters of both layers, heads] times the
        answers, by the slope of those: [words, heads]."""
        count, heads = len(seen.words) - 2, slope.shape[1]
        filters = len(self._first.bias)
        inside = slice(1, count + 1)
        by_second = np.zeros((count + 2, heads, len(self._second.bias)), np.float32)
        second = seen.second.max(axis=0)
        of_second = slope[filters:] * self._second.scale[:, None]
        _add(by_second[inside], seen.second.argmax(axis=0), of_second, self._told(second) > 0)
        by_first = _back(by_second, self._second.weights)
        first = seen.first[inside]
        _add(by_first[inside], first.argmax(axis=0), slope[:filters], first.max(axis=0) > 0)
        by_first *= ((seen.first > 0) & (seen.first < TOP))[:, None]
        by_first *= self._first.scale
        told = _back(by_first, self._first.weights)
        shares: NDArray[np.float32] = (told @ seen.words[:, :, None])[inside, :, 0]
        return shares

    def _told(self, second: NDArray[np.float32]) -> NDArray[np.float32]:
        told: NDArray[np.float32] = np.maximum(second * self._second.scale + self._second.bias, 0.0)
        return told

    def see(self, vectors: NDArray[np.int8], bounds: NDArray[np.int32]) -> Seen:
        """`bounds`: see `_classifier_grams.sums`."""
        size = (bounds[:, 1] - bounds[:, 0]).astype(np.int64)
        ends = np.cumsum(size + 1)
        words = np.zeros((int(ends[-1]) + 1, vectors.shape[1]), np.float32)
        between = np.ones(len(words), np.bool_)
        places = np.stack((ends - size, ends), axis=1).reshape(-1)
        for low, high, start in zip(
            (ends - size).tolist(), ends.tolist(), bounds[:, 0].tolist(), strict=True
        ):
            words[low:high] = vectors[start : start + high - low]
            between[low:high] = False
        first = np.zeros((len(words), len(self._first.bias)), np.float32)
        answers = first[1:-1]
        np.matmul(_neighbours(words), self._first.weights, out=answers)
        answers *= self._first.scale
        answers += self._first.bias
        np.rint(answers, out=answers)
        np.clip(answers, 0.0, TOP, out=answers)
        first[between] = 0.0
        return Seen(words, first, _neighbours(first) @ self._second.weights, places)


def _neighbours(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row but the first and the last, it and those beside it, in one."""
    wide = rows.shape[1]
    made = np.empty((len(rows) - 2, WIDTH * wide), np.float32)
    for step in range(WIDTH):
        made[:, step * wide : (step + 1) * wide] = rows[step : len(rows) - 2 + step]
    return made


def _add(
    where: NDArray[np.float32], rows: NDArray[np.int64], slope: NDArray[np.float32], live: NDArray[np.bool_]
) -> None:
    """To `where` [rows, heads, filters] the slope [filters, heads] of each live filter, at its row."""
    filters = np.flatnonzero(live)
    where[rows[filters], :, filters] += slope[filters]


def _back(slope: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the slope of a layer's answers that of what it read: [rows, heads, filters] -> [rows, heads,
    inputs]."""
    wide = len(weights) // WIDTH
    parts = slope[1:-1] @ weights.T
    made = np.zeros((*slope.shape[:2], wide), np.float32)
    for step in range(WIDTH):
        made[step : len(slope) - 2 + step] += parts[..., step * wide : (step + 1) * wide]
    return made
