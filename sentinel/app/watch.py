"""Notices changed files by their size, time and identity: works for editors, `kubectl cp` and ConfigMap
symlinks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sentinel.policy.load import SUFFIXES

Signature = tuple[tuple[str, int, int, int], ...]


class Watch:
    """Watches a configuration file and rule files; of a folder, its rule files."""

    def __init__(self, config: Path | None, rules: Sequence[Path]) -> None:
        self._config = config
        self._rules = rules
        self._seen = self._pending = self._signature()

    def changed(self) -> bool:
        """Whether anything changed since the last call. A change is told once it has stayed for one call, so
        that a file is not read while it is being written."""
        now = self._signature()
        settled, self._pending = now == self._pending, now
        if now == self._seen or not settled:
            return False
        self._seen = now
        return True

    def _signature(self) -> Signature:
        return tuple(sorted(_stat(path) for path in self._files()))

    def _files(self) -> Iterator[Path]:
        if self._config:
            yield self._config
        for path in self._rules:
            if path.is_dir():
                yield from (file for file in path.iterdir() if file.suffix in SUFFIXES)
            else:
                yield path


def _stat(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
