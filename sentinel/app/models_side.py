"""The supervisor's side of the model plane: whether one is needed here, and the process."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentinel.config import SentinelConfig
from sentinel.core.errors import SentinelError
from sentinel.detectors.registry import READERS, known_detectors
from sentinel.policy.load import load_policy
from sentinel.proxy.children import Child

log = logging.getLogger("sentinel.supervisor")

_TRIES = 3
_BEGINS_WITHIN_S = 60.0
_LOOK_EVERY_S = 1.0
_OVERDUE_S = 10.0  # a sign of life comes every two seconds
_KILL_AFTER_S = 2.0  # a process that hangs seldom heeds SIGTERM


def needed(config: SentinelConfig) -> frozenset[str]:
    """The detectors that rules ask for and a local model plane has to answer for.

    Rules that are wrong need none: whoever loads them to use them says what is wrong.
    """
    served = config.models.served
    if not served or config.models.connect is not None:
        return frozenset()
    try:
        policy = load_policy(config.rules.files(), known_detectors() | served)
    except SentinelError:
        return frozenset()
    return policy.detectors & served


def small_alone(config: SentinelConfig) -> frozenset[str]:
    """The detectors that rules ask for and that go by a small classifier alone, because no model of the same
    name is configured."""
    from sentinel.models.encoder import EncoderConfig

    try:
        asked = load_policy(config.rules.files(), known_detectors() | config.models.served).detectors
    except SentinelError:
        return frozenset()
    return (asked & EncoderConfig.serves & READERS.keys()) - config.models.served


class ModelsSide:
    """The model plane's process under a supervisor. It may die without taking the data plane with it: rules
    say what then happens. One that says nothing any more is replaced: it sees by itself when a batch hangs,
    but not when that keeps the interpreter to itself."""

    def __init__(
        self,
        config_path: Path | None,
        environment: Mapping[str, str],
        last_good: Path | None = None,
        tried_within_s: float = math.inf,
    ) -> None:
        """`tried_within_s`: when each model was tried, seconds after the process began."""
        given = ["--config", str(config_path)] if config_path else []
        given += ["--last-good", str(last_good)] if last_good else []
        command = [sys.executable, "-m", "sentinel.app.models", *given]
        self.child = Child(
            "models", command, {**environment, "SENTINEL_WORKER_SLOT": "models"}, self._reported
        )
        self._settled = False
        self._patience_s, self._started = tried_within_s + _BEGINS_WITHIN_S, math.inf
        self._silent_s = 0.0
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._started = time.monotonic()
        self.child.start()
        self._watching = asyncio.create_task(self._watch())

    def reload(self) -> None:
        """Have the plane take up the detectors' settings."""
        if "address" in self.child.status:  # before that it has no handler, and reads the new file anyway
            self.child.signal(signal.SIGHUP)

    async def stop(self, grace_s: float) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await self.child.stop(grace_s)

    @property
    def settled(self) -> bool:
        """Whether each model was tried once, or the process could not even do that: it dies, or says nothing
        because a library keeps the interpreter to itself."""
        silent = time.monotonic() - self._started > self._patience_s
        return self._settled or self.child.restarts >= _TRIES or silent

    def states(self) -> dict[str, Any]:
        """For /readyz."""
        models: dict[str, str] = self.child.status.get("models", {})
        return {"pid": self.child.pid, "restarts": self.child.restarts, "models": models}

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._silent_s += _LOOK_EVERY_S  # looks, not the clock: we may have been held up ourselves
            if self._silent_s > self._may_be_silent_s:
                log.error("models says nothing for %.0f s, so it hangs: it is replaced", self._silent_s)
                self._silent_s = 0.0
                await self.child.end(_KILL_AFTER_S)

    @property
    def _may_be_silent_s(self) -> float:
        """A load may keep the interpreter to itself, and begins again in a model that is not ready."""
        states = self.child.status.get("models", {}).values()
        if not states or any(state != "ready" for state in states):
            return self._patience_s
        stuck_s: float = self.child.status["stuck_s"]
        return stuck_s + _OVERDUE_S

    def _reported(self, child: Child, reported: dict[str, Any]) -> None:
        self._silent_s = 0.0
        if reported["event"] == "models":
            self._settled = self._settled or reported["settled"]
