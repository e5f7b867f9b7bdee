"""All models of one plane, asked by the detectors' names.

- A detector may have several models, in the order of the configuration: the next one is asked about what the
  one before is unsure of, or failed at.
- A model is asked once about equal passages, whoever asks: those in flight are waited for together, answers
  are kept.
- Who waits looks at the time: what comes after the deadline is for the cache alone.
- Of one request a runner has `share` passages at a time, and the others follow as these are answered: a large
  one is read as far as its deadline lets it, and does not fill the queue for others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence

import msgspec

from sentinel.core.finding import Inspection
from sentinel.detectors.inspection import joined
from sentinel.instruments import MODEL_CACHE_BYTES, MODEL_TEXTS
from sentinel.models.answers import Answers, Keys
from sentinel.models.base import Passage
from sentinel.models.batcher import Job
from sentinel.models.runner import Question, Runner


class Plane:
    """Owned by one event loop. `cache`: answers that are kept, in `cache_bytes` at most."""

    def __init__(self, runners: Sequence[Runner], cache: int, cache_bytes: int) -> None:
        self.runners = tuple(runners)
        self._answers = Answers(cache, cache_bytes)
        self._in_flight: dict[bytes, Job[Question]] = {}

    @property
    def settled(self) -> bool:
        """Whether each model was tried."""
        return all(runner.state not in ("waiting", "loading") for runner in self.runners)

    def versions(self, detectors: Collection[str]) -> dict[str, str]:
        """Of the models that answer for each detector."""
        return {
            name: "+".join(runner.version for runner in self.runners if name in runner.detectors)
            for name in sorted(detectors)
        }

    async def inspect(
        self, passages: Sequence[Passage], detectors: Collection[str], deadline_ms: int | None = None
    ) -> list[Inspection]:
        """What the detectors say of each passage. Never raises for a model."""
        keys = self._answers.keys()
        asked = sorted(set(detectors))
        each = [self._detector(name, passages, deadline_ms, keys) for name in asked]
        answers = await asyncio.gather(*each)
        return (
            [together(about) for about in zip(*answers, strict=True)] if asked else [_NOTHING] * len(passages)
        )

    async def _detector(
        self, name: str, passages: Sequence[Passage], deadline_ms: int | None, keys: Keys
    ) -> list[Inspection]:
        chain = [runner for runner in self.runners if name in runner.detectors]
        if not chain:
            return [Inspection(failed={name: "the model plane has no model for it"})] * len(passages)
        started = time.monotonic()
        answers = [_NOTHING] * len(passages)
        asked = list(range(len(passages)))
        for runner in chain:
            limit = min(deadline_ms or runner.config.deadline_ms, runner.config.deadline_ms)
            found = await self._ask(runner, [passages[index] for index in asked], started, limit, keys)
            for index, answer in zip(asked, found, strict=True):
                answers[index] = next_answer(name, answers[index], only(answer, name))
            asked = [i for i in asked if name in answers[i].unsure or name in answers[i].failed]
            if not asked:
                break
        return answers

    async def _ask(
        self, runner: Runner, passages: Sequence[Passage], started: float, limit_ms: int, keys: Keys
    ) -> list[Inspection]:
        """One model's answers, each of them that is not there in time as failed. The shortest first, so that
        what runs together is of about the same length."""
        deadline = started + limit_ms / 1000
        late = runner.failed(_late(runner, limit_ms))
        answers = [late] * len(passages)
        rest = sorted(range(len(passages)), key=lambda index: (-len(passages[index].text), -index))
        waits: dict[asyncio.Future[Inspection], list[int]] = {}
        while rest or waits:
            while rest and len(waits) < runner.share and not (waits and runner.full):
                index = rest.pop()
                wait = self._wait(runner, passages[index], deadline, keys)
                if isinstance(wait, Inspection):
                    answers[index] = wait
                elif wait is not None:
                    waits.setdefault(wait, []).append(index)
            if not waits:
                continue
            left = max(0.0, deadline - time.monotonic())
            until = asyncio.FIRST_COMPLETED if rest else asyncio.ALL_COMPLETED
            done, _ = await asyncio.wait(waits, timeout=left, return_when=until)
            for wait in done:
                for index in waits.pop(wait):
                    answers[index] = late if wait.cancelled() else wait.result()
            if deadline <= time.monotonic():
                waits.clear()
        if failed := sum(1 for answer in answers if answer.failed):
            MODEL_TEXTS.labels(runner.name, "failed").inc(failed)
        return answers

    def _wait(
        self, runner: Runner, passage: Passage, deadline: float, keys: Keys
    ) -> Inspection | asyncio.Future[Inspection] | None:
        """None when it is too late to ask."""
        version = runner.version
        key = keys.of(runner.name, version, passage, runner.reads)
        known = self._answers.get(key)
        if known is not None:
            MODEL_TEXTS.labels(runner.name, "cached").inc()
            return known
        now = time.monotonic()
        job = self._in_flight.get(key)
        if job is not None and (job.taken or job.deadline > now):
            MODEL_TEXTS.labels(runner.name, "shared").inc()
            job.deadline = max(job.deadline, deadline)
            return job.what.answer
        if deadline <= now:
            return None
        MODEL_TEXTS.labels(runner.name, "asked").inc()
        job = runner.ask(passage, deadline)
        if not job.what.answer.done():
            self._in_flight[key] = job
            job.what.answer.add_done_callback(lambda answer: self._answered(runner, version, key, job))
        return job.what.answer

    def _answered(self, runner: Runner, version: str, key: bytes, job: Job[Question]) -> None:
        if self._in_flight.get(key) is job:
            del self._in_flight[key]
        if job.what.answer.cancelled():
            return
        answer = job.what.answer.result()
        if not answer.failed and runner.version == version:
            self._answers.put(key, answer)
            MODEL_CACHE_BYTES.set(self._answers.bytes)


_NOTHING = Inspection()


def _late(runner: Runner, limit_ms: int) -> str:
    state = "" if runner.state == "ready" else f" (it is {runner.state})"
    return f"no answer within {limit_ms} ms{state}"


def only(answer: Inspection, detector: str) -> Inspection:
    """What an answer says in the name of one detector."""
    return Inspection(
        tuple(finding for finding in answer.findings if finding.detector == detector),
        {name: score for name, score in answer.scores.items() if name == detector},
        {name: why for name, why in answer.failed.items() if name == detector},
        tuple(name for name in answer.unsure if name == detector),
    )


def next_answer(name: str, before: Inspection, answer: Inspection) -> Inspection:
    """The later model's answer counts; where it failed, that and what both found."""
    if name not in answer.failed:
        return answer
    return msgspec.structs.replace(joined([before, answer]), failed=answer.failed)


def together(answers: Sequence[Inspection]) -> Inspection:
    """What several detectors say of one passage, as one, findings in the order of the text."""
    findings = [finding for answer in answers for finding in answer.findings]
    findings.sort(key=lambda finding: (finding.start, finding.end, finding.type))
    return Inspection(
        tuple(findings),
        {name: score for answer in answers for name, score in answer.scores.items()},
        {name: why for answer in answers for name, why in answer.failed.items()},
        tuple(sorted({name for answer in answers for name in answer.unsure})),
    )
