from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Torture, torture
from tests.e2e.sidecar import Sidecar, start_sidecar

RULE = """
rules:
  - id: e2e-flag-email
    description: Something to screen with, so that ModelInfer takes the screened path.
    level: low
    stage: both
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: flag
"""


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torture]:
    """One torture upstream for all tests that leave it alive."""
    with torture(tmp_path_factory.mktemp("upstream")) as started:
        yield started


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "e2e.yaml"
    path.write_text(RULE)
    return path


@pytest.fixture(scope="session")
def sidecar(tmp_path_factory: pytest.TempPathFactory, upstream: Torture, rules: Path) -> Iterator[Sidecar]:
    """One sidecar with two workers in front of `upstream`, for all tests that leave its state alone."""
    directory = tmp_path_factory.mktemp("sidecar")
    limits = {
        "max_message_bytes": 128 << 20,
        "max_metadata_bytes": 128 << 10,
        "max_concurrent_calls": 10_000,
    }
    with start_sidecar(
        directory, upstream.address, workers=2, rules={"paths": [str(rules)]}, limits=limits
    ) as it:
        yield it
