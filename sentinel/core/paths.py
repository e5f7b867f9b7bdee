"""Where Sentinel keeps what it makes."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_OR_NAME = "a folder, if it begins with `/`, `./` or `../`, else a name"
"""Marks a setting (`Annotated[str, FOLDER_OR_NAME]`): a relative folder then starts at the configuration
file, as other paths do. The name is one of a hub or a package."""


def is_folder(folder_or_name: str) -> bool:
    """Whether such a setting is a folder, which need not exist."""
    return folder_or_name.startswith(("/", "./", "../"))


def state_dir() -> Path:
    """The folder of spool, embedded store and caches: `SENTINEL_STATE_DIR`, or `.sentinel` where it runs."""
    return Path(os.environ.get("SENTINEL_STATE_DIR") or ".sentinel")
