"""Clearing up behind the exporter: segments that are exported, and notes about segments that were dropped."""

from __future__ import annotations

import logging
from collections.abc import Container
from pathlib import Path

from sentinel.spool import segment
from sentinel.spool.reader import End, held_for_deletion
from sentinel.telemetry.collect import Finished
from sentinel.telemetry.ledger import Ledger
from sentinel.telemetry.quarantine import Quarantine

logger = logging.getLogger(__name__)


def delete_segment(finished: Finished, ledger: Ledger, quarantine: Quarantine) -> None:
    """Delete a segment whose every frame is in the store. What stands behind the frames is counted and,
    unless it is a half-written frame, kept in quarantine. Does nothing while a worker drops it."""
    path = finished.file.path
    with held_for_deletion(path) as held:
        if not held:
            return
        if finished.end is End.TORN:
            logger.warning("spool segment %s ends within a record: its writer died while writing", path.name)
            ledger.count({"torn_tails": 1})
        elif finished.end is End.CORRUPT:
            quarantine.put_tail(path, finished.offset)
            ledger.count({"corrupt_segments": 1})
        path.with_suffix(segment.DROPPED_SUFFIX).unlink(missing_ok=True)
        path.unlink()


def settle_dropped(spool_dir: Path, ledger: Ledger, claimed: Container[str]) -> None:
    """Count what writers dropped at the bound, less what was exported before, and forget segments that are
    gone. `claimed` names segments that pending batches read from."""
    cursors = ledger.cursors()
    noted = set()
    for note in spool_dir.glob(f"*{segment.DROPPED_SUFFIX}"):
        path = note.with_suffix(segment.SUFFIX)
        noted.add(path.name)
        if path.exists() or path.name in claimed:
            continue
        try:
            held = int(note.read_text())
        except (FileNotFoundError, ValueError):
            held = 0
        _, exported = cursors.get(path.name, (0, 0))
        ledger.settle(path.name, held, {"dropped": max(0, held - exported)})
        note.unlink(missing_ok=True)
    for name in cursors:
        if name not in noted and name not in claimed and not (spool_dir / name).exists():
            ledger.forget(name)
