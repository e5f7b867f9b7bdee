"""When an environment is made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.peers import environments
from tests.peers.environments import ENVIRONMENTS, TRITON, Environment, ensure, is_made


def test_names_and_stamps_differ() -> None:
    assert len({each.name for each in ENVIRONMENTS}) == len({each.stamp for each in ENVIRONMENTS}) == 9


def test_requirements_are_pinned() -> None:
    assert all(any("==" in requirement for requirement in each.requirements) for each in ENVIRONMENTS)


@pytest.mark.parametrize("change", [{"requirements": ("numpy<2",)}, {"debian_python": False}])
def test_a_change_changes_the_stamp(change: dict[str, object]) -> None:
    assert replace(TRITON, **change).stamp != TRITON.stamp  # type: ignore[arg-type]


@pytest.mark.peers  # seconds each
def test_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    empty = Environment("empty", ("pip",))  # which is there already
    assert not is_made(empty)
    assert ensure(empty).exists() and is_made(empty)
    mark = empty.folder / "mark"
    mark.touch()
    ensure(empty)
    assert mark.exists()
    ensure(replace(empty, requirements=("pip>=1",)))
    assert not mark.exists()


@pytest.mark.peers
def test_a_failure_shows_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    with pytest.raises(RuntimeError, match="no such option"):
        ensure(Environment("broken", ("--nonsense",)))
    assert not (tmp_path / "broken" / ".stamp").exists()
