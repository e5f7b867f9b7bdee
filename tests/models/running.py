"""A model plane in a process of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sentinel.models import wire
from sentinel.models.client import BlockingModelClient
from tests.e2e.processes import START_S, end, start

TOY = "tests.models.toys:Toy"


@dataclass
class Running:
    config_file: Path
    socket: str
    log: Path
    process: subprocess.Popen[bytes]


def written(folder: Path, models: dict[str, Any]) -> Path:
    file = folder / "sentinel.yaml"
    file.write_text(yaml.safe_dump({"state_dir": str(folder / "state"), "models": models}, sort_keys=False))
    return file


@contextmanager
def model_plane(folder: Path, detectors: dict[str, Any], **models: Any) -> Iterator[Running]:
    """`sentinel models`, each of whose models was tried."""
    file, log = written(folder, {"detectors": detectors, **models}), folder / "models.log"
    process = start(["-m", "sentinel.cli", "models", "--config", str(file)], log)
    it = Running(file, f"unix:{folder}/state/models.sock", log, process)
    try:
        if "listen" not in models:
            settled(it.socket)
        yield it
    except BaseException:
        print(log.read_text()[-4000:])
        raise
    finally:
        end(process)


def settled(address: str, *credentials: Any) -> wire.HealthResponse:
    """Wait until each model of the plane was tried."""
    client = BlockingModelClient(address, *credentials)
    try:
        until = time.monotonic() + START_S
        while True:
            found = client.health(1.0)
            if found and all(model.state not in ("waiting", "loading") for model in found.models):
                return found
            if time.monotonic() > until:
                raise AssertionError(f"no model plane at {address}: {found}")
            time.sleep(0.05)
    finally:
        client.close()
