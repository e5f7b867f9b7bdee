"""Files that can be made again: each is written whole or not at all, and a damaged one reads as absent."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

_CHECK_BYTES = 32


def read(path: Path) -> bytes | None:
    """What `write` stored, or None when the file is absent or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    payload = data[_CHECK_BYTES:]
    return payload if hashlib.sha256(payload).digest() == data[:_CHECK_BYTES] else None


def write(path: Path, payload: bytes) -> None:
    """Put the file in place in one step, so that processes that build it at once do not disturb each other.

    A directory that cannot be written to is no error: the next start builds again.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(payload).digest() + payload)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
