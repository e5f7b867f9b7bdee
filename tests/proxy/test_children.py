"""Child processes are replaced when they die, reported on, and stopped in the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from sentinel.proxy.children import Child

REPORTS = (
    'import os; os.write(int(os.environ[\'SENTINEL_STATUS_FD\']), b\'{"event": "ready", "ready": true}\\n\')'
)
UNTIL_EOF = f"{REPORTS}\nimport sys\nsys.stdin.read()"
STUBBORN = (
    f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{REPORTS}\nimport time\ntime.sleep(60)"
)


class Watched:
    def __init__(self, code: str) -> None:
        self.reports: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self.child = Child("child", [sys.executable, "-c", code], os.environ, self.told)
        self.child.start()

    def told(self, child: Child, report: dict[str, Any]) -> None:
        self.reports.append(report)
        self.news.set()

    async def until(self, *events: str) -> None:
        while [report["event"] for report in self.reports] != list(events):
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 30)


def test_a_child_that_is_killed_is_replaced() -> None:
    async def play() -> None:
        watched = Watched(UNTIL_EOF)
        await watched.until("ready")
        first = watched.child.pid
        watched.child.signal(signal.SIGKILL)
        await watched.until("ready", "died", "ready")
        assert watched.child.pid not in (None, first)
        assert watched.child.restarts == 1
        await watched.child.stop(10)

    asyncio.run(play())


def test_a_stopped_child_is_not_replaced() -> None:
    async def play() -> None:
        watched = Watched(UNTIL_EOF)
        await watched.until("ready")
        assert await watched.child.stop(10) == -signal.SIGTERM
        await asyncio.sleep(0.5)
        assert watched.child.pid is None
        assert [report["event"] for report in watched.reports] == ["ready"]

    asyncio.run(play())


def test_a_child_that_does_not_stop_is_killed() -> None:
    async def play() -> None:
        watched = Watched(STUBBORN)
        await watched.until("ready")
        assert await watched.child.stop(0.2) == -signal.SIGKILL

    asyncio.run(play())


def test_status_is_forgotten_with_the_child_that_told_it() -> None:
    async def play() -> None:
        watched = Watched(UNTIL_EOF)
        await watched.until("ready")
        assert watched.child.status["ready"] is True
        watched.child.signal(signal.SIGKILL)
        await watched.until("ready", "died")
        assert watched.child.status == {}
        await watched.child.stop(10)

    asyncio.run(play())
