"""Performs what the screen of a streamed answer asks for, whatever the transport.

- The opening record is durable before the first byte leaves, findings that edit text before that text.
- The model server's messages and the deadline of held-back text come from different sides; what they lead to
  leaves in one order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from sentinel.core.errors import WireError
from sentinel.core.record import FindingRow
from sentinel.guard.answer import AnswerScreen
from sentinel.guard.commands import Cut, Keep, Send, StreamCommand
from sentinel.proxy.driver import on_thread


class Records(Protocol):
    """Where an exchange's records go before its bytes do."""

    async def open_record(self) -> None: ...

    async def keep(self, findings: Sequence[FindingRow]) -> None: ...


class Answering:
    """One streamed answer on its way. `send` takes elements in order and waits for a slow reader; `stop` is
    called when a deadline cuts the answer while nobody reads from the model server."""

    def __init__(
        self,
        screen: AnswerScreen,
        records: Records,
        send: Callable[[bytes], Awaitable[None]],
        stop: Callable[[], object],
        inline_chars: int,
    ) -> None:
        self.cut: Cut | None = None
        self._screen = screen
        self._records = records
        self._send = send
        self._stop = stop
        self._inline_chars = inline_chars
        self._opened = False
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def feed(self, data: bytes) -> bool:
        """Bytes of the model server's. False when the answer is cut."""
        async with self._turn:
            if self.cut is None:
                try:
                    await self._perform(await self._timed(self._screen.feed, data, len(data)))
                except WireError as error:
                    if not self._cut_unreadable(error):
                        await self._perform([Send(data)])
                self._watch()
        return self.cut is None

    async def close(self) -> bool:
        """The model server has finished. False when the answer is cut."""
        async with self._turn:
            if self.cut is None:
                try:
                    await self._perform(await self._timed(self._close, b"", self._screen.length))
                except WireError as error:
                    self._cut_unreadable(error)
        self.end()
        return self.cut is None

    async def fail(self, why: str) -> str:
        """The model server has broken off, saying why. What may be told of that; what was held back leaves
        as far as it may."""
        async with self._turn:
            told = self._screen.remark(why) if self.cut is None else ""
        await self.close()
        return told

    def _cut_unreadable(self, error: WireError) -> bool:
        """Whether the rules refuse what cannot be read."""
        self.cut = self._screen.unreadable(str(error))
        return self.cut is not None

    def end(self) -> None:
        """Nothing more comes, however it ended: the session gets its decision."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ticking is not None and not self._ticking.done():
            self._ticking.cancel()
        self._screen.abandon()

    def _close(self, _: bytes, now: float) -> list[StreamCommand]:
        return self._screen.close(now)

    async def _timed(
        self, work: Callable[[bytes, float], list[StreamCommand]], data: bytes, size: int
    ) -> list[StreamCommand]:
        """On a thread where there is much to read, so that no other call waits."""
        now, started = time.monotonic(), time.perf_counter_ns()
        if size <= self._inline_chars:
            commands = work(data, now)
        else:
            commands = await on_thread(work, data, now)
        self._screen.elapsed_us += (time.perf_counter_ns() - started) // 1000
        return commands

    async def _perform(self, commands: list[StreamCommand]) -> None:
        for command in commands:
            if isinstance(command, Send):
                if not self._opened:
                    self._opened = True
                    await self._records.open_record()
                await self._send(command.data)
            elif isinstance(command, Keep):
                if not self._opened:
                    self._opened = True
                    await self._records.open_record()
                await self._records.keep(command.findings)
            else:
                self.cut = command

    def _watch(self) -> None:
        """Have the deadline looked at; one timer is enough, for deadlines only move on."""
        if self._timer is None and (deadline := self._screen.deadline) is not None:
            wait = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self._due)

    def _due(self) -> None:
        self._timer = None
        deadline = self._screen.deadline
        if deadline is not None and deadline <= time.monotonic() and self.cut is None:
            self._ticking = asyncio.get_running_loop().create_task(self._tick())
        else:
            self._watch()

    async def _tick(self) -> None:
        async with self._turn:
            if self.cut is None:
                await self._perform(self._screen.tick(time.monotonic()))
                self._watch()
        if self.cut is not None:
            self._stop()
