"""What the supervisor keeps outside its state folder, and what it says at a start."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.app import serve
from sentinel.app.models_side import ModelsSide
from sentinel.app.serve import Supervisor, _runtime_dir
from sentinel.config import SentinelConfig
from sentinel.proxy.children import Child


def test_the_folder_of_a_killed_predecessor_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    first = _runtime_dir(tmp_path)
    (first / "metrics").mkdir()
    second = _runtime_dir(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == [second]


def test_a_note_that_names_anything_else_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp" / "precious").mkdir(parents=True)
    for named in (tmp_path / "tmp" / "precious", tmp_path, "", "/"):
        (tmp_path / "runtime.path").write_text(str(named))
        _runtime_dir(tmp_path)
    assert (tmp_path / "tmp" / "precious").is_dir()


@pytest.fixture
def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[[dict[str, Any]], None]:
    """All of a start with these settings but the processes."""
    for each in (Child, ModelsSide):
        monkeypatch.setattr(each, "start", lambda self: None)

    def start(settings: dict[str, Any]) -> None:
        supervisor = Supervisor(None, SentinelConfig.model_validate({"state_dir": tmp_path, **settings}))
        supervisor._runtime_dir = tmp_path
        with caplog.at_level(logging.INFO, "sentinel.supervisor"):
            supervisor._start_children()

    return start


@pytest.mark.parametrize("built", [True, False])
def test_a_start_says_where_nothing_was_compiled(
    start: Callable[[dict[str, Any]], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    built: bool,
) -> None:
    monkeypatch.setattr(serve, "compiled", lambda: built)
    start({})
    assert ("small classifiers compute in numpy" in caplog.text) is not built


@pytest.mark.parametrize(
    ("models", "told"), [({}, ["injection, toxicity"]), ({"encoder": {"kind": "encoder"}}, [])]
)
def test_a_start_says_which_small_classifiers_decide_alone(
    start: Callable[[dict[str, Any]], None],
    caplog: pytest.LogCaptureFixture,
    models: dict[str, dict[str, str]],
    told: list[str],
) -> None:
    start({"models": {"detectors": models}})
    alone = [line.partition(": small classifiers decide alone; `models: ") for line in caplog.messages]
    assert [names for names, found, _ in alone if found] == told
