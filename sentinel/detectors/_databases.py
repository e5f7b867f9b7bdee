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
    return _cache.once(path, f"{name}-*.*", _parsed, lambda: _made(groups))


def processor() -> str:
    """What Hyperscan compiles for."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def loaded(kept: Sequence[bytes]) -> list[Any]:
    """Databases that were kept. Raises hyperscan.error."""
    return [hyperscan.loadb(database, hyperscan.HS_MODE_BLOCK) for database in kept]


def _parsed(payload: bytes) -> list[Any] | None:
    try:
        return loaded(msgspec.msgpack.decode(payload, type=list[bytes]))
    except (msgspec.DecodeError, msgspec.ValidationError, hyperscan.error):
        return None


def _made(groups: Sequence[Sequence[Sought]]) -> tuple[list[Any], bytes]:
    made = [compiled(group) for group in groups]
    return made, msgspec.msgpack.encode([hyperscan.dumpb(database) for database in made])


def compiled(group: Sequence[Sought]) -> Any:
    """A database of the expressions."""
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode() for _, expression, _ in group],
        ids=[told for told, _, _ in group],
        flags=[flags for _, _, flags in group],
    )
    return database
