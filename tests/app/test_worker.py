"""A worker takes up rules: the last ones asked for win."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sentinel.app import worker
from sentinel.app.models_asked import ModelsAsked
from sentinel.app.worker import Worker
from sentinel.config import SentinelConfig


class Driver:
    """What a reload writes to; `taken_up` is set once it has."""

    def __init__(self) -> None:
        self.taken_up = threading.Event()
        self.settings: Any = None
        self._screener: Any = None

    @property
    def screener(self) -> Any:
        return self._screener

    @screener.setter
    def screener(self, value: Any) -> None:
        self._screener = value
        self.taken_up.set()


def test_a_slow_reload_does_not_undo_a_later_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = SentinelConfig(state_dir=tmp_path)
    driver = Driver()
    loaded: list[Any] = []

    def load(config: SentinelConfig, models: ModelsAsked) -> Any:
        screener = SimpleNamespace(warm_up=lambda: None, policy=SimpleNamespace(digest=f"{len(loaded)}"))
        loaded.append(screener)
        if len(loaded) == 1:
            driver.taken_up.wait(0.3)  # so the later one is done first, if nothing holds that back
        return screener

    monkeypatch.setattr(worker, "load_config", lambda path: config)
    monkeypatch.setattr(worker, "_load_screener", load)

    async def reload_twice() -> None:
        it: Any = Worker(None, config, SimpleNamespace(), ModelsAsked(config), 0)  # type: ignore[arg-type]
        it._driver = driver
        await asyncio.gather(it._reload(), it._reload())

    asyncio.run(reload_twice())
    assert driver.screener is loaded[1]
