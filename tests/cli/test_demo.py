"""What `sentinel demo` shows; that it runs is tested with the README's tour."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sentinel.cli.demo import _columns


@pytest.mark.parametrize("width", [40, 80, 129, 130, 200])
@pytest.mark.parametrize("real", [True, False])
def test_what_was_decided_and_why_is_on_every_terminal(width: int, real: bool) -> None:
    assert {"conversation", "decided", "why"} <= set(_columns(width, real))


def test_a_real_model_has_nothing_to_be_expected() -> None:
    assert "as expected" in _columns(200, real=False)
    assert "as expected" not in _columns(200, real=True)


def test_a_model_server_that_never_answers_is_a_failure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sentinel.cli", "demo", "--once", "--upstream", "127.0.0.1:1"]
    done = subprocess.run(
        [*command, "--state-dir", str(tmp_path / "state")], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 1
    assert "never answered" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    """SIGINT is ignored in what a shell starts in the background, as here."""
    command = ["bash", "-c", '"$0" -m sentinel.cli demo --state-dir state & echo $!; wait', sys.executable]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        pid = int(shell.stdout.readline())
        lock = tmp_path / "state" / "serve.lock"
        deadline = time.monotonic() + 60
        while not (lock.exists() and lock.read_text()):
            assert time.monotonic() < deadline and shell.poll() is None
            time.sleep(0.02)
        os.kill(pid, number)
        shell.wait(60)
    with lock.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # its sidecar is gone
