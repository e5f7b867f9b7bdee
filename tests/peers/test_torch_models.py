"""The tests of models that need torch, in an environment that has it: ours goes without."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.peers.environments import TORCH, ensure

ROOT = Path(__file__).parents[2]


@pytest.mark.peers
def test_models_on_torch() -> None:
    ours = sysconfig.get_path("purelib")  # pytest, pydantic and the like
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), ours)), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [
            ensure(TORCH),
            "-m",
            "pytest",
            "-q",
            "-m",
            "torch and not cuda",
            "-p",
            "no:cacheprovider",
            "tests/models",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert "skipped" not in run.stdout
