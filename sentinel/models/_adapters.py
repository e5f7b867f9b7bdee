"""Low-rank adapters: what training added to some matrices of the base encoder, as products of two thin ones.

In an .npz file, the matrix NAME (out, in) has the arrays `NAME:down` (rank, in) and `NAME:up` (out, rank).
They are merged when the encoder is prepared, so that what is served is as fast as the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Adapters = Mapping[str, tuple[Array, Array]]
_DOWN, _UP = ":down", ":up"


def arrays(adapters: Adapters) -> dict[str, Array]:
    """As they lie in a file."""
    made: dict[str, Array] = {}
    for name, (down, up) in adapters.items():
        made[name + _DOWN], made[name + _UP] = down.astype(np.float16), up.astype(np.float16)
    return made


def adapters(held: Mapping[str, Array]) -> Adapters:
    """Those among a file's arrays. Raises KeyError when one has no second half."""
    names = [key.removesuffix(_DOWN) for key in held if key.endswith(_DOWN)]
    return {
        name: (held[name + _DOWN].astype(np.float32), held[name + _UP].astype(np.float32)) for name in names
    }


def merged(weights: Mapping[str, Array], adapters: Adapters) -> dict[str, Array]:
    """The base's weights with the adapters in them. Raises ValueError when they do not fit."""
    made = dict(weights)
    for name, (down, up) in adapters.items():
        wanted = len(up), down.shape[1]
        if name not in weights or weights[name].shape != wanted:
            has = weights[name].shape if name in weights else "absent"
            raise ValueError(f"{name} is {has}, and not {wanted}")
        made[name] = np.asarray(weights[name], np.float32) + up @ down
    return made
