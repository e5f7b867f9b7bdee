"""What the encoder says of training texts, for the small detector of abuse to learn from (distillation,
Hinton et al., 2015): an .npz file with a hash of each text and the logits of the heads
`encoder_data.TOXICITY`, in float16.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write(path: Path, texts: Sequence[str], logits: NDArray[Any]) -> None:
    np.savez(
        path, hashes=np.array([_hash(text) for text in texts], np.uint64), logits=logits.astype(np.float16)
    )


def read(path: Path) -> Mapping[int, NDArray[np.float32]]:
    """Probabilities of each text by its hash, as `mixed` takes them."""
    with np.load(path, allow_pickle=False) as held:
        told = 1.0 / (1.0 + np.exp(-held["logits"].astype(np.float32)))
        return dict(zip(held["hashes"].tolist(), told, strict=True))


def mixed(
    told: Mapping[int, NDArray[np.float32]], text: str, targets: tuple[float, ...], share: float
) -> tuple[float, ...]:
    """Targets of a row, to a share what the encoder says: wholly, where the label says nothing (NaN)."""
    of = told.get(_hash(text))
    if of is None:
        return targets
    return tuple(
        float(p) if t != t else (1 - share) * t + share * float(p)
        for t, p in zip(targets, of.tolist(), strict=True)
    )


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
