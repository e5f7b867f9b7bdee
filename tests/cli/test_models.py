"""`sentinel models prepare` and `status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from sentinel.cli.models import app
from tests.models import tiny

RUDE = {"kind": "onnx", "labels": {"rude": "INSULT"}}


def asked(command: str, tmp_path: Path, models: dict[str, Any]) -> Result:
    file = tmp_path / "sentinel.yaml"
    file.write_text(yaml.safe_dump({"state_dir": str(tmp_path / "state"), "models": models}))
    return CliRunner().invoke(app, [command, "--config", str(file)])


@pytest.mark.parametrize(("most", "status"), [(16, 1), (1, 0)])
def test_what_serving_refuses_is_not_prepared(tmp_path: Path, most: int, status: int) -> None:
    folder = tiny.fixed(tiny.counting(tmp_path))
    entry = {**RUDE, "path": str(folder), "max_batch": most}
    done = asked("prepare", tmp_path, {"detectors": {"own": entry}})
    assert done.exit_code == status, done.output
    told = "sentinel.yaml:7: models.detectors.own.max_batch: the model's batch axis is fixed at 1: export it"
    assert (told in done.output) == bool(status)


def test_models_of_a_pool_are_not_prepared_here(tmp_path: Path) -> None:
    entry = {**RUDE, "path": "/only/there"}
    done = asked("prepare", tmp_path, {"detectors": {"own": entry}, "connect": {"address": "pool:1"}})
    assert (done.exit_code, "models run at pool:1 (models.connect)" in done.output) == (0, True)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "start `sentinel serve` or `sentinel models`"),
        ({"connect": {"address": "127.0.0.1:1"}}, "see models.connect"),
    ],
)
def test_where_no_plane_answers(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    done = asked("status", tmp_path, {"detectors": {"own": {**RUDE, "path": "/m"}}, **more})
    assert done.exit_code == 1
    assert "no model plane answers at " in done.output and told in done.output
