"""Performs what the screen of a streamed answer asks for, whatever the transport.

- Findings that edit text are durable before that text leaves.
- The model server's messages, the model plane's answers and the deadline of held-back text come from
  different sides; what they lead to leaves in one order.
- A stream has many messages, and most lead to one that is sent at once: `begin` and `done` are for those, so
  that no coroutine stands between the model server's message and the caller's.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from sentinel.adapters.base import Element
from sentinel.core.errors import WireError
from sentinel.guard.answer import AnswerScreen
from sentinel.guard.commands import Ask, Cut, Keep, Send, StreamCommand
from sentinel.proxy.driver import CLASSIFIERS_COST, on_thread
from sentinel.proxy.run import Run
from sentinel.proxy.turn import Turn

T = TypeVar("T")


class Answering:
    """One streamed answer on its way, once the exchange's opening record is durable.

    `send` takes elements in order and waits for a slow reader. `stop` is called when the answer ends on the
    side that does not read from the model server: cut by a deadline or by what the model plane says, or
    because something broke there, which whoever reads is told then (`broken`).
    """

    def __init__(
        self,
        run: Run,
        screen: AnswerScreen,
        send: Callable[[bytes], Awaitable[None]],
        stop: Callable[[], object],
    ) -> None:
        self.cut: Cut | None = None
        self.broken: Exception | None = None
        self._run = run
        self._screen = screen
        self._send = send
        self._stop = stop
        self._limits = run.driver.settings.limits
        self._turn = Turn()
        self._timer: asyncio.TimerHandle | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self._moved: asyncio.Future[None] | None = None
        """Somebody waits for what happens aside."""

    def begin(self, elements: Sequence[Element], size: int) -> list[StreamCommand] | None:
        """Elements that were decoded elsewhere, from `size` bytes: what to do, in order, before `done`. None
        where that cannot be said at once: `take` them then."""
        if self.cut is not None or self.broken is not None or size > self._limits.inline_chars:
            return None
        if not self._turn.taken_at_once():
            return None
        started = time.monotonic()
        commands = self._screen.take(elements, started)
        self._screen.elapsed_us += int((time.monotonic() - started) * 1e6)
        return commands

    def done(self) -> None:
        """What `begin` told has been done."""
        self._mind_length()
        self._watch()
        self._turn.give()

    async def feed(self, data: bytes) -> bool:
        """Bytes of the model server's. False when the answer is cut."""
        async with self._turn:
            self._mind_broken()
            if self.cut is None:
                try:
                    await self.perform(await self._timed(self._screen.feed, data, len(data)))
                except WireError as error:
                    if not self._cut_unreadable(str(error)):
                        await self.perform([Send(data)])
                self._mind_length()
                self._watch()
        return self.cut is None

    async def take(self, elements: Sequence[Element], size: int) -> bool:
        """Elements that were decoded elsewhere, from `size` bytes. False when the answer is cut."""
        async with self._turn:
            self._mind_broken()
            if self.cut is None:
                await self.perform(await self._timed(self._screen.take, elements, size))
                self._mind_length()
                self._watch()
        return self.cut is None

    def unreadable(self, why: str) -> bool:
        """Something came that cannot be read. False when the answer is cut, for that or already."""
        return self.cut is None and not self._cut_unreadable(why)

    async def close(self) -> bool:
        """The model server has finished. False when the answer is cut."""
        try:
            await self._complete()
        except WireError as error:
            async with self._turn:
                if self.cut is None:
                    self._cut_unreadable(str(error))
        self.end()
        return self.cut is None

    async def fail(self, why: str) -> str:
        """The model server has broken off, saying why. What may be told of that; what was held back leaves
        as far as it may."""
        async with self._turn:
            told = self._screen.remark(why) if self.cut is None else ""
        await self.close()
        return told

    def _cut_unreadable(self, why: str) -> bool:
        """Whether the rules refuse what cannot be read."""
        self.cut = self._screen.unreadable(why)
        return self.cut is not None

    def end(self) -> None:
        """Nothing more comes, however it ended: the session gets its decision."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._aside:
            task.cancel()
        self._screen.abandon()

    def _mind_broken(self) -> None:
        if self.broken is not None:
            raise self.broken

    def _mind_length(self) -> None:
        most = self._limits.max_text_chars
        if self._screen.length > most and self.cut is None:
            self._cut_unreadable(f"more text than limits.max_text_chars ({most})")

    async def _complete(self) -> None:
        screen, size = self._screen, self._screen.length
        if screen.classified:
            size *= CLASSIFIERS_COST
        async with self._turn:
            self._mind_broken()
            if self.cut is None:
                await self.perform(await self._timed(lambda _, now: screen.ending(now), None, size))
                self._watch()
        while screen.waiting and self.cut is None and self.broken is None:
            self._moved = asyncio.get_running_loop().create_future()
            await self._moved
        async with self._turn:
            self._mind_broken()
            if self.cut is None:
                asked = screen.asks()
                known = await self._run.inspect(asked) if asked is not None else ()
                await self.perform(await self._timed(lambda _, now: screen.close(now, known), None, size))

    async def _timed(
        self, work: Callable[[T, float], list[StreamCommand]], data: T, size: int
    ) -> list[StreamCommand]:
        """On a thread where there is much to read, so that no other call waits."""
        now, started = time.monotonic(), time.perf_counter_ns()
        if size <= self._limits.inline_chars:
            commands = work(data, now)
        else:
            commands = await on_thread(work, data, now)
        self._screen.elapsed_us += (time.perf_counter_ns() - started) // 1000
        return commands

    async def perform(self, commands: Iterable[StreamCommand]) -> None:
        """Do what is to be done, in order."""
        for command in commands:
            if isinstance(command, Send):
                await self._send(command.data)
            elif isinstance(command, Keep):
                await self._run.keep(command.findings, self._screen.released)
            elif isinstance(command, Ask):
                self._go_aside(self._asked(command))
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
            self._go_aside(self._tick())
        else:
            self._watch()

    async def _tick(self) -> None:
        async with self._turn:
            if self.cut is None:
                await self.perform(self._screen.tick(time.monotonic()))
                self._watch()

    async def _asked(self, ask: Ask) -> None:
        answers = await self._run.ask_models(ask)
        async with self._turn:
            if self.cut is None and self.broken is None:
                answered = functools.partial(self._screen.answered, ask.number)
                await self.perform(await self._timed(answered, answers, 0))
                self._watch()

    def _go_aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it while others read from the model server."""
        task = asyncio.get_running_loop().create_task(self._beside(work))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # whoever reads tells the caller
            self.broken = error
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)
        if self.cut is not None or self.broken is not None:
            self._stop()
