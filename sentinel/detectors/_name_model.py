"""The name model at run time: hashed words and reduced word pieces, three convolutions over words, Viterbi.

The weights (`weights/names.npz`) are those that `training/names.py` writes. A word's vector before the
convolutions does not depend on its place, so the last ones are kept.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from sentinel.detectors._name_words import WORDS, hashes, kind_of, pieces

TYPES = ("PERSON", "LOCATION", "ORGANIZATION")
MOST = 400  # words read at once; a sentence of 1,000 characters seldom has so many
_KEPT = 8192  # words: 4 MB
_NEVER = -1e9
Floats = npt.NDArray[np.float32]


class Name(msgspec.Struct, frozen=True):
    start: int
    end: int
    type: str
    probability: float


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
        self._convs: Floats = arrays["convs"].astype(np.float32)
        self._conv_biases: Floats = arrays["conv_biases"]
        self._out: Floats = arrays["out"].astype(np.float32)
        self._out_bias: Floats = arrays["out_bias"]
        self._calibration: Floats = arrays["calibration"]
        self._known: dict[str, Floats] = {}

    @classmethod
    def shipped(cls) -> NameModel:
        with (
            resources.as_file(resources.files("sentinel.detectors") / "weights" / "names.npz") as path,
            np.load(path, allow_pickle=False) as stored,
        ):
            return cls(dict(stored))

    def names(self, text: str) -> list[Name]:
        """Those of a text of at most `MOST` words; further words are not read."""
        matches = list(WORDS.finditer(text))[:MOST]
        if not matches:
            return []
        words = [match.group() for match in matches]
        raw = self._raw(words)
        labels = raw.argmax(1).tolist()
        if not any(labels):
            return []
        scores = log_softmax(raw)
        if not allowed(labels):
            labels = best_path(scores)
        return self._read(matches, scores, labels)

    def scores(self, words: list[str]) -> Floats:
        """Log-probabilities [words, labels]; labels are O and for each type B and I."""
        return log_softmax(self._raw(words))

    def _raw(self, words: list[str]) -> Floats:
        known = self._known
        vectors = {word: known.get(word) for word in words}  # at once: another thread may clear what is known
        missing = [word for word, vector in vectors.items() if vector is None]
        if missing:
            vectors |= self._vectors(missing)
        h: Floats = np.array([vectors[word] for word in words], np.float32)
        count, width = h.shape
        wide = np.zeros((count, 3, width), np.float32)
        for layer in range(len(self._convs)):
            wide[1:, 0], wide[:, 1], wide[:-1, 2] = h[:-1], h, h[1:]
            made = wide.reshape(count, -1) @ self._convs[layer]
            made += self._conv_biases[layer]
            np.maximum(made, 0, out=made)
            made += h
            h = _normed(made, self._norms[layer + 1])
        out: Floats = h @ self._out + self._out_bias
        for place, word in enumerate(words):
            if kind_of(word):
                out[place, 1:] = _NEVER
        return out

    def _vectors(self, words: list[str]) -> dict[str, Floats]:
        """What the first layer makes of words."""
        made = np.tile(self._bias, (len(words), 1))
        rows = [pieces(word, self._vocabulary) for word in words]
        parts = np.zeros((len(words), self._pieces.shape[1]), np.float32)
        for place, found in enumerate(rows):
            if found:
                parts[place] = self._pieces[found].mean(0)
        made += parts @ self._project
        ids = np.array([hashes(word) for word in words])
        for number, (table, scale) in enumerate(zip(self._tables, self._scales, strict=True)):
            made += table[ids[:, number]] * scale
        vectors = dict(zip(words, _normed(made, self._norms[0]), strict=True))
        if len(self._known) + len(words) > _KEPT:
            self._known.clear()
        self._known.update(vectors)
        return vectors

    def _read(self, matches: list[Any], scores: Floats, labels: list[int]) -> list[Name]:
        found: list[tuple[int, int]] = []  # places of words
        kinds: list[int] = []
        for place, label in enumerate(labels):
            if label % 2:
                found.append((place, place + 1))
                kinds.append((label - 1) // 2)
            elif label:
                found[-1] = (found[-1][0], place + 1)
        names = []
        for (first, last), kind in zip(found, kinds, strict=True):
            likely = np.exp(scores[first:last, 1 + 2 * kind]) + np.exp(scores[first:last, 2 + 2 * kind])
            chance = min(max(float(likely.min()), 1e-4), 1 - 1e-4)
            slope, shift = self._calibration[kind]
            told = 1 / (1 + np.exp(-(slope * np.log(chance / (1 - chance)) + shift)))
            start, end = matches[first].start(), matches[last - 1].end()
            names.append(Name(start, end, TYPES[kind], round(float(told), 4)))
        return names


def _normed(x: Floats, weights: Floats) -> Floats:
    """Layer normalisation; `weights`: gain and shift."""
    centred = x - x.mean(1, keepdims=True)
    centred /= np.sqrt(np.einsum("ij,ij->i", centred, centred) / x.shape[1] + 1e-5)[:, None]
    made: Floats = centred * weights[0] + weights[1]
    return made


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
