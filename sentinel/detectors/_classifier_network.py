"""The network of a small classifier: a layer of units over the mean of the words' vectors, and over what
filters find in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sentinel.detectors._classifier_filters import Filters, Layer, Seen
from sentinel.detectors._classifier_grams import means, words

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Layers(msgspec.Struct, frozen=True):
    """Two layers of filters, each `weights` [inputs, filters] int8, `scale` and `bias` [filters]; `hidden`
    [dimensions + filters, units], `hidden_bias`, `out` [units, heads]; `bias` [heads]."""

    first: NDArray[np.int8]
    first_scale: NDArray[np.float32]
    first_bias: NDArray[np.float32]
    second: NDArray[np.int8]
    second_scale: NDArray[np.float32]
    second_bias: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> Layers:
        """Those of a file that are called so behind the prefix. Raises KeyError."""
        return cls(**{name: arrays[prefix + name] for name in cls.__struct_fields__})


class Network:
    """Words are told by `rows` [words] of their vectors in `words()`."""

    def __init__(self, layers: Layers) -> None:
        dimensions = words().vectors.shape[1]
        self._by_mean = layers.hidden[:dimensions] * words().scale
        self._by_filter = layers.hidden[dimensions:]
        self._hidden_bias = layers.hidden_bias
        self._out = layers.out
        self._bias = layers.bias
        self._filters = Filters(
            Layer(layers.first.astype(np.float32), layers.first_scale, layers.first_bias),
            Layer(layers.second.astype(np.float32), layers.second_scale, layers.second_bias),
        )

    def logits(self, rows: NDArray[np.int32], bounds: NDArray[np.int32]) -> NDArray[np.float32]:
        """Of stretches of these words, see `_classifier_grams.sums`: [stretches, heads]."""
        vectors = _vectors(rows)
        units = self._units(self._filters.see(vectors, bounds), vectors, bounds)
        answers: NDArray[np.float32] = np.maximum(units, 0.0) @ self._out + self._bias
        return answers

    def shares(self, rows: NDArray[np.int32], heads: NDArray[np.int32]) -> NDArray[np.float32]:
        """Each word's share of these heads' logits of all words as one stretch, by the slope of the units:
        [words, asked]."""
        vectors, count = _vectors(rows), len(rows)
        whole = np.array([[0, count]], np.int32)
        seen = self._filters.see(vectors, whole)
        out = self._out[:, heads] * (self._units(seen, vectors, whole)[0] > 0)[:, None]
        by_mean: NDArray[np.float32] = vectors[:-1] @ (self._by_mean @ out) / count
        return by_mean + self._filters.shares(seen, self._by_filter @ out)

    def _units(self, seen: Seen, vectors: NDArray[np.int8], bounds: NDArray[np.int32]) -> NDArray[np.float32]:
        """What the units add up to: [stretches, units]."""
        units: NDArray[np.float32] = means(vectors, bounds) @ self._by_mean
        units += self._filters.answers(seen) @ self._by_filter
        units += self._hidden_bias
        return units


def _vectors(rows: NDArray[np.int32]) -> NDArray[np.int8]:
    """With one more, which says nothing."""
    table = words().vectors
    return table.take(np.append(rows, len(table) - 1), axis=0)
