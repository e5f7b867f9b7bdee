"""From a trained net to the arrays that the detector reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).parents[1] / "sentinel" / "detectors" / "weights" / "names.npz"


def arrays(state: dict[str, Any], vocabulary: dict[str, int], pieces: Any) -> dict[str, Any]:
    """`state`: of `training.names.Net`. Tables in 8 bits, matrices in 16."""
    w = {key: value.detach().numpy() for key, value in state.items()}
    made: dict[str, Any] = {}
    scales = []
    for i in range(4):
        table = w[f"tables.{i}.weight"]
        scale = np.abs(table).max() / 127
        made[f"table{i}"] = np.round(table / scale).astype(np.int8)
        scales.append(scale)
    layers = sorted({key.split(".")[1] for key in w if key.startswith("convs.")})
    return made | {
        "vocabulary": np.frombuffer("\n".join(vocabulary).encode(), np.uint8),
        "pieces": pieces,
        "scales": np.array(scales, np.float32),
        "project": (w["piece.weight"].T / 32).astype(np.float16),
        "bias": w["piece.bias"].astype(np.float32),
        "norms": np.stack(
            [
                np.stack([w[f"{name}.weight"], w[f"{name}.bias"]])
                for name in ("norm", *(f"norms.{i}" for i in layers))
            ]
        ).astype(np.float32),
        "convs": np.stack(
            [w[f"convs.{i}.weight"].transpose(2, 1, 0).reshape(-1, w["norm.weight"].size) for i in layers]
        ).astype(np.float16),
        "conv_biases": np.stack([w[f"convs.{i}.bias"] for i in layers]).astype(np.float32),
        "out": w["out.weight"].T.astype(np.float16),
        "out_bias": w["out.bias"].astype(np.float32),
        "calibration": np.array([[1, 0]] * 3, np.float32),
    }


def calibrated(told: list[tuple[float, bool]]) -> tuple[float, float]:
    """Slope and shift of the logit (Platt), by damped Newton steps."""
    p = np.clip(np.array([score for score, _ in told]), 1e-4, 1 - 1e-4)
    x = np.stack([np.log(p / (1 - p)), np.ones(len(p))], 1)
    y = np.array([right for _, right in told], float)
    weights = np.array([0.5, 0.0])
    for _ in range(100):
        q = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (y - q)
        hessian = (x * (q * (1 - q))[:, None]).T @ x + np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights = weights + step * min(1.0, 0.2 / max(1e-9, float(np.abs(step).max())))
    return float(weights[0]), float(weights[1])
