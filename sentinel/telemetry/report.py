"""A child process tells its supervisor what state it is in: JSON lines on the descriptor in
SENTINEL_STATUS_FD."""

from __future__ import annotations

import os
from typing import Any

import msgspec


def report(**facts: Any) -> None:
    """Write one line; does nothing in a process that no supervisor started, or whose supervisor is gone."""
    descriptor = os.environ.get("SENTINEL_STATUS_FD")
    if descriptor:
        try:
            os.write(int(descriptor), msgspec.json.encode(facts) + b"\n")
        except OSError:
            return
