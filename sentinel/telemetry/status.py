"""The exporter's state as a small file, for whoever shows it: the admin port, commands, people."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from sentinel.spool.reader import used_bytes

STATUS_FILE = "exporter.json"


class ExporterStatus(msgspec.Struct, frozen=True):
    """Counts are totals over all exporters of this state directory. Ages and lags are seconds."""

    written_ns: int
    exported: int = 0
    duplicates: int = 0
    dropped: int = 0
    quarantined: int = 0
    torn_tails: int = 0
    corrupt_segments: int = 0
    open_exchanges: int = 0
    pending_bytes: int = 0
    pending_records: int = 0
    """Records of claimed batches that the store does not have yet; the bytes count unclaimed ones too."""
    oldest_pending_seconds: float = 0.0
    lag_seconds: float = 0.0
    """Age of the oldest record of the last batch when the store had it."""
    last_export_ns: int = 0
    last_error: str = ""


def write_status(state_dir: Path, status: ExporterStatus) -> None:
    path = state_dir / STATUS_FILE
    draft = path.with_name(f"{STATUS_FILE}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(status))
    draft.replace(path)


def read_status(state_dir: Path) -> ExporterStatus | None:
    """What the last exporter wrote, None when there is nothing to read."""
    try:
        return msgspec.json.decode((state_dir / STATUS_FILE).read_bytes(), type=ExporterStatus)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def waiting_status(spool_dir: Path, state_dir: Path, error: str) -> ExporterStatus:
    """The last status, with the size of the spool and the reason why nothing can be exported yet."""
    last = read_status(state_dir) or ExporterStatus(0)
    return msgspec.structs.replace(
        last, written_ns=time.time_ns(), pending_bytes=used_bytes(spool_dir), last_error=error
    )
