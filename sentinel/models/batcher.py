"""Which waiting passages run together. Pure: it never waits, and is told the time.

- At most `capacity` jobs wait; one more is refused.
- The oldest job is in the next batch, so that none starves; its mates are those nearest to it in length,
  because a model pads a batch to its longest.
- A batch holds at most so much text as `max_batch` texts of EACH characters, or one text: a few long ones
  would keep all others waiting.
- A batch is due when it is full, or when its oldest job has waited for `max_wait` seconds.
- A job whose deadline has passed is in no batch: nobody waits for its answer any more, and `dropped` is told.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

J = TypeVar("J")
EACH = 4096


class Job(Generic[J]):
    """Something to run, of a length (characters). `deadline` may be put off while it waits; what is `taken`
    into a batch will be answered, however late."""

    __slots__ = ("asked", "deadline", "length", "taken", "what")

    def __init__(self, what: J, length: int, asked: float, deadline: float) -> None:
        self.what, self.length, self.asked, self.deadline = what, length, asked, deadline
        self.taken = False


class Batcher(Generic[J]):
    """The jobs of one model, oldest first."""

    def __init__(
        self,
        max_batch: int,
        max_wait: float,
        capacity: int,
        dropped: Callable[[J], object] = lambda what: None,
    ) -> None:
        self._max_batch, self._max_wait, self._capacity = max_batch, max_wait, capacity
        self._dropped = dropped
        self._jobs: list[Job[J]] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def offer(self, job: Job[J], now: float) -> bool:
        """False when the queue is full."""
        if self.full(now):
            return False
        self._jobs.append(job)
        return True

    def full(self, now: float) -> bool:
        """Of jobs that somebody waits for."""
        if len(self._jobs) >= self._capacity:
            self._drop_late(now)
        return len(self._jobs) >= self._capacity

    def due_in(self, now: float) -> float | None:
        """Seconds until a batch should run, 0 when one should now, None when nothing waits."""
        self._drop_late(now)
        if not self._jobs:
            return None
        if len(self._jobs) >= self._max_batch:
            return 0.0
        return max(0.0, self._jobs[0].asked + self._max_wait - now)

    def take(self, now: float, among: int = 1) -> list[Job[J]]:
        """The next batch, shortest first; empty when nothing waits. What waits is shared `among` so many
        batches that can run now."""
        self._drop_late(now)
        most = min(self._max_batch, -(-len(self._jobs) // among))
        room = self._max_batch * EACH
        if len(self._jobs) <= most and sum([job.length for job in self._jobs]) <= room:
            batch, self._jobs = self._jobs, []
        else:
            oldest = self._jobs[0].length
            near = sorted(range(len(self._jobs)), key=lambda i: (i > 0, abs(self._jobs[i].length - oldest)))
            lengths = [self._jobs[index].length for index in near[:most]]
            fit = bisect.bisect_right(list(itertools.accumulate(lengths)), room)
            chosen = set(near[: max(1, fit)])
            batch = [job for index, job in enumerate(self._jobs) if index in chosen]
            self._jobs = [job for index, job in enumerate(self._jobs) if index not in chosen]
        for job in batch:
            job.taken = True
        batch.sort(key=lambda job: job.length)
        return batch

    def drain(self) -> list[Job[J]]:
        """Every job, for a model that will answer none."""
        jobs, self._jobs = self._jobs, []
        return jobs

    def _drop_late(self, now: float) -> None:
        late = [job for job in self._jobs if job.deadline <= now]
        if late:
            self._jobs = [job for job in self._jobs if job.deadline > now]
            for job in late:
                self._dropped(job.what)
