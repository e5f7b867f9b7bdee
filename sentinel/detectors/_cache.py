"""Files that can be made again: each is written whole or not at all, and a damaged one reads as absent."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_CHECK_BYTES = 32
_KEEP_SECONDS = 30 * 24 * 3600.0


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


def once(
    path: Path, pattern: str, parse: Callable[[bytes], T | None], make: Callable[[], tuple[T, bytes]]
) -> T:
    """What the file holds, as `parse` reads it (None: no such file), or what `make` gives, whose second half
    is the file for the next time. Old files beside it that match `pattern` go."""

    def kept() -> T | None:
        payload = read(path)
        return None if payload is None else parse(payload)

    ready = kept()
    if ready is not None:
        return ready
    with building(path):
        ready = kept()
        if ready is not None:
            return ready
        made, payload = make()
        write(path, payload)
    prune(path, pattern)
    return made


@contextmanager
def building(path: Path) -> Iterator[None]:
    """Only one process at a time builds the file: the others wait, and then find it in place.

    Where no lock can be had (a directory that cannot be written to), each builds for itself.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(lock)


def prune(keep: Path, pattern: str, now: float | None = None) -> None:
    """Remove files beside `keep` that match `pattern` and have not been written for 30 days."""
    limit = (time.time() if now is None else now) - _KEEP_SECONDS
    try:
        for path in keep.parent.glob(pattern):
            if path.stem != keep.stem and path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)
    except OSError:  # another process was quicker, or it is not ours to remove
        pass
