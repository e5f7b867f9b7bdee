"""Hyperscan databases, compiled once and kept in the cache directory: compiling takes a tenth of a second and
leaves memory behind."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hyperscan
import msgspec

from sentinel.detectors import _cache

Sought = tuple[int, str, int]  # what is told of a match, expression, flags of Hyperscan


def databases(name: str, groups: Sequence[Sequence[Sought]], cache_dir: Path) -> list[Any]:
    """One for each group. `name` begins the file's."""
    told = msgspec.msgpack.encode((importlib.metadata.version("hyperscan"), processor(), groups))
    path = cache_dir / f"{name}-{hashlib.sha256(told).hexdigest()[:24]}.bin"
    ready = _read(path)
    if ready is not None:
        return ready
    with _cache.building(path):
        ready = _read(path)
        if ready is not None:
            return ready
        made = [_compiled(group) for group in groups]
        _cache.write(path, msgspec.msgpack.encode([hyperscan.dumpb(database) for database in made]))
    _cache.prune(path, f"{name}-*.*")
    return made


def processor() -> str:
    """What Hyperscan compiles for."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _read(path: Path) -> list[Any] | None:
    payload = _cache.read(path)
    if payload is None:
        return None
    try:
        kept = msgspec.msgpack.decode(payload, type=list[bytes])
        return [hyperscan.loadb(database, hyperscan.HS_MODE_BLOCK) for database in kept]
    except (msgspec.DecodeError, msgspec.ValidationError, hyperscan.error):
        return None


def _compiled(group: Sequence[Sought]) -> Any:
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode() for _, expression, _ in group],
        ids=[told for told, _, _ in group],
        flags=[flags for _, _, flags in group],
    )
    return database
