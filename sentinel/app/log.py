"""Logging: one line an event on standard error, the same form in every process. No text of an exchange is
ever logged: what the code logs are names, counts and errors of ours."""

from __future__ import annotations

import logging
import sys
import time


def set_up_logging(level: str, process: str) -> None:
    """Once per process, before anything else."""
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)s {process} %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # grpc.aio logs tracebacks of handlers that were aborted on purpose; ours record and count what went
    # wrong.
    logging.getLogger("grpc._cython.cygrpc").setLevel(logging.CRITICAL)
