"""Where Sentinel keeps what it makes."""

from __future__ import annotations

import os
from pathlib import Path


def state_dir() -> Path:
    """The folder of spool, embedded store and caches: `SENTINEL_STATE_DIR`, or `.sentinel` where it runs."""
    return Path(os.environ.get("SENTINEL_STATE_DIR") or ".sentinel")
