"""The way back from adapted layers to the base's own states."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sentinel.models import _bert, _runtime
from tests.models import tiny
from training import way_back

TAPS = _bert.Taps((1,), (1,))


def _session(weights: dict[str, NDArray[Any]]) -> Any:
    shape = msgspec.convert(tiny.SHAPE, _bert.Shape)
    return _runtime.session(onnxruntime, _bert.lower(shape, weights, TAPS, None, "float32"), "cpu", 1, "")


def test_states_come_nearer_to_those_of_the_base() -> None:
    base, changed = tiny.weights(), tiny.weights()
    name = "encoder.layer.0.output.dense.weight"
    changed[name] = changed[name] + np.random.default_rng(0).normal(0, 0.1, changed[name].shape).astype(
        np.float32
    )
    rng = np.random.default_rng(1)
    ids = [[2, *rng.integers(5, 14, 10).tolist(), 3] for _ in range(80)]
    chosen = [_runtime.Window(index, each, []) for index, each in enumerate(ids)]
    back = way_back.fitted(_session(changed), _session(base), chosen[:60])
    astray, wanted = (
        np.concatenate([row[0] for row in _runtime.run(_session(each), chosen[60:], ["state"])])
        for each in (changed, base)
    )
    led = astray @ back[:-1] + back[-1]
    assert np.square(led - wanted).sum() < 0.5 * np.square(astray - wanted).sum()
