"""The files of weights that the package brings."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@contextmanager
def weights(name: str) -> Iterator[tuple[Mapping[str, NDArray[Any]], str]]:
    """The arrays of `weights/NAME.npz`, each read when it is asked for, and the file's version: a digest.
    Raises FileNotFoundError where the package lacks it."""
    import numpy as np

    raw = files("sentinel.detectors").joinpath("weights", f"{name}.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as kept:
        yield kept, hashlib.blake2b(raw, digest_size=4).hexdigest()
