"""The arithmetic of `_classifier_grams` and `_classifier_network`, compiled; see `_kernel`."""

from __future__ import annotations

import ctypes
from ctypes import c_int32 as _int
from ctypes import c_void_p as _at
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from sentinel.detectors._classifier_filters import WIDTH
from sentinel.detectors._classifier_grams import BITS, Book, words
from sentinel.detectors._classifier_network import Layers
from sentinel.detectors._classifier_words import encoded, word_kinds
from sentinel.detectors._kernel import LIBRARY, at

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RUN: Any = LIBRARY  # who imports this has seen that it is there
_MOST = 4096  # characters, with a blank before and behind
_MOST_HEADS = 16
_WIDEST = 256  # dimensions, filters
_BLOCK = 16  # filters
_BEGINS = 12  # highest bits of a hash


class _Words(ctypes.Structure):
    _fields_ = (("kinds", _at), ("hashes", _at), ("clusters", _at), ("begins", _at), ("known", _int))


class _Book(ctypes.Structure):
    _fields_ = (
        *((name, _at) for name in ("starts", "ends", "rows", "gram_ends", "own", "pairs", "grams")),
        ("count", _int),
    )


class _Network(ctypes.Structure):
    _fields_ = (
        *((name, _at) for name in ("vectors", "first", "second")),
        *((name, _at) for name in ("first_scale", "first_bias", "second_scale", "second_bias")),
        *((name, _at) for name in ("by_mean", "by_filter", "hidden_bias", "out", "bias")),
        *((name, _int) for name in ("dimensions", "filters", "units", "heads")),
    )


class Kept:
    """A structure, at `address`, with the arrays that it points into."""

    __slots__ = ("_arrays", "_structure", "address")

    def __init__(self, structure: ctypes.Structure, arrays: tuple[NDArray[Any], ...]) -> None:
        self._structure = structure
        self._arrays = arrays
        self.address = ctypes.addressof(structure)


@cache
def known_words() -> Kept:
    known = words()
    _check("a table of words", known.clusters.shape, (len(known.hashes) + 1,))
    begins = np.searchsorted(
        known.hashes, np.arange(1 << _BEGINS, dtype=np.uint64) << np.uint64(64 - _BEGINS)
    )
    arrays: tuple[NDArray[Any], ...] = (
        word_kinds(),
        np.ascontiguousarray(known.hashes),
        known.clusters,
        np.append(begins, len(known.hashes)).astype(np.int32),
    )
    return Kept(_Words(*map(at, arrays), len(known.hashes)), arrays)


def read(text: str) -> Book:
    """See `_classifier_grams.read`."""
    codes = encoded(text)
    count = len(codes) // 4
    if count > _MOST:
        raise ValueError(f"a text of {count - 2} characters; the kernel reads {_MOST - 2}")
    # Four columns of 32 bits, of which one has an entry more, and eight of 16.
    wide, narrow = np.empty(4 * count + 1, np.int32), np.empty(8 * count, np.uint16)
    begin, half = at(wide), at(narrow)
    places = (begin + 4 * count * column for column in range(4))
    book = _Book(*places, half, half + 2 * count, half + 10 * count)
    kept = Kept(book, (wide, narrow))
    _RUN.sentinel_read(known_words().address, codes, count, kept.address)
    made = book.count
    starts, ends, rows = (wide[column * count : column * count + made] for column in range(3))
    gram_ends = wide[3 * count : 3 * count + made + 1]
    pairs = narrow[count : count + 4 * made].reshape(2, 2, made)
    grams = narrow[5 * count : 5 * count + int(gram_ends[-1])]
    return Book(starts, ends, rows, narrow[:made], pairs, grams, gram_ends, kept)


def rows_of(texts: list[str]) -> NDArray[np.int32]:
    """See `_classifier_grams.rows_of`."""
    codes = "".join(texts).encode("utf-32-le", "surrogatepass")
    sizes, rows = np.array([*map(len, texts)], np.int32), np.empty(len(texts), np.int32)
    _RUN.sentinel_rows(known_words().address, codes, at(sizes), len(texts), at(rows))
    return rows


class Hashed:
    """See `_classifier_grams.Hashed`."""

    def __init__(self, table: NDArray[np.int8]) -> None:
        """Raises ValueError for a table that the kernel cannot read."""
        count = table.shape[1]
        _check("a table", table.shape, (1 << BITS, min(count, _MOST_HEADS)))
        # One row is read at once, and such a row never lies in two lines of the processor's cache.
        stride = 1 << (count - 1).bit_length()
        self._table = np.zeros((len(table), stride), np.int8)
        self._table[:, :count] = table
        self._at = at(self._table), stride
        self._heads = count

    def logits(self, book: Book, bounds: NDArray[np.int32]) -> NDArray[np.float64]:
        made = np.empty((len(bounds), self._heads))
        of = book.compiled.address
        _RUN.sentinel_hashed(*self._at, self._heads, of, at(bounds), len(bounds), at(made))
        return made

    def shares(self, book: Book, place: tuple[int, int], heads: NDArray[np.int32]) -> NDArray[np.float64]:
        made = np.empty((place[1] - place[0], len(heads)))
        _RUN.sentinel_hashed_shares(*self._at, book.compiled.address, *place, at(heads), len(heads), at(made))
        return made


class Network:
    """See `_classifier_network.Network`."""

    def __init__(self, layers: Layers) -> None:
        """Raises ValueError for layers that do not fit together, or that the kernel has no room for."""
        known = words()
        dimensions, filters = known.vectors.shape[1], -(-len(layers.first_bias) // _BLOCK) * _BLOCK
        if max(dimensions, filters) > _WIDEST or dimensions % 2:
            raise ValueError(f"{dimensions} dimensions, {filters} filters; the kernel takes {_WIDEST}")
        _check("vectors", known.vectors.shape, (len(known.hashes) + 1, dimensions))
        _check_layers(layers, dimensions)
        self._heads = layers.out.shape[1]
        more = filters - len(layers.first_bias)
        of_filters = (layers.first_scale, layers.first_bias, layers.second_scale, layers.second_bias)
        by_first, by_second = np.split(layers.hidden[dimensions:], 2)
        others = (
            *(np.pad(each, (0, more)) for each in of_filters),
            layers.hidden[:dimensions] * known.scale,
            np.concatenate([np.pad(each, ((0, more), (0, 0))) for each in (by_first, by_second)]),
            *(layers.hidden_bias, layers.out, layers.bias),
        )
        arrays: tuple[NDArray[Any], ...] = (
            known.vectors,
            _in_twos(layers.first, dimensions, filters),
            _in_twos(layers.second, filters, filters),
            *(np.ascontiguousarray(each, np.float32) for each in others),
        )
        sizes = dimensions, filters, layers.hidden.shape[1], self._heads
        self._kept = Kept(_Network(*map(at, arrays), *sizes), arrays)

    def logits(self, rows: NDArray[np.int32], bounds: NDArray[np.int32]) -> NDArray[np.float32]:
        made = np.empty((len(bounds), self._heads), np.float32)
        if not _RUN.sentinel_network(self._kept.address, at(rows), at(bounds), len(bounds), at(made)):
            raise MemoryError
        return made

    def shares(self, rows: NDArray[np.int32], heads: NDArray[np.int32]) -> NDArray[np.float32]:
        made = np.empty((len(rows), len(heads)), np.float32)
        if not _RUN.sentinel_shares(self._kept.address, at(rows), len(rows), at(heads), len(heads), at(made)):
            raise MemoryError
        return made


def _check(what: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(f"{what} of {shape}; the kernel takes {expected}")


def _check_layers(layers: Layers, dimensions: int) -> None:
    filters, units, heads = len(layers.first_bias), len(layers.hidden_bias), len(layers.bias)
    expected = {
        "first": (WIDTH * dimensions, filters),
        "second": (WIDTH * filters, filters),
        **dict.fromkeys(("first_scale", "first_bias", "second_scale", "second_bias"), (filters,)),
        "hidden": (dimensions + 2 * filters, units),
        "hidden_bias": (units,),
        "out": (units, heads),
        "bias": (heads,),
    }
    for name, shape in expected.items():
        _check(name, getattr(layers, name).shape, shape)


def _in_twos(weights: NDArray[np.int8], inputs: int, filters: int) -> NDArray[np.int16]:
    """Filled up with zeros to so many inputs of each word and so many filters; of each two inputs the weights
    of all filters: [WIDTH * inputs / 2, filters, 2]."""
    by_word = weights.reshape(WIDTH, -1, weights.shape[1]).astype(np.int16)
    missing = inputs - by_word.shape[1], filters - by_word.shape[2]
    full = np.pad(by_word, ((0, 0), (0, missing[0]), (0, missing[1])))
    return np.ascontiguousarray(full.reshape(-1, 2, filters).transpose(0, 2, 1))
