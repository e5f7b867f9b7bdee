"""Envoy itself, with the bootstrap that `sentinel envoy-config` writes."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sentinel.cli.envoy_config import bootstrap
from tests.peers.environments import ENVOY, ensure
from tests.peers.running import START_S, free_ports


@dataclass(frozen=True)
class Envoy:
    address: str
    admin: str

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def stat(self, name: str) -> int:
        return int(self.page(f"/stats?filter=^{name}$").rpartition(":")[2])


def program() -> Path:
    return ensure(ENVOY).parent / "envoy"


def accepted(file: Path) -> str:
    """ "" when Envoy takes the bootstrap, or what it says."""
    done = subprocess.run([program(), "--mode", "validate", "-c", file], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr[-2000:]


@contextmanager
def envoy(
    folder: Path,
    upstream: str,
    ext_proc: str,
    change: Callable[[dict[str, Any]], None] = lambda value: None,
    **options: Any,
) -> Iterator[Envoy]:
    """Before the model server at `upstream`, on one thread; `change` has a look at the bootstrap."""
    port, admin = free_ports(2)
    it = Envoy(f"127.0.0.1:{port}", f"127.0.0.1:{admin}")
    value = bootstrap(it.address, f"http://{upstream}", ext_proc, it.admin, **options)
    change(value)
    file, log = folder / "envoy.yaml", folder / "envoy.log"
    file.write_text(yaml.safe_dump(value))
    command = [program(), "-c", file, "--concurrency", "1", "--use-dynamic-base-id", "-l", "warn"]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(it, process, log)
        yield it
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _wait(it: Envoy, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            it.page("/ready")
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready:\n{log.read_text()[-4000:]}") from None
            time.sleep(0.05)
