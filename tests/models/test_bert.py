"""The encoder's graphs, against the same arithmetic in numpy and against the library's own BERT."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from sentinel.models import _bert, _processor, _runtime
from tests.models import tiny

Array = NDArray[Any]
SHAPE = msgspec.convert(tiny.SHAPE, _bert.Shape)
TAPS = _bert.Taps((1,), (1,))
IDS = [[2, 5, 6, 8, 3], [2, 12, 13, 3, 0]]
MASK = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]


def _layer_norm(x: Array, weights: dict[str, Array], name: str) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    answer: Array = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return answer * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _states(weights: dict[str, Array], ids: list[int]) -> list[Array]:
    """Each layer's token states, for one text without padding."""
    table = weights["embeddings.word_embeddings.weight"]
    scale = np.abs(table).max(1, keepdims=True) / 127.0
    x = (np.rint(table / scale) * scale)[ids]  # words are int8 in any case
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = _layer_norm(
        x + weights["embeddings.token_type_embeddings.weight"][0], weights, "embeddings.LayerNorm"
    )
    states = []
    for index in range(2):
        name = f"encoder.layer.{index}"

        def dense(value: Array, part: str, name: str = name) -> Array:
            answer: Array = value @ weights[f"{name}.{part}.weight"].T + weights[f"{name}.{part}.bias"]
            return answer

        q, k, v = (
            dense(x, f"attention.self.{part}").reshape(-1, 2, 16).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / 4.0
        raised = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (raised / raised.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(-1, 32)
        x = _layer_norm(
            x + dense(mixed, "attention.output.dense"), weights, f"{name}.attention.output.LayerNorm"
        )
        inner = dense(x, "intermediate.dense")
        inner = 0.5 * inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = _layer_norm(x + dense(inner, "output.dense"), weights, f"{name}.output.LayerNorm")
        states.append(x)
    return states


def _run(stored: _bert.Stored, ids: list[list[int]], mask: list[list[int]]) -> dict[str, Array]:
    weights = tiny.weights()
    weight = np.eye(64, 3, dtype=np.float32)
    weight[32:] = 0.5 * weight[:32]  # of the maxima
    heads = _bert.Heads(weight, np.array([0.0, 1.0, 2.0], np.float32))
    plain = _runtime.session(onnxruntime, _bert.lower(SHAPE, weights, TAPS, None, stored), "cpu", 1, "k")
    lower = _runtime.session(onnxruntime, _bert.lower(SHAPE, weights, TAPS, heads, stored), "cpu", 1, "k")
    upper = _runtime.session(onnxruntime, _bert.upper(SHAPE, weights, TAPS, stored), "cpu", 1, "k")
    fed = {"input_ids": np.array(ids, np.int64), "attention_mask": np.array(mask, np.int64)}
    names = ["logits", "tokens", "state"]
    found = dict(zip(names, lower.run(names, fed), strict=True))
    [found["features"]] = plain.run(["features"], fed)
    above = upper.run(["embedding"], {"state": found["state"], "attention_mask": fed["attention_mask"]})
    return {**found, "embedding": above[0]}


def test_the_arithmetic_is_that_of_bert() -> None:
    found = _run("float32", IDS, MASK)
    for row, (ids, mask) in enumerate(zip(IDS, MASK, strict=True)):
        states = _states(tiny.weights(), ids[: sum(mask)])
        features = np.concatenate([states[0].mean(0), states[0].max(0)])
        assert found["features"][row] == pytest.approx(features, abs=1e-4)
        logits = features[:3] + 0.5 * features[32:35] + [0, 1, 2]
        assert found["logits"][row] == pytest.approx(logits, abs=1e-4)
        assert found["tokens"][row][: sum(mask)] == pytest.approx(states[0][:, :3], abs=1e-4)
        mean = states[1].mean(0)
        assert found["embedding"][row] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-4)


def test_padding_changes_no_answer() -> None:
    """Without padding attention goes another way."""
    padded, plain = _run("float32", IDS[1:], MASK[1:]), _run("float32", [IDS[1][:4]], [[1] * 4])
    for name in ("logits", "features", "embedding"):
        assert padded[name] == pytest.approx(plain[name], abs=1e-5)


def test_eight_bits_stay_near() -> None:
    exact, rounded = _run("float32", IDS, MASK), _run("uint8", IDS, MASK)
    assert not np.array_equal(exact["embedding"], rounded["embedding"])
    assert (exact["embedding"] * rounded["embedding"]).sum(1).min() > 0.99


def test_signed_weights_yield_the_same_where_the_processor_has_vnni() -> None:
    if _processor.stored() != "int8":
        pytest.skip("no VNNI here: sums of signed products may be cut off")
    signed, unsigned = _run("int8", IDS, MASK), _run("uint8", IDS, MASK)
    for name, value in signed.items():
        assert np.array_equal(value, unsigned[name]), name


@pytest.mark.torch
def test_the_librarys_own_model_agrees() -> None:
    """What the numpy arithmetic above stands for."""
    import torch
    import transformers

    weights = tiny.weights()
    shape = {name: value for name, value in tiny.SHAPE.items() if name != "model_type"}
    model = transformers.BertModel(transformers.BertConfig(**shape), add_pooling_layer=False).eval()
    held = {name: torch.from_numpy(value) for name, value in weights.items()}
    assert not model.load_state_dict(held, strict=False).missing_keys
    with torch.inference_mode():
        found = model(torch.tensor(IDS[:1])).last_hidden_state[0].numpy()
    assert found == pytest.approx(_states(weights, IDS[0])[-1], abs=0.05)


def test_the_way_back_undoes_what_was_done_to_the_state() -> None:
    weights, rng = tiny.weights(), np.random.default_rng(4)
    plain = _run("float32", IDS, MASK)
    mixing = np.eye(32) + rng.normal(0.0, 0.1, (32, 32))
    offset = rng.normal(0.0, 1.0, 32)
    back = np.linalg.inv(mixing)
    back = np.concatenate([back, -(offset @ back)[None]]).astype(np.float32)
    upper = _runtime.session(onnxruntime, _bert.upper(SHAPE, weights, TAPS, "float32", back), "cpu", 1, "k")
    state = (plain["state"] @ mixing + offset).astype(np.float32)
    found = upper.run(None, {"state": state, "attention_mask": np.array(MASK, np.int64)})[0]
    assert found == pytest.approx(plain["embedding"], abs=1e-3)
    without = _runtime.session(onnxruntime, _bert.upper(SHAPE, weights, TAPS, "float32"), "cpu", 1, "k")
    astray = without.run(None, {"state": state, "attention_mask": np.array(MASK, np.int64)})[0]
    assert np.abs(astray - plain["embedding"]).max() > 0.01
