"""What the supervisor keeps outside its state folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sentinel.app.serve import _runtime_dir


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
