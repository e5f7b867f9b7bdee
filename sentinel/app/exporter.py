"""The record-plane process: drains the spool into the store, and owns the embedded engine.
Started by the supervisor, or alone: `python -m sentinel.app.exporter --config FILE`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from sentinel.app.log import set_up_logging
from sentinel.config import load_config
from sentinel.core.errors import SentinelError
from sentinel.telemetry.exporter import run_exporter
from sentinel.telemetry.report import report

log = logging.getLogger("sentinel.exporter")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sentinel.app.exporter")
    parser.add_argument("--config", type=Path)
    options = parser.parse_args()
    set_up_logging("info", "exporter")
    # A batch is hundreds of thousands of small objects without cycles: at the default thresholds the
    # collector walks them, and every imported module, over and over, for a third of the exporter's time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if os.environ.get("SENTINEL_STATUS_FD"):
        threading.Thread(target=_stop_with_supervisor, args=(stop,), daemon=True).start()
    try:
        config = load_config(options.config)
        logging.getLogger().setLevel(config.log_level.upper())
        run_exporter(config.spool_dir, config.state_dir, config.store, config.exporter, stop)
    except SentinelError as error:
        log.error("%s", error)
        report(event="failed", error=str(error))
        return 2
    return 0


def _stop_with_supervisor(stop: threading.Event) -> None:
    """Standard input ends when the supervisor is gone, however it went."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
