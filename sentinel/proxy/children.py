"""A child process of the supervisor, replaced when it dies.

Each child gets our end of two pipes: it reads its standard input, which ends when we are gone (so no child
outlives a supervisor that was killed), and writes JSON lines about its state to the descriptor in
SENTINEL_STATUS_FD.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

log = logging.getLogger("sentinel.supervisor")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _STABLE_S = 0.2, 10.0, 30.0


class Child:
    """Runs `command` until `stop`. `status` merges what the child last reported; `on_status` is told each
    report.

    A child that dies is started again at once, later with pauses that double up to 10 s until it stayed up
    for 30 s.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_status: Callable[[Child, dict[str, Any]], None],
        inherit: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.status: dict[str, Any] = {}
        self.restarts = 0
        self._command = list(command)
        self._environment = dict(environment)
        self._on_status = on_status
        self._inherit = tuple(inherit)
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running())

    def signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self, grace_s: float) -> int:
        """SIGTERM, then SIGKILL after `grace_s`. Returns the exit status (0 when it never ran)."""
        self._stopping = True
        status = await self.end(grace_s)
        if self._task:
            self._task.cancel()
        return status

    async def end(self, grace_s: float) -> int:
        """The same for the present process alone: unless `stop` was called, a new one starts."""
        process = self._process
        if process is None:
            return 0
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            log.error("%s did not stop within %.0f s and is killed", self.name, grace_s)
            process.kill()
            await process.wait()
        return process.returncode or 0

    async def _keep_running(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._stopping:
            started = time.monotonic()
            status = await self._run_once()
            if self._stopping:
                return
            self.restarts += 1
            pause = (
                _FIRST_PAUSE_S if time.monotonic() - started > _STABLE_S else min(pause * 2, _LONGEST_PAUSE_S)
            )
            log.error("%s ended with status %s; a new one starts in %.1f s", self.name, status, pause)
            self.status = {}
            self._on_status(self, {"event": "died", "status": status})
            await asyncio.sleep(pause)

    async def _run_once(self) -> int:
        reading, writing = os.pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(writing, *self._inherit),
                env={**self._environment, "SENTINEL_STATUS_FD": str(writing)},
            )
        finally:
            os.close(writing)
        reports = asyncio.create_task(self._read_reports(reading))
        try:
            return await process.wait()
        finally:
            reports.cancel()

    async def _read_reports(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        pipe = os.fdopen(descriptor, "rb", 0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            async for line in reader:
                report = msgspec.json.decode(line)
                self.status.update(report)
                self._on_status(self, report)
        finally:
            transport.close()
