"""What all exchanges of a worker share: the screener and settings that a reload swaps, the upstream, the
recorder, and the admission of calls."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import grpc

from sentinel.adapters.base import Decoded
from sentinel.core.background import Passage
from sentinel.core.errors import SpoolFull
from sentinel.core.exchange import Stage
from sentinel.core.finding import Inspection
from sentinel.core.needs import detectors_of
from sentinel.core.record import Record, Screened
from sentinel.guard.cascade import Ask, AskNow, Question
from sentinel.guard.commands import Command, Inspect
from sentinel.guard.events import Event, Inspected, RequestRead, ResponseRead, Unreadable
from sentinel.guard.screener import Screener
from sentinel.guard.session import Session
from sentinel.instruments import HISTORY, IN_FLIGHT, REJECTED
from sentinel.proxy.forward import Context
from sentinel.proxy.measures import Measures
from sentinel.proxy.settings import Settings
from sentinel.proxy.upstream import Upstream
from sentinel.telemetry.recorder import Recorder

_SPOOL_FULL = "the record spool is at its bound (spool.max_bytes) and spool.on_full is reject"

CLASSIFIERS_COST = 8  # what classifiers read too takes so many times as long as patterns alone, or longer
_MANY_FINDINGS = 1000  # deciding about more takes milliseconds, in which no other call would be answered
P = ParamSpec("P")
T = TypeVar("T")

_threads = functools.cache(lambda: ThreadPoolExecutor(2, thread_name_prefix="screen"))


class Driver:
    """Owned by one worker's event loop."""

    def __init__(
        self,
        screener: Screener,
        settings: Settings,
        upstream: Upstream,
        recorder: Recorder,
        worker: str,
        ask: Ask | None = None,
    ) -> None:
        self.screener = screener
        self.settings = settings
        self.upstream = upstream
        self.recorder = recorder
        self.worker = worker
        self.ask = ask
        self.measures = Measures(upstream.config.name)
        self.in_flight = 0

    async def admit(self, context: Context) -> None:
        """Count the call in, or turn it away. Every admitted call must be `release`d."""
        limit = self.settings.limits.max_concurrent_calls
        if self.in_flight >= limit:
            REJECTED.labels("concurrency").inc()
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{limit} calls are in flight (limits.max_concurrent_calls)",
            )
        if self.recorder.full:
            REJECTED.labels("spool_full").inc()
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _SPOOL_FULL)
        self.in_flight += 1

    def release(self) -> None:
        self.in_flight -= 1

    async def sample(self) -> None:
        """Keep the gauge of calls in flight and the counts of known texts current, once a second rather than
        with each call."""
        while True:
            IN_FLIGHT.set(self.in_flight)
            for known, count in self.screener.memory.counts().items():
                HISTORY.labels(known).inc(count)
            await asyncio.sleep(1.0)

    def read(self, stage: Stage, decoded: Decoded) -> Event:
        """What a session is told of a decoded message."""
        limit = self.settings.limits.max_text_chars
        if sum([len(part.text) for part in decoded.parts]) > limit:
            return Unreadable(stage, Screened.TOO_LARGE, f"more text than limits.max_text_chars ({limit})")
        partly = bool(decoded.unread)
        if stage is Stage.INPUT:
            return RequestRead(decoded.parts, partly, getattr(decoded, "schema", ""))
        return ResponseRead(decoded.parts, partly)

    async def screen(self, session: Session, event: Event) -> Command:
        """What follows from the event, once the detectors are asked: about short texts at once, about long
        ones on a thread, on the model plane too, and up to the command's deadline.
        """
        command = session.receive(event)
        if not isinstance(command, Inspect):
            return command
        started = time.perf_counter_ns()
        inspections = await self.inspect(session, command)
        inspected = Inspected(inspections, (time.perf_counter_ns() - started) // 1000)
        if sum([len(each.findings) for each in inspections]) <= _MANY_FINDINGS:
            return session.receive(inspected)
        return await on_thread(session.receive, inspected)

    async def inspect(self, session: Session, command: Inspect) -> list[Inspection]:
        """What the detectors find, the model plane's too where it is to be asked."""
        deadline = command.deadline_ms
        size = sum([len(text) for text in command.texts])
        if session.screener.classifies(command.needs):
            size *= CLASSIFIERS_COST
        tenant, around = session.context.tenant, command.backgrounds
        work = functools.partial(session.screener.read, command.texts, command.needs, tenant, around)
        if size <= self.settings.limits.inline_chars:
            read = work()
        else:
            started = time.monotonic()
            try:
                read = await asyncio.wait_for(on_thread(work), None if deadline is None else deadline / 1000)
            except TimeoutError:
                why = f"no answer within {deadline} ms"
                late = Inspection(failed=dict.fromkeys(detectors_of(command.needs), why))
                return [late] * len(command.texts)
            if deadline is not None:  # it is for the model plane too
                deadline = max(1, deadline - int(1000 * (time.monotonic() - started)))
        questions = read.questions
        return read.with_answers(await self.ask_models(questions, deadline) if questions else ())

    async def ask_models(
        self, questions: Sequence[Question], deadline_ms: int | None
    ) -> list[list[Inspection]]:
        """What the model plane says to each question."""
        ask = self.ask
        assert ask is not None, "who names the model plane's detectors says how they are asked"
        asked = [ask(each.passages, each.detectors, deadline_ms) for each in questions]
        return await asyncio.gather(*asked)

    def ask_from_thread(self) -> AskNow | None:
        """How a thread asks the model plane, through this loop."""
        ask, loop = self.ask, asyncio.get_running_loop()
        if ask is None:
            return None

        async def asked(
            passages: Sequence[Passage], detectors: frozenset[str], deadline_ms: int | None
        ) -> list[Inspection]:
            return await ask(passages, detectors, deadline_ms)

        return lambda *given: asyncio.run_coroutine_threadsafe(asked(*given), loop).result()

    async def record(self, record: Record, context: Context) -> None:
        """Make the record durable. A call whose record finds no room ends here, unanswered."""
        try:
            self.recorder.write(record)
            if self.recorder.needs_commit:
                await self.recorder.commit()
        except SpoolFull as error:
            REJECTED.labels("spool_full").inc()
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"the call cannot be recorded: {error}")


def on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
    """Work that takes long, on the threads that screen long texts, so that no other call waits for it."""
    return asyncio.get_running_loop().run_in_executor(_threads(), functools.partial(work, *args, **kwargs))
