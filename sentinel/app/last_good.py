"""A copy of the configuration and rules in force, so that a worker that dies while the files on disk are
wrong is replaced by one with the same rules."""

from __future__ import annotations

import shutil
from pathlib import Path

from sentinel.config import SentinelConfig
from sentinel.policy.load import SUFFIXES

_FOLDER = "last-good"


def path(state_dir: Path) -> Path:
    """The copied configuration; may not exist."""
    return state_dir.resolve() / _FOLDER / "sentinel.yaml"


def forget(state_dir: Path) -> None:
    """At start there is no predecessor: a mistake must be told, not covered up."""
    shutil.rmtree(path(state_dir).parent, ignore_errors=True)


def keep(config: SentinelConfig, state_dir: Path) -> None:
    """Copy the configuration with its rule files; JSON is YAML."""
    folder = path(state_dir).parent
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "rules").mkdir(parents=True)
    files = [
        file
        for given in config.rules.files()
        for file in (sorted(given.iterdir()) if given.is_dir() else [given])
        if file.suffix in SUFFIXES
    ]
    for number, file in enumerate(files):
        shutil.copyfile(file, fresh / "rules" / f"{number:03}-{file.name}")
    copied = config.model_copy(
        update={
            "state_dir": config.state_dir.resolve(),
            "rules": config.rules.model_copy(update={"paths": (folder / "rules",)}),
        }
    )
    (fresh / "sentinel.yaml").write_text(copied.model_dump_json(exclude_unset=False), "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
