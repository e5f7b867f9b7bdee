"""A running `sentinel serve`, as the tests see it: addresses, processes, metrics, log."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.client import eventually
from tests.e2e.processes import alive, end, group_members, kill_group, start, wait_for_file

Labels = frozenset[tuple[str, str]]


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, section by section."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


@dataclass
class Sidecar:
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def config_file(self) -> Path:
        return self.directory / "sentinel.yaml"

    @property
    def state_dir(self) -> Path:
        return self.directory / "state"

    @property
    def log(self) -> Path:
        return self.directory / "sidecar.log"

    @property
    def pid(self) -> int:
        return self.process.pid

    def info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state_dir / "serve.json").read_text())
        return found

    @property
    def address(self) -> str:
        return str(self.info()["grpc"])

    @property
    def http(self) -> str:
        return str(self.info()["http"])

    @property
    def admin(self) -> str:
        return str(self.info()["admin"])

    def workers(self) -> list[int]:
        return list(self.info()["workers"])

    def other_processes(self) -> dict[int, str]:
        """pid -> command line of what the supervisor runs beside the workers (exporter, helpers)."""
        known = {self.pid, *self.workers()}
        return {pid: line for pid, line in group_members(self.pid).items() if pid not in known}

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the admin port."""
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self) -> dict[str, dict[Labels, float]]:
        """Sample name -> labels -> value."""
        found: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
        return found

    def total(self, name: str, **labels: str) -> float:
        """Sum of the samples of `name` that carry `labels`."""
        wanted = set(labels.items())
        return sum(value for key, value in self.metrics().get(name, {}).items() if wanted <= key)

    def ready(self) -> bool:
        try:
            return (self.state_dir / "serve.json").exists() and self.get("/readyz")[0] == 200
        except OSError:
            return False

    def write_config(self, config: dict[str, Any]) -> None:
        part = self.config_file.with_suffix(".part")
        part.write_text(yaml.safe_dump(config))
        part.rename(self.config_file)

    def read_config(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.config_file.read_text())
        return found

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def stop(self, within_s: float = 20.0) -> int:
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def kill9(self) -> None:
        """Supervisor, workers and exporter at once."""
        members = group_members(self.pid)
        kill_group(self.process)
        eventually(lambda: [pid for pid in members if alive(pid)], lambda living: not living)

    def start(self, *, until_ready: bool = True) -> None:
        (self.state_dir / "serve.json").unlink(missing_ok=True)
        self.process = start(["-m", "sentinel.cli", "serve", "--config", str(self.config_file)], self.log)
        wait_for_file(self.state_dir / "serve.json", self.process, self.log)
        if until_ready:
            eventually(self.ready, bool)


def configuration(directory: Path, address: str, over: dict[str, Any]) -> dict[str, Any]:
    base: dict[str, Any] = {
        "state_dir": str(directory / "state"),
        "workers": 1,
        "listen": {"grpc": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        "upstream": {"address": address},
        "rules": {"paths": []},
        "exporter": {"enabled": False},
        "drain_s": 5,
    }
    return merged(base, over)


@functools.cache
def shared_cache() -> Path:
    """One folder of compiled patterns for all sidecars of a run: only the first start is a cold one."""
    folder = tempfile.mkdtemp(prefix="sentinel-e2e-cache-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@contextmanager
def start_sidecar(
    directory: Path, address: str, /, *, until_ready: bool = True, **config: Any
) -> Iterator[Sidecar]:
    """`sentinel serve` with `config` laid over plain defaults. Its log is printed if the body fails."""
    it = Sidecar(directory, None)  # type: ignore[arg-type]  # until start()
    it.write_config(configuration(directory, address, config))
    it.state_dir.mkdir(exist_ok=True)
    if not (it.state_dir / "cache").exists():
        (it.state_dir / "cache").symlink_to(shared_cache())
    try:
        it.start(until_ready=until_ready)
        yield it
    except BaseException:
        if it.log.exists():
            print(f"--- log of the sidecar in {directory}\n{it.log_text()[-8000:]}")
        raise
    finally:
        if it.process is not None:
            end(it.process, grace_s=8.0)
