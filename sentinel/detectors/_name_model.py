"""The name model at run time: hashed words and reduced word pieces, three convolutions over words, Viterbi.

The weights (`weights/names.npz`) are those that `training/names.py` writes. Sentences are read together,
with empty rows between them, so that each is read as if it were alone. A word's vector before the
convolutions, and what the first of them makes of it, do not depend on its place, so the last ones are kept.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from sentinel.detectors._name_words import hashes, kind_of, pieces

TYPES = ("PERSON", "LOCATION", "ORGANIZATION")
MOST = 400  # words read of a sentence; one of 1,000 characters seldom has so many
_AT_ONCE = 512  # rows: what the convolutions make of them stays in the processor's cache
_ROUND = (
    16  # rows are filled up to a multiple: a row's products then have the same bits whatever stands beside it
)
_KEPT = 4096  # words: 8 MB
_NEVER = -1e9
Floats = npt.NDArray[np.float32]


class Name(msgspec.Struct, frozen=True):
    """`first` and `last`: places of words, `last` the one behind the name."""

    first: int
    last: int
    type: str
    probability: float


class _Known:
    """What is kept of words, by their rows; the first row is empty. Rows are only added."""

    def __init__(self, width: int) -> None:
        self.rows: dict[str, int] = {}
        self.vectors = np.zeros((_KEPT + 1, width), np.float32)
        self.products = np.zeros((_KEPT + 1, 3 * width), np.float32)
        self.never = np.zeros(_KEPT + 1, np.bool_)  # is no part of a name


class NameModel:
    """Thread-safe: what it keeps are vectors that every thread would make alike."""

    def __init__(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        words = arrays["vocabulary"].tobytes().decode("utf-8").split("\n")
        self._vocabulary = {word: row for row, word in enumerate(words)}
        self._pieces: npt.NDArray[np.int8] = arrays["pieces"]
        self._tables = [arrays[f"table{i}"] for i in range(4)]
        self._scales: Floats = arrays["scales"]
        self._project: Floats = arrays["project"].astype(np.float32)
        self._bias: Floats = arrays["bias"]
        self._norms: Floats = arrays["norms"]
        self._width = len(self._bias)
        self._convs = [_side_by_side(conv.astype(np.float32)) for conv in arrays["convs"]]
        self._conv_biases: Floats = arrays["conv_biases"]
        self._mean = np.full(self._width, 1 / self._width, np.float32)
        # By rows: with another order the last bits would depend on what stands beside a row.
        self._out: Floats = np.ascontiguousarray(arrays["out"], np.float32)
        self._out_bias: Floats = arrays["out_bias"]
        self._calibration = [(float(slope), float(shift)) for slope, shift in arrays["calibration"]]
        self._known = _Known(self._width)
        self._adding = threading.Lock()

    @classmethod
    def shipped(cls) -> NameModel:
        with (
            resources.as_file(resources.files("sentinel.detectors") / "weights" / "names.npz") as path,
            np.load(path, allow_pickle=False) as stored,
        ):
            return cls(dict(stored))

    def names(self, sentences: Sequence[list[str]]) -> Iterator[list[Name]]:
        """Those of sentences, each of at most `MOST` words; further words are not read."""
        for group in _groups(words[:MOST] for words in sentences):
            raw, starts = self._raw(group)
            best = raw.argmax(1).tolist()
            scores = log_softmax(raw) if any(best) else raw
            for words, start in zip(group, starts, strict=True):
                labels = best[start : start + len(words)]
                if any(labels):
                    told = scores[start : start + len(words)]
                    yield self._read(told, labels if allowed(labels) else best_path(told))
                else:
                    yield []

    def scores(self, words: list[str]) -> Floats:
        """Log-probabilities [words, labels]; labels are O and for each type B and I."""
        return log_softmax(self._raw([words])[0][1 : 1 + len(words)])

    def _raw(self, group: list[list[str]]) -> tuple[Floats, list[int]]:
        """The net's answers [rows, labels], and the row where each sentence begins."""
        known, rows, starts = self._rows(group)
        width = self._width
        empty = rows == 0
        h: Floats = known.vectors[rows]
        sides: Floats = known.products[rows]
        for layer in range(len(self._convs)):
            if layer:
                sides = h @ self._convs[layer]
            made = sides[:-2, :width] + sides[1:-1, width : 2 * width]
            made += sides[2:, 2 * width :]
            made += self._conv_biases[layer]
            np.maximum(made, 0, out=made)
            h[1:-1] += made
            self._normalise(h, layer + 1)
            h[empty] = 0
        out: Floats = h @ self._out
        out += self._out_bias
        out[known.never[rows], 1:] = _NEVER
        out[empty, 1:] = _NEVER
        return out, starts

    def _rows(self, group: list[list[str]]) -> tuple[_Known, npt.NDArray[np.intp], list[int]]:
        """The rows that are known of the words, with an empty one before, between and behind sentences."""
        known = self._known
        rows = self._found(known, group)
        if None in rows:
            known = self._with(itertools.chain.from_iterable(group))
            rows = self._found(known, group)
        rows += [0] * (-len(rows) % _ROUND)
        starts = list(itertools.accumulate((len(words) + 1 for words in group), initial=1))
        return known, np.array(rows, np.intp), starts[:-1]

    @staticmethod
    def _found(known: _Known, group: list[list[str]]) -> list[int | None]:
        rows: list[int | None] = [0]
        for words in group:
            rows += map(known.rows.get, words)
            rows.append(0)
        return rows

    def _with(self, words: Iterable[str]) -> _Known:
        """What is known, the words among it."""
        words = dict.fromkeys(words)
        with self._adding:
            known = self._known
            missing = [word for word in words if word not in known.rows]
            if len(known.rows) + len(missing) > _KEPT:
                known, missing = _Known(self._width), list(words)
            if missing:
                start, end = len(known.rows) + 1, len(known.rows) + 1 + len(missing)
                vectors = self._vectors(missing)
                known.vectors[start:end] = vectors[: len(missing)]
                known.products[start:end] = (vectors @ self._convs[0])[: len(missing)]
                known.never[start:end] = [bool(kind_of(word)) for word in missing]
                known.rows.update(zip(missing, range(start, end), strict=True))  # last: others read meanwhile
            self._known = known
        return known

    def _vectors(self, words: list[str]) -> Floats:
        """What the first layer makes of words, and of no word up to a round number."""
        count = len(words) + -len(words) % _ROUND
        parts = np.zeros((count, self._pieces.shape[1]), np.float32)
        for place, word in enumerate(words):
            found = pieces(word, self._vocabulary)
            if len(found) == 1:
                parts[place] = self._pieces[found[0]]
            elif found:
                parts[place] = self._pieces[found].mean(0)
        made: Floats = parts @ self._project
        made += self._bias
        ids = np.array([hashes(word) for word in words])
        for number, (table, scale) in enumerate(zip(self._tables, self._scales, strict=True)):
            made[: len(words)] += table[ids[:, number]] * scale
        self._normalise(made, 0)
        return made

    def _normalise(self, x: Floats, layer: int) -> None:
        """Layer normalisation in place."""
        x -= (x @ self._mean)[:, None]
        spread = np.einsum("ij,ij->i", x, x)
        spread /= self._width
        spread += 1e-5
        np.sqrt(spread, out=spread)
        x /= spread[:, None]
        gain, shift = self._norms[layer]
        x *= gain
        x += shift

    def _read(self, scores: Floats, labels: list[int]) -> list[Name]:
        found: list[tuple[int, int]] = []
        kinds: list[int] = []
        for place, label in enumerate(labels):
            if label % 2:
                found.append((place, place + 1))
                kinds.append((label - 1) // 2)
            elif label:
                found[-1] = (found[-1][0], place + 1)
        names = []
        for (first, last), kind in zip(found, kinds, strict=True):
            likely = scores[first:last, 1 + 2 * kind : 3 + 2 * kind].tolist()
            least = min(math.exp(begins) + math.exp(goes_on) for begins, goes_on in likely)
            chance = min(max(least, 1e-4), 1 - 1e-4)
            slope, shift = self._calibration[kind]
            told = 1 / (1 + math.exp(-(slope * math.log(chance / (1 - chance)) + shift)))
            names.append(Name(first, last, TYPES[kind], round(told, 4)))
        return names


def _side_by_side(conv: Floats) -> Floats:
    """A convolution's matrix [3 * width, width], as what one word gives its neighbour behind, itself and its
    neighbour before [width, 3 * width]."""
    width = conv.shape[1]
    return np.ascontiguousarray(conv.reshape(3, width, width).transpose(1, 0, 2).reshape(width, 3 * width))


def _groups(sentences: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    group: list[list[str]] = []
    size = 0
    for words in sentences:
        if group and size + len(words) >= _AT_ONCE:
            yield group
            group, size = [], 0
        group.append(words)
        size += len(words) + 1
    if group:
        yield group


def log_softmax(out: Floats) -> Floats:
    made: Floats = out - out.max(1, keepdims=True)
    made -= np.log(np.exp(made).sum(1, keepdims=True))
    return made


def allowed(labels: list[int]) -> bool:
    """Whether every I follows a B or I of its type."""
    return all(
        label % 2 or not label or before in (label, label - 1)
        for before, label in zip([0, *labels], labels, strict=False)
    )


def best_path(scores: Floats) -> list[int]:
    """The likeliest labels of which every I follows a B or I of its type."""
    best = scores[0].tolist()
    best[2::2] = [_NEVER] * (len(best) // 2)
    back: list[list[int]] = []
    for now in scores[1:].tolist():
        top = max(range(len(best)), key=best.__getitem__)
        before = [top] * len(best)
        for inside in range(2, len(best), 2):
            before[inside] = inside if best[inside] > best[inside - 1] else inside - 1
        best = [best[b] + score for b, score in zip(before, now, strict=True)]
        back.append(before)
    path = [max(range(len(best)), key=best.__getitem__)]
    for before in reversed(back):
        path.append(before[path[-1]])
    return path[::-1]
