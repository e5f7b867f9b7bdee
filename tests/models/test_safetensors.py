"""Files of tensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sentinel.core.errors import ConfigError
from sentinel.models import _safetensors
from tests.models import tiny


def test_what_was_written_is_read(tmp_path: Path) -> None:
    held = tiny.weights()
    tiny.write_safetensors(tmp_path / "m.safetensors", held)
    read = _safetensors.read(tmp_path / "m.safetensors")
    assert read.keys() == held.keys()
    assert all(np.array_equal(read[name], held[name]) for name in held)


@pytest.mark.parametrize(
    ("kind", "raw", "wanted"),
    [
        ("F16", np.array([0.5, -2.0], np.float16).tobytes(), [0.5, -2.0]),
        ("BF16", bytes([0x00, 0x3F, 0x00, 0xC0]), [0.5, -2.0]),
        ("I64", np.array([7, -1], np.int64).tobytes(), [7, -1]),
    ],
)
def test_types(tmp_path: Path, kind: str, raw: bytes, wanted: list[float]) -> None:
    header = json.dumps({"x": {"dtype": kind, "shape": [2], "data_offsets": [0, len(raw)]}}).encode()
    (tmp_path / "m").write_bytes(len(header).to_bytes(8, "little") + header + raw)
    assert _safetensors.read(tmp_path / "m")["x"].tolist() == wanted


@pytest.mark.parametrize("data", [b"", b"\x10\0\0\0\0\0\0\0not json, though", b"\xff" * 64])
def test_what_is_no_such_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(ConfigError, match="no safetensors file, or it is cut short"):
        _safetensors.read(tmp_path / "m")


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    tiny.write_safetensors(tmp_path / "m", tiny.weights())
    whole = (tmp_path / "m").read_bytes()
    (tmp_path / "m").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="cut short"):
        _safetensors.read(tmp_path / "m")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        _safetensors.read(tmp_path / "absent")
