"""The heads of the sentence encoder: `python -m training.encoder --data DIR`.

Every text goes once through the encoder as it is served (int8, the layers that the heads read, with the
adapters of `training.adapters`), and linear heads are fitted on what comes out. Written are
`sentinel/models/weights/encoder.npz` and the generated part of `docs/models/encoder.md`: figures on
clusters that were held out, and on each source as if it had not been there. Needs
`sentinel-sidecar[models]`, torch, and the base encoder; some minutes on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from sentinel.evaluation.split import held_out
from sentinel.models import _adapters, _bert, _processor, _runtime, _safetensors
from sentinel.models._weights import BUNDLED, PROBE, Head, Meta, read_heads, write_heads
from sentinel.models.encoder import WINDOW
from sentinel.models.prepare import base_folder
from training import encoder_card, way_back
from training.encoder_data import HEADS, Row, read, rows
from training.encoder_heads import Windows, balanced, calibrate, fit

BASE = "sentence-transformers/all-MiniLM-L6-v2"
TAPS = _bert.Taps(means=(1, 2, 3, 4), maxima=(4,))
_MOST_WINDOWS = 5  # of one text
_CHUNK = 2000
_BACK = 2000  # harmless texts that the way back is found from
FLAGGED = 0.8  # the score from which rules/toxicity.yaml and its like act
_FLAGGED_KINDS = {"THREAT": 0.5}  # where they act from another one
_MOST_SHIFT = 3.0
GROUPS = "toxigen_safenlp"
_console = Console()
Array = NDArray[Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--base", help="the base encoder (default: the installed package)")
    parser.add_argument(
        "--adapters", type=Path, help="as `training.adapters` wrote them; absent: as they ship"
    )
    parser.add_argument("--cache", type=Path, help="folder for features, to be used again")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    arguments = parser.parse_args()
    every = rows(arguments.data)
    adapters = read_adapters(arguments.adapters)
    encoder = Encoder(base_folder(arguments.base, "--base"), arguments.cache, adapters)
    harmless = [row.text for row in every if row.source in encoder_card.BENIGN and not held_out(row.cluster)]
    encoder.find_back(harmless[:: max(1, len(harmless) // _BACK)])
    windows = encoder.windows([row.text for row in every])
    names = list(HEADS)
    targets = np.array([[row.targets.get(name, np.nan) for name in names] for row in every])
    weights = balanced(targets, [row.source for row in every], np.array([row.weight for row in every]))
    trained = np.array([not held_out(row.cluster) for row in every])
    heads = _calibrated(windows, targets, weights, trained, every)
    weight, bias = fit(windows, targets, weights, trained)
    logits = windows.highest(windows.features @ weight + bias)
    plain = _bert.Heads(*windows.unscaled(weight, bias))
    write_heads(arguments.out, Meta(BASE, TAPS, heads), plain, encoder.probe(), adapters, encoder.back)
    card = encoder_card.Figures(every, names, targets, logits, heads, ~trained)
    # Adapters have learned from every source: to leave one out is theirs (`training.adapters --without`).
    sources = [] if adapters else card.left_out_sources()
    for source in track(sources, "each source left out", console=_console):
        others = trained & np.array([row.source != source for row in every])
        columns = card.judged_columns(source)
        left = fit(windows, targets[:, columns], weights[:, columns], others)
        card.left_out(source, columns, windows.highest(windows.features @ left[0] + left[1]))
    items = list(read(arguments.data, "bias", "bbq"))[::4]
    asked = encoder.windows([item["text"] for item in items], like=windows)
    card.groups([item["category"] for item in items], asked.highest(asked.features @ weight + bias))
    encoder_card.write(card.tables())
    _console.print(f"{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB")


def read_adapters(path: Path | None) -> _adapters.Adapters:
    """Those of the shipped file without a path."""
    if path is None:
        return read_heads(None, "--adapters").adapters
    with np.load(path, allow_pickle=False) as held:
        return _adapters.adapters(held)


def calibrates(cluster: str) -> bool:
    """Whether rows of this cluster calibrate the heads: a fifth, which the adapters do not learn from."""
    return bool(cluster) and hashlib.sha256(cluster.encode()).digest()[0] % 5 == 0


def _calibrated(
    windows: Windows, targets: Array, weights: Array, trained: Array, every: Sequence[Row]
) -> tuple[Head, ...]:
    """Each head with a calibration on a fifth of the trained clusters that a first fit did without."""
    kept = np.array([calibrates(row.cluster) for row in every])
    weight, bias = fit(windows, targets, weights, trained & ~kept)
    logits = windows.highest(windows.features @ weight + bias)
    sources = np.array([row.source for row in every])
    abuse = targets[:, list(HEADS).index("toxic")] == 1
    return tuple(
        _head(name, logits[:, column], targets[:, column], weights[:, column], trained & kept, sources, abuse)
        for column, name in enumerate(HEADS)
    )


def _head(
    name: str, logits: Array, targets: Array, weights: Array, unseen: Array, sources: Array, abuse: Array
) -> Head:
    """With a calibration on unseen rows, as the head's sources weigh.

    Nobody knows how many bad texts there are, so that share is chosen: with it the score that our rules flag
    is reached by one benign text in 200, by one in ten of harmless texts that speak of a group, and for a
    kind of abuse by one in twenty texts that are abuse of another kind.
    """
    detector, type_, role, whole = HEADS[name]
    known = unseen & ~np.isnan(targets)
    a, b = calibrate(logits[known], targets[known], weights[known] / weights[known].mean())
    harmless = known & (targets == 0)
    highest = np.quantile(logits[harmless & np.isin(sources, encoder_card.BENIGN)], 0.995)
    for others, below in ((sources == GROUPS, 0.9), (abuse, 0.95)):
        if detector == "toxicity" and (harmless & others).any():
            highest = max(highest, np.quantile(logits[harmless & others], below))
    score = _FLAGGED_KINDS.get(type_, FLAGGED)
    flagged = float(np.log(score / (1 - score)) - (a * highest + b))
    b += float(np.clip(flagged, -_MOST_SHIFT, _MOST_SHIFT))
    return Head(detector, type_, a, b, role, whole)  # type: ignore[arg-type]


class Encoder:
    """The lower half of the encoder without heads, and features that are kept by their texts' hash."""

    def __init__(self, folder: Path, cache: Path | None, adapters: _adapters.Adapters) -> None:
        self._cache = cache or Path(tempfile.gettempdir()) / "sentinel-training"
        self._tokenizer = _runtime.tokenizer(folder / "tokenizer.json", "--base")
        self._shape = msgspec.json.decode((folder / "config.json").read_bytes(), type=_bert.Shape)
        self._base, self._adapters = _safetensors.read(folder / "model.safetensors"), adapters
        self.back: Array | None = None
        self._stored = _processor.stored()
        weights = _adapters.merged(self._base, adapters)
        lower = _bert.lower(self._shape, weights, TAPS, None, self._stored)
        upper = _bert.upper(self._shape, weights, TAPS, self._stored)
        self._digest = hashlib.sha256(lower)
        self._lower = _runtime.session(onnxruntime, lower, "cpu", 1, "--base")
        self._upper = _runtime.session(onnxruntime, upper, "cpu", 1, "--base")

    def find_back(self, texts: Sequence[str]) -> None:
        """From these texts, where there are adapters."""
        if not self._adapters:
            return
        lower = _bert.lower(self._shape, self._base, TAPS, None, self._stored)
        plain = _runtime.session(onnxruntime, lower, "cpu", 1, "")
        chosen = _runtime.windows(self._tokenizer, texts, WINDOW)
        self.back = way_back.fitted(self._lower, plain, chosen)
        upper = _bert.upper(self._shape, self._base, TAPS, self._stored, self.back)
        self._upper = _runtime.session(onnxruntime, upper, "cpu", 1, "--base")

    def windows(self, texts: Sequence[str], like: Windows | None = None) -> Windows:
        """`like`: windows whose scaling is kept."""
        chunks = [texts[first : first + _CHUNK] for first in range(0, len(texts), _CHUNK)]
        features, owners = [], []
        for number, chunk in enumerate(track(chunks, "encoding", console=_console)):
            found, of = self._chunk(chunk)
            features.append(found)
            owners.append(of + number * _CHUNK)
        made = np.concatenate(features).astype(np.float32)
        windows = Windows(made, np.concatenate(owners), len(texts))
        if like is not None:
            windows.mean, windows.factor = like.mean, like.factor
            windows.features = (made - like.mean) * like.factor
        return windows

    def _chunk(self, texts: Sequence[str]) -> tuple[Array, Array]:
        digest = self._digest.copy()
        digest.update(msgspec.json.encode(list(texts)))
        place = self._cache / f"features-{digest.hexdigest()[:32]}.npz"
        if place.exists():
            with np.load(place) as held:
                return held["features"], held["owners"]
        chosen = _runtime.windows(self._tokenizer, texts, WINDOW)
        seen: dict[int, int] = {}
        kept = []
        for window in chosen:
            seen[window.owner] = seen.get(window.owner, 0) + 1
            if seen[window.owner] <= _MOST_WINDOWS:
                kept.append(window)
        found = _runtime.run(self._lower, kept, ["features"])
        features = np.array([row[0] for row in found], np.float16)
        owners = np.array([window.owner for window in kept])
        self._cache.mkdir(parents=True, exist_ok=True)
        np.savez(place, features=features, owners=owners)
        return features, owners

    def probe(self) -> Array:
        chosen = _runtime.windows(self._tokenizer, [PROBE], WINDOW)
        return _runtime.run(self._lower, chosen, ["state"], self._upper)[0][0]


def shipped_logits(texts: Sequence[str], base: str | None, cache: Path | None) -> Array:
    """What the shipped heads say of each text's worst window, before calibration: [texts, heads]. `base`,
    `cache`: see the options."""
    ours = read_heads(None, "--heads")
    windows = Encoder(base_folder(base, "--base"), cache, ours.adapters).windows(texts)
    features = windows.features / windows.factor + windows.mean
    return windows.highest(features @ ours.linear.weight + ours.linear.bias)


if __name__ == "__main__":
    main()
