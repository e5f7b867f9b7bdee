"""Where records go that can never become rows: files with their bytes, within a bound, and a loud log."""

from __future__ import annotations

import logging
from pathlib import Path

logger = logging.getLogger(__name__)

RECORD_SUFFIX = ".record"
CORRUPT_SUFFIX = ".corrupt"


class Quarantine:
    """A directory of at most `max_bytes`. The same thing put twice is one file."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory, self._max_bytes = directory, max_bytes
        self.removed = 0
        """Files that were deleted to keep the bound, since the start."""

    def put(self, name: str, payload: bytes, reason: str) -> Path:
        """Keep one record. `reason` ends the sentence "record X is quarantined: "."""
        path = self._write(name + RECORD_SUFFIX, payload)
        logger.error("record %s is quarantined in %s: %s", name, path, reason)
        return path

    def put_tail(self, segment: Path, offset: int) -> Path:
        """Keep the unreadable end of a segment."""
        with segment.open("rb") as source:
            source.seek(offset)
            path = self._write(segment.stem + CORRUPT_SUFFIX, source.read())
        logger.error(
            "spool segment %s is damaged at byte %d: the rest is quarantined in %s",
            segment.name,
            offset,
            path,
        )
        return path

    def _write(self, name: str, data: bytes) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / name
        draft = path.with_name(name + ".tmp")
        draft.write_bytes(data)
        draft.replace(path)
        self._keep_bound(path)
        return path

    def _keep_bound(self, newest: Path) -> None:
        files = sorted(
            (
                (stat.st_mtime_ns, stat.st_size, path)
                for path in self._directory.iterdir()
                if (stat := path.stat())
            ),
            key=lambda entry: entry[0],
        )
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._max_bytes:
                return
            if path == newest:
                continue
            path.unlink()
            total -= size
            self.removed += 1
            logger.error("quarantine at its bound: %s is deleted", path.name)
