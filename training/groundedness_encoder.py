"""Whether the sentence encoder tells more of groundedness than words do: `python -m
training.groundedness_encoder --data DIR`.

Each word of an answer is laid beside the nearest word of its documents, by the token states of one layer of
the base encoder (without adapters, so heads may be trained anew), and what that shows joins the features of
`training.groundedness`. Prints figures with and without, and ships nothing: see docs/models/groundedness.md.
Needs `sentinel-sidecar[models]`, scikit-learn and the base encoder; some minutes of one core.
"""

from __future__ import annotations

import argparse
import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from sentinel.detectors._grounding import Source, readings
from sentinel.detectors._grounding_model import features
from sentinel.detectors._wording import Token, tokens
from sentinel.models import _bert, _processor, _runtime, _safetensors
from sentinel.models.prepare import base_folder
from training.groundedness import (
    LIMIT,
    REPORTED,
    TRAINED,
    UNTUNED,
    Row,
    Table,
    crossed,
    fit,
    made,
    rows,
    scores,
)

WINDOW = 96  # tokens, as the encoder reads texts
MADE_OF = 3  # every third text of the made pairs: enough to tell, and quicker
_CENTRE = 100  # texts whose mean state is taken from all
_console = Console()


class Words(msgspec.Struct, frozen=True, eq=False):
    """The words of a text that carry meaning, and their states (words, H), of length 1."""

    tokens: tuple[Token, ...]
    states: NDArray[Any]


class Encoder:
    """Word states by the first `layer` layers of the base, in int8 as it would be served."""

    def __init__(self, folder: Path, layer: int) -> None:
        shape = msgspec.json.decode((folder / "config.json").read_bytes(), type=_bert.Shape)
        held = _safetensors.read(folder / "model.safetensors", "--base")
        weights = {name.removeprefix("bert."): value for name, value in held.items()}
        graph = _bert.lower(shape, weights, _bert.Taps((layer,), (layer,)), None, _processor.stored())
        self._session = _runtime.session(onnxruntime, graph, "cpu", 1, "--base")
        self._tokenizer = _runtime.tokenizer(folder / "tokenizer.json", "--base")
        self._mean: Any = 0.0

    def centre(self, texts: Sequence[str]) -> None:
        """Takes the mean state of these texts from all: without it every word is near to every other."""
        self._mean = np.concatenate([states for _, states in self._read(texts)]).mean(0)

    def words(self, text: str) -> Words:
        """Of a text as far as `MAX_WINDOWS` windows reach."""
        known = [token for token in tokens(text) if token.content]
        starts = [token.start for token in known]
        found: dict[int, tuple[Token, NDArray[Any]]] = {}
        for window, states in self._read([text]):
            begins, ends = np.array(window.offsets).T
            last = bisect_left(starts, int(ends.max()))
            for token in known[bisect_left(starts, int(begins[ends > begins].min(initial=len(text)))) : last]:
                inside = (begins < token.end) & (ends > token.start) & (ends > begins)
                if inside.any():
                    found[token.start] = token, states[inside].mean(0) - self._mean
        pairs = [found[start] for start in sorted(found)]
        stacked = np.array([state for _, state in pairs]).reshape(len(pairs), -1)
        lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
        return Words(tuple(token for token, _ in pairs), stacked / np.maximum(lengths, 1e-6))

    def _read(self, texts: Sequence[str]) -> list[tuple[_runtime.Window, NDArray[Any]]]:
        """The windows of all texts, and their token states (S, H)."""
        windows = _runtime.windows(self._tokenizer, texts, WINDOW)
        found = _runtime.run(self._session, windows, ["state"])
        states = [row[0][: len(window.ids)] for window, row in zip(windows, found, strict=True)]
        return list(zip(windows, states, strict=True))


def beside(claim: Words, given: Words, source: Source) -> list[float]:
    """What a sentence's words show beside the nearest words of the documents: how near on the whole and at
    worst, how near the same word stands there, by kind and by whether the word is new, and whether the
    nearest words stand together."""
    if not claim.tokens or not given.tokens:
        return [0.0] * 26
    near = claim.states @ given.states.T
    best, place = near.max(1), near.argmax(1)
    weight = np.array([source.weight(token.stem) for token in claim.tokens])
    share = weight / weight.sum()
    far = 1 - best
    stems = np.array([token.stem for token in given.tokens])
    own = np.array([token.stem for token in claim.tokens])
    same = [near[i, stems == stem].max() for i, stem in enumerate(own) if (stems == stem).any()]
    shown = [share @ best, best.min(), np.sort(best)[:3].mean(), far.sum() / 10]
    shown += [share @ np.sort(near, 1)[:, -3:].mean(1)]
    shown += [min(same), np.mean(same), (1 - np.array(same)).sum() / 10] if same else [0.5, 0.5, 0.0]
    new = np.array([token.stem not in source.places for token in claim.tokens])
    kind = np.array([0 if t.value is not None else 1 if t.name else 2 for t in claim.tokens])
    for each in range(3):
        for fresh in (False, True):
            chosen = (kind == each) & (new == fresh)
            shown += [far[chosen].sum(), far[chosen].max(initial=0.0)]
    telling = new & (kind == 2) & ~np.array([token.common for token in claim.tokens])
    starts = np.array([token.start for token in given.tokens])[place]
    jumps = np.abs(np.diff(starts)) if len(starts) > 1 else np.zeros(1)
    other = (stems[place] != own) & ~new
    shown += [(far * weight)[telling].sum() / 5, np.log1p(jumps).mean(), (jumps > 200).mean()]
    shown += [starts.std() / 1000, other.sum(), other.mean()]
    return [float(value) for value in shown]


def table(found: Sequence[Row], encoder: Encoder, title: str) -> tuple[Table, Table]:
    """The sentences of some answers: by words alone, and with the encoder."""
    lexical: list[list[float]] = []
    more: list[list[float]] = []
    answer: list[int] = []
    known: dict[str, Words] = {}
    for index, row in enumerate(track(found, title, console=_console)):
        source, asked = Source([row.context], LIMIT), Source([row.question], LIMIT)
        if row.context not in known:
            known[row.context] = encoder.words(row.context)
        said = encoder.words(row.answer)
        for reading in readings(row.answer, source, asked):
            mine = [i for i, t in enumerate(said.tokens) if reading.start <= t.start < reading.end]
            claim = Words(tuple(said.tokens[i] for i in mine), said.states[mine])
            lexical.append(features(reading))
            more.append(beside(claim, known[row.context], source))
            answer.append(index)
    y, cluster = np.array([row.label for row in found]), np.array([row.cluster for row in found])
    plain = Table(np.array(lexical), np.array(answer), y, cluster)
    return plain, msgspec.structs.replace(plain, x=np.hstack([plain.x, np.array(more)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--base", help="the base encoder (default: the installed package)")
    parser.add_argument("--layer", type=int, default=3, help="whose token states are compared")
    parser.add_argument("--sets", nargs="+", default=[*REPORTED, "made"], help="what is read")
    arguments = parser.parse_args()
    encoder = Encoder(base_folder(arguments.base, "--base"), arguments.layer)
    answers = {name: _answers(arguments.data, name) for name in arguments.sets}
    encoder.centre([row.context for row in next(iter(answers.values()))][:_CENTRE])
    both = {name: table(each, encoder, name) for name, each in answers.items()}
    for index, kind in enumerate(("words", "words and encoder")):
        tables = {name: pair[index] for name, pair in both.items()}
        for name in [each for each in REPORTED if each in tables]:
            own = tables[name]
            others = [each for other, each in tables.items() if other not in (name, UNTUNED)]
            if others:
                _console.print(kind, name, "left out", *scores(own.y, fit(others).probabilities(own)))
            if name in TRAINED:
                _console.print(kind, name, "held out", *scores(own.y, crossed(own, others)))


def _answers(data: Path, name: str) -> list[Row]:
    return rows(data, name) if name != "made" else [row for row in made(data, 0) if _third(row.context)]


def _third(context: str) -> bool:
    return hashlib.sha256(context.encode()).digest()[0] % MADE_OF == 0


if __name__ == "__main__":
    main()
