from __future__ import annotations

import pytest

from sentinel.models.batcher import EACH, Batcher, Job

FOREVER = 1e9


def job(length: int, asked: float = 0.0, deadline: float = FOREVER) -> Job[int]:
    return Job(length, length, asked, deadline)


def filled(batcher: Batcher[int], *jobs: Job[int]) -> Batcher[int]:
    for each in jobs:
        assert batcher.offer(each, each.asked)
    return batcher


@pytest.mark.parametrize(
    ("lengths", "batches"),
    [
        ([], [[]]),
        ([5], [[5], []]),
        ([9, 1, 5], [[1, 5, 9], []]),
        # The oldest goes, with those nearest to it in length.
        ([50, 900, 60, 40, 910, 1], [[40, 50, 60], [1, 900, 910], []]),
        # However odd its length, the oldest is not put off for others that fit together.
        ([1000, 1, 2, 3, 4], [[3, 4, 1000], [1, 2], []]),
        # Long ones do not keep all others waiting.
        ([3 * EACH, 1], [[3 * EACH], [1], []]),
        ([1, 9 * EACH, 2], [[1, 2], [9 * EACH], []]),
        ([EACH, EACH, EACH, 2 * EACH, 2 * EACH], [[EACH] * 3, [2 * EACH], [2 * EACH], []]),
    ],
)
def test_batches(lengths: list[int], batches: list[list[int]]) -> None:
    batcher = filled(Batcher(3, 0.0, 100), *map(job, lengths))
    assert [[each.what for each in batcher.take(0.0)] for _ in batches] == batches


@pytest.mark.parametrize(
    ("asked", "now", "due"),
    [
        ([], 0.0, None),
        ([1.0], 1.0, 0.25),
        ([1.0, 1.2], 1.2, 0.05),  # the oldest counts
        ([1.0], 1.25, 0.0),
        ([1.0], 9.0, 0.0),
        ([1.0, 1.0, 1.0], 1.0, 0.0),  # full
    ],
)
def test_when_a_batch_is_due(asked: list[float], now: float, due: float | None) -> None:
    batcher = filled(Batcher(3, 0.25, 100), *(job(1, at) for at in asked))
    assert batcher.due_in(now) == (None if due is None else pytest.approx(due))


def test_a_full_queue_refuses() -> None:
    batcher = filled(Batcher(3, 0.0, 2), job(1), job(2))
    assert not batcher.offer(job(3), 0.0)
    assert len(batcher) == 2


def test_late_jobs_make_room() -> None:
    batcher = filled(Batcher(3, 0.0, 2), job(1, deadline=1.0), job(2))
    assert not batcher.offer(job(3), 0.9)
    assert batcher.offer(job(3), 1.0)
    assert [each.what for each in batcher.take(1.0)] == [2, 3]


def test_a_late_job_is_in_no_batch() -> None:
    batcher = filled(Batcher(3, 5.0, 9), job(1, deadline=1.0))
    assert batcher.due_in(0.5) == 4.5
    assert batcher.due_in(1.0) is None
    assert batcher.take(1.0) == []


def test_a_deadline_may_be_put_off() -> None:
    batcher = filled(Batcher(3, 0.0, 9), waits := job(1, deadline=1.0))
    waits.deadline = 2.0
    assert batcher.take(1.5) == [waits]


@pytest.mark.parametrize(
    ("waiting", "among", "first"), [(1, 2, 1), (4, 2, 2), (5, 2, 3), (5, 4, 2), (9, 2, 4), (0, 2, 0)]
)
def test_what_waits_is_shared_among_batches(waiting: int, among: int, first: int) -> None:
    batcher = filled(Batcher(4, 0.0, 99), *(job(1) for _ in range(waiting)))
    assert len(batcher.take(0.0, among)) == first


def test_drain_takes_all() -> None:
    batcher = filled(Batcher(1, 0.0, 9), job(1), job(2))
    assert [each.what for each in batcher.drain()] == [1, 2]
    assert batcher.due_in(0.0) is None
