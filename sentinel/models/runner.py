"""One model's life: loaded, warmed up, asked, unloaded when idle.

The event loop owns the queue; whatever the model does runs on threads that are the model's own, one for each
batch that may run at the same time. It is loaded and unloaded while none runs. The threads survive whatever
the model raises. A model that hangs cannot be ended: in a batch, `on_stuck` is told; while it loads, it
counts as broken, the next one loads, and what comes of it in the end is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.detectors.registry import DetectorsConfig
from sentinel.instruments import MODEL_BATCH, MODEL_LOADS, MODEL_READY, MODEL_SECONDS, MODEL_WAITING
from sentinel.models.base import Model, NotHere, Passage, Reads, detectors_of, key_of, reads_of
from sentinel.models.batcher import Batcher, Job
from sentinel.models.config import ModelConfig
from sentinel.models.inference import failure, inferred, told, without
from sentinel.models.registry import tell_of

log = logging.getLogger("sentinel.models")

State = Literal["waiting", "loading", "ready", "idle", "broken"]
T = TypeVar("T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0  # between two tries to load
_AROUND = Background(question="When does the ferry leave?", context=("The ferry leaves at nine.",))
_SHORT = Passage("The ferry leaves at nine.", 0, _AROUND)
_LONG = Passage("The ferry leaves at nine, and the train at ten. " * 20, 0, _AROUND)


class Question:
    """A passage and who waits for what the model says of it."""

    __slots__ = ("answer", "passage")

    def __init__(self, passage: Passage, answer: asyncio.Future[Inspection]) -> None:
        self.passage, self.answer = passage, answer


class Runner:
    """Owned by the plane's event loop. `name` is the model's; a failed answer names the model's detectors."""

    def __init__(
        self,
        name: str,
        config: ModelConfig,
        make: Callable[[], Model],
        one_at_a_time: asyncio.Lock,
        on_stuck: Callable[[str], None],
        located: Callable[[ConfigError], ConfigError] = lambda error: error,
    ) -> None:
        """`located`: a mistake with the place in the user's files where it stands."""
        self.name, self.config = name, config
        self.detectors = config.detectors(name)
        self.state: State = "waiting"
        self.why = ""
        self.version = ""
        self.types: frozenset[str] = frozenset()
        self.reads: Reads = lambda background: background
        self._make = make
        self._model: Model | None = None
        self._one_at_a_time = one_at_a_time  # two loads at once would need the memory of both
        self._on_stuck = on_stuck
        self._located = located
        self._batcher: Batcher[Question] = Batcher(
            config.max_batch,
            config.max_wait_ms / 1000,
            config.queue,
            lambda question: question.answer.cancel(),
        )
        self._changed = asyncio.Event()  # a text came, or a batch ended
        self._free = config.batches
        self._threads = ThreadPoolExecutor(config.batches, thread_name_prefix=f"model-{name}")
        self._running: list[Future[Any]] = []
        self._pause, self._retry_at = _FIRST_PAUSE_S, 0.0
        self._may_be_absent = False
        self._overdue: asyncio.Future[None] | None = None  # a load that took too long, and goes on
        MODEL_READY.labels(name).set(0)  # of a predecessor that was killed, the last value is still there
        MODEL_WAITING.labels(name).set(0)

    @property
    def waiting(self) -> int:
        return len(self._batcher)

    @property
    def full(self) -> bool:
        """Whether one more passage would be refused."""
        return self._batcher.full(time.monotonic())

    @property
    def share(self) -> int:
        """Passages of one request that wait or run at a time: as many as keep the model busy, at most half
        of the queue."""
        enough = 2 * self.config.max_batch * self.config.batches
        return max(1, min(enough, self.config.queue // 2))

    def ask(self, passage: Passage, deadline: float) -> Job[Question]:
        """A job whose future will hold the answer; who waits must look at the time. It is cancelled when the
        model did not come to it before `deadline` (monotonic seconds)."""
        now = time.monotonic()
        question = Question(passage, asyncio.get_running_loop().create_future())
        job = Job(question, len(passage.text) - passage.start, now, deadline)
        if self.state == "broken" and (self._load_goes_on or now < self._retry_at):
            question.answer.set_result(self._not_loaded())
        elif not self._batcher.offer(job, now):
            question.answer.set_result(self.failed(f"its queue is full ({self.waiting} texts wait)"))
        else:
            self._changed.set()
        return job

    def failed(self, why: str) -> Inspection:
        return Inspection(failed=dict.fromkeys(sorted(self.detectors), why))

    def _not_loaded(self) -> Inspection:
        why = f"it is not loaded: {self.why}"
        return without(self.detectors, why) if self._may_be_absent else self.failed(why)

    async def run(self) -> None:
        """Load, and answer until cancelled."""
        await self.load()
        async with asyncio.TaskGroup() as batches:
            while True:
                MODEL_WAITING.labels(self.name).set(self.waiting)
                due = self._batcher.due_in(time.monotonic())
                if due == 0.0 and self._free:
                    await self._next_batch(batches)
                    continue
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), due or self._unasked_for())
                except TimeoutError:
                    if due is None:
                        await (self._unload() if self.state == "ready" else self.load())

    def _unasked_for(self) -> float | None:
        """Seconds after which something is to be done although nobody asks: a model that is ready is
        unloaded, one that is broken is tried again, for a pool that is not ready is asked nothing. None while
        a batch runs, or a load that took too long."""
        if self._load_goes_on:
            return None
        if self.state == "broken":
            return max(0.0, self._retry_at - time.monotonic())
        at_rest = self.state == "ready" and self._free == self.config.batches
        return self.config.idle_s if at_rest else None

    def stop(self) -> bool:
        """Wait for nothing. Whether the threads are at rest."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        return all(running.done() for running in self._running)

    async def beside(self, detectors: DetectorsConfig) -> None:
        """The data plane's detectors are set otherwise now."""
        async with self._one_at_a_time:  # while none loads
            model = self._model
            if model is None:
                return
            try:
                await self._on_thread(tell_of, detectors, model)
            except ConfigError as error:
                log.error("%s goes on with the settings that the detectors had: %s", self.name, error)
            if self.version:
                self.version = model.version

    async def load(self) -> None:
        """Make the model ready; when that fails, `why` says why, and the next try has to wait."""
        async with self._one_at_a_time:
            self.state = "loading"
            started = time.monotonic()
            loading = self._overdue or self._on_thread(self._load)
            await asyncio.wait([loading], timeout=self.config.load_timeout_s)
            if not loading.done():
                self._load_is_overdue(loading)
                return
            self._overdue = None
            try:
                loading.result()
            except ConfigError as error:
                self._may_be_absent = isinstance(error, NotHere)
                self._broken(str(error), str(self._located(error)))
            except BaseException as error:  # the load's own: ours to be cancelled would come while we wait
                self._may_be_absent = False
                self._broken(f"{key_of(self.name)}: {failure(error)}")
            else:
                self.state, self.why, self._pause = "ready", "", _FIRST_PAUSE_S
                MODEL_READY.labels(self.name).set(1)
                MODEL_LOADS.labels(self.name, "ready").inc()
                log.info("%s is ready after %.1f s", self.name, time.monotonic() - started)

    @property
    def _load_goes_on(self) -> bool:
        return self._overdue is not None and not self._overdue.done()

    def _load_is_overdue(self, loading: asyncio.Future[None]) -> None:
        """Not tried again before it ends, for its thread cannot be stopped and a second needs memory too."""
        self._overdue, self._may_be_absent = loading, False
        self._retry_at = 0.0
        loading.add_done_callback(lambda _: self._changed.set())
        self._unusable(
            f"{key_of(self.name)}: it has been loading for {self.config.load_timeout_s:g} s, and is used once"
            " it is done: where it needs so long, run `sentinel models prepare` before or raise its "
            "load_timeout_s; where it hangs (a disk, a download), mend that and start the plane anew"
        )

    def _load(self) -> None:
        if self._model is None:
            self._model = self._make()
        model = self._model
        try:
            model.load()
            self._warm_up(model)
        except BaseException:
            with contextlib.suppress(Exception):
                model.unload()  # or the next try would need the memory of both
            raise
        self.version, self.types = model.version, model.types
        self.reads = reads_of(model)
        self.detectors |= detectors_of(model)

    def _warm_up(self, model: Model) -> None:
        if self.version:
            inferred(model, [_SHORT])
        else:
            try_out(model, self.config)

    def _broken(self, why: str, logged: str = "") -> None:
        self._retry_at = time.monotonic() + self._pause
        self._unusable(why, f", and is tried again in {self._pause:.0f} s", logged)
        if self._may_be_absent:
            small = ", ".join(without(self.detectors, "").unsure)
            log.warning("until then the small detectors decide alone: %s", small)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)

    def _unusable(self, why: str, until: str = "", logged: str = "") -> None:
        """`logged`: with what only the log tells."""
        self.state, self.why = "broken", why
        log.error("%s cannot be used%s: %s", self.name, until, logged or why)
        MODEL_READY.labels(self.name).set(0)
        MODEL_LOADS.labels(self.name, "broken").inc()
        for job in self._batcher.drain():
            _answer(job, self._not_loaded())

    async def _unload(self) -> None:
        model = self._model
        assert model is not None
        self.state = "idle"
        MODEL_READY.labels(self.name).set(0)
        log.info("%s is unloaded: nobody asked for %g s", self.name, self.config.idle_s)
        try:
            await self._on_thread(model.unload)
        except Exception as error:
            log.error("%s cannot be unloaded well: %s", self.name, told(error))

    async def _next_batch(self, batches: asyncio.TaskGroup) -> None:
        if self.state != "ready":  # then no batch runs
            await self.load()
        jobs = self._batcher.take(time.monotonic(), self._free)
        if jobs:  # or it was too late for all of them, or the load failed and answered them
            self._free -= 1
            batches.create_task(self._batch(jobs))

    async def _batch(self, jobs: Sequence[Job[Question]]) -> None:
        try:
            await self._answer_all(jobs)
        finally:
            self._free += 1
            self._changed.set()

    async def _answer_all(self, jobs: Sequence[Job[Question]]) -> None:
        model = self._model
        assert model is not None
        MODEL_BATCH.labels(self.name).observe(len(jobs))
        with MODEL_SECONDS.labels(self.name).time():
            running = self._on_thread(self._answers, model, asyncio.get_running_loop(), jobs)
            try:
                answers = await asyncio.wait_for(asyncio.shield(running), self.config.stuck_s)
            except TimeoutError:
                for job in jobs:
                    _answer(job, self.failed(f"it hangs since {self.config.stuck_s:g} s"))
                self._on_stuck(self.name)
                answers = await running
        for job, answer in zip(jobs, answers, strict=True):
            _answer(job, answer)

    def _answers(
        self, model: Model, loop: asyncio.AbstractEventLoop, jobs: Sequence[Job[Question]]
    ) -> list[Inspection]:
        """On the thread. What breaks with many is tried one by one, so that one text cannot fail others."""
        try:
            return inferred(model, [job.what.passage for job in jobs])
        except BaseException as error:
            if len(jobs) == 1:
                log.error("%s: %s", self.name, told(error))
                return [self.failed(told(error))]
            log.warning("%s: %s on %d texts; they run one by one", self.name, told(error), len(jobs))
        answers = []
        for job in jobs:
            late = job.deadline <= time.monotonic()
            [answer] = [self.failed("no answer in time")] if late else self._answers(model, loop, [job])
            loop.call_soon_threadsafe(_answer, job, answer)  # at once: the next one may take long
            answers.append(answer)
        return answers

    def _on_thread(self, work: Callable[..., T], *args: object) -> asyncio.Future[T]:
        running = self._threads.submit(work, *args)
        self._running = [*(each for each in self._running if not each.done()), running]
        return asyncio.wrap_future(running)


def try_out(model: Model, config: ModelConfig) -> None:
    """What the first texts would otherwise wait for; on a GPU also whether a full batch fits. Raises what the
    model does, and NoAnswer."""
    on_gpu = str(getattr(config.settings, "device", "cpu")).startswith("cuda")
    inferred(model, [_SHORT])
    inferred(model, [_LONG] * config.max_batch if on_gpu else [_LONG, _SHORT][: config.max_batch])


def _answer(job: Job[Question], answer: Inspection) -> None:
    if not job.what.answer.done():
        job.what.answer.set_result(answer)
