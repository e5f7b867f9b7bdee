"""Heads of the encoder, as `training.encoder` writes them: an .npz file without pickled objects.

`weight` (F, K) and `bias` (K,) are the heads over the features that `meta` (JSON) tells of; `probe` is the
embedding of a sentence by the encoder that they were trained on: the base, with its adapters (`_adapters`)
where the file has some. `back`: the map that `_bert.upper` tells of.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.core.errors import ConfigError
from sentinel.models import _adapters
from sentinel.models._bert import Heads, Taps

BUNDLED = Path(__file__).with_name("weights") / "encoder.npz"
PROBE = "Will the ferry to the island still run when the harbour freezes?"


class Head(msgspec.Struct, frozen=True):
    """One number of the answer. Its logit z is calibrated to the probability 1 / (1 + exp(-(a z + b))).

    `whole`: it says whether there is anything that its detector looks for, the others of which kind. `type`:
    the finding type; none for a whole whose kinds say it all. `role`: the texts that it reads (documents
    handed to the model, everything else, or both).
    """

    detector: str
    type: str
    a: float = 1.0
    b: float = 0.0
    role: Literal["any", "context", "speech"] = "any"
    whole: bool = False

    def reads(self, document: bool) -> bool:
        return self.role == "any" or (self.role == "context") == document

    def probability(self, logit: float) -> float:
        z = self.a * logit + self.b
        return 1.0 / (1.0 + math.exp(-z)) if z > -700 else 0.0


class Meta(msgspec.Struct, frozen=True):
    """What a file of heads says of itself. `base`: the name of the encoder that they fit."""

    base: str
    taps: Taps
    heads: tuple[Head, ...]


class HeadSet(msgspec.Struct, frozen=True, eq=False):
    """A file of heads. `digest`: of the whole file."""

    meta: Meta
    linear: Heads
    probe: NDArray[Any]
    digest: str
    adapters: _adapters.Adapters = MappingProxyType({})
    back: NDArray[Any] | None = None

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.meta.heads


def read_heads(path: Path | None, key: str) -> HeadSet:
    """Raises ConfigError when the file cannot be read."""
    path = path or BUNDLED
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            meta = msgspec.json.decode(file["meta"].tobytes(), type=Meta)
            linear = Heads(file["weight"].astype(np.float32), file["bias"].astype(np.float32))
            probe = file["probe"].astype(np.float32)
            adapters = _adapters.adapters({key: file[key] for key in file.files})
            back = file["back"].astype(np.float32) if "back" in file else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path} holds no heads: {error}", key=key) from None
    if linear.weight.shape[1] != len(meta.heads):
        raise ConfigError(f"{path} has {linear.weight.shape[1]} columns and {len(meta.heads)} heads", key=key)
    return HeadSet(meta, linear, probe, hashlib.sha256(data).hexdigest(), adapters, back)


def write_heads(
    path: Path,
    meta: Meta,
    linear: Heads,
    probe: NDArray[Any],
    adapters: _adapters.Adapters = MappingProxyType({}),
    back: NDArray[Any] | None = None,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = np.frombuffer(msgspec.json.encode(meta), np.uint8)
    weight = linear.weight.astype(np.float16)
    more: dict[str, Any] = _adapters.arrays(adapters)
    if back is not None:
        more["back"] = back.astype(np.float16)
    np.savez(path, weight=weight, bias=linear.bias.astype(np.float32), probe=probe, meta=told, **more)
