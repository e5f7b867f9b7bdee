"""Reading the safetensors format (https://huggingface.co/docs/safetensors): eight bytes that say how long a
JSON header is, the header with each tensor's type, shape and place, then the tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.core.errors import ConfigError

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "|i1", "U8": "|u1"}
_LONGEST_HEADER = 100_000_000  # the format's own bound


def read(path: Path, key: str = "") -> dict[str, NDArray[Any]]:
    """Every tensor by name, mapped from the file; brain floats become float32. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _LONGEST_HEADER:
                raise ValueError("no header")
            header: dict[str, Any] = json.loads(file.read(length))
        data: NDArray[np.uint8] = np.memmap(path, np.uint8, "r", offset=8 + length)
        header.pop("__metadata__", None)
        return {name: _tensor(data, entry) for name, entry in header.items()}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", key=key) from None
    except (ValueError, KeyError, TypeError):
        message = f"{path} is no safetensors file, or it is cut short: fetch it anew"
        raise ConfigError(message, key=key) from None


def _tensor(data: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    start, end = entry["data_offsets"]
    raw = data[start:end]
    if entry["dtype"] == "BF16":  # the upper half of a float32
        wide = raw.view("<u2").astype("<u4") << 16
        return wide.view("<f4").reshape(entry["shape"])
    return raw.view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
