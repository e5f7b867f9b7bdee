"""Processes under test: started, waited for, looked into through /proc, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.client import Control

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0  # a cold start compiles every pattern


def start(
    arguments: list[str], log: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A Python process of this interpreter, leader of its own group, all output in `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )


def end(process: subprocess.Popen[bytes], grace_s: float = 5.0) -> None:
    """Ask, then make sure: nothing of the group outlives the test."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            pass
    kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(5)


def wait_for_file(path: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while not path.exists():
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode} before it was ready:\n{log.read_text()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"not ready after {START_S} s:\n{log.read_text()}")
        time.sleep(0.02)
    return path.read_text()


def alive(pid: int) -> bool:
    """Whether the process runs (one that ended and waits for its parent does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def rss_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def mapped_files(pid: int) -> set[str]:
    """Paths of the files that a process has mapped, its shared objects among them."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {fields[5] for line in lines if len(fields := line.split(maxsplit=5)) == 6}


def group_members(pgid: int) -> dict[int, str]:
    """pid -> command line of each living process of a group."""
    found = {}
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        pid = int(directory.name)
        try:
            if os.getpgid(pid) == pgid and alive(pid):
                found[pid] = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def owner_of_port(port: int, pids: list[int]) -> int | None:
    """Which of `pids` holds the established TCP connection whose local port is `port`."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(descriptor) in inodes:
                    return pid
            except FileNotFoundError:
                continue
    return None


@dataclass
class Torture:
    address: str
    process: subprocess.Popen[bytes]
    control: Control
    log: Path


@contextmanager
def torture(
    directory: Path, *options: str, control: Control | None = None, name: str = "torture"
) -> Iterator[Torture]:
    """The torture upstream in a process of its own. `control` where the default (plain text) will not do."""
    ready, log = directory / f"{name}.address", directory / f"{name}.log"
    ready.unlink(missing_ok=True)
    process = start(["-m", "tests.e2e.torture", "--ready", str(ready), *options], log)
    try:
        address = wait_for_file(ready, process, log)
        yield Torture(address, process, control or Control(address), log)
    finally:
        end(process, grace_s=0.5)
