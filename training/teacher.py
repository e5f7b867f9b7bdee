"""The encoder as a teacher: what it says of any text, as a small model should say it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentinel.models._weights import read_heads
from sentinel.models.prepare import base_folder
from training.encoder import Encoder
from training.encoder_data import HEADS


def taught(
    texts: Sequence[str], heads: Sequence[str], base: str | None, cache: Path | None
) -> NDArray[np.float32]:
    """Probabilities [texts, heads] as the encoder's heads were fitted, before any calibration, of the shipped
    encoder. `heads`: their names in `encoder_data.HEADS`; `base`, `cache`: as in `training.encoder`."""
    ours = read_heads(None, "--heads")
    encoder = Encoder(base_folder(base, "--base"), cache, ours.adapters)
    windows = encoder.windows(texts)
    features = windows.features / windows.factor + windows.mean
    columns = [list(HEADS).index(head) for head in heads]
    logits = features @ ours.linear.weight[:, columns] + ours.linear.bias[columns]
    told: NDArray[np.float32] = (1.0 / (1.0 + np.exp(-windows.highest(logits)))).astype(np.float32)
    return told
