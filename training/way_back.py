"""The linear map from the token states that adapted layers give to those of the base: so that the layers
above, which know the base alone, embed nearly as before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.models import _runtime

_RIDGE = 1e-4  # a token
Array = NDArray[Any]


def fitted(adapted: Any, base: Any, chosen: Sequence[_runtime.Window]) -> Array:
    """(H + 1, H), the offset last, by least squares over the tokens of these windows. `adapted`, `base`:
    sessions of the lower graph."""
    given, wanted = (np.concatenate(_states(each, chosen)).astype(np.float64) for each in (adapted, base))
    given = np.concatenate([given, np.ones((len(given), 1))], 1)
    bend = given.T @ given + _RIDGE * len(given) * np.eye(given.shape[1])
    back: Array = np.linalg.solve(bend, given.T @ wanted).astype(np.float32)
    return back


def _states(session: Any, chosen: Sequence[_runtime.Window]) -> list[Array]:
    found = _runtime.run(session, chosen, ["state"])
    return [row[0][: len(window.ids)] for row, window in zip(found, chosen, strict=True)]
