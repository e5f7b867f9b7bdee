"""Group commit: however many calls wait, one fdatasync at a time runs for all of them (`sync: power`)."""

from __future__ import annotations

import asyncio

from sentinel.spool.writer import SpoolWriter


class GroupCommit:
    """Shared by all calls of one event loop that append to one writer."""

    def __init__(self, writer: SpoolWriter) -> None:
        self._writer = writer
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Future[None] | None = None

    async def commit(self) -> None:
        """Return once everything appended before this call is on the disk. Raises SpoolFull when that fails.

        A round that has begun may have missed the caller's bytes, so a caller waits for the round after it.
        When a round fails, so do the callers that wait for the next: the kernel tells of a lost page once.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        waiting = self._next
        if self._running is None:
            self._running = asyncio.create_task(self._rounds())
        # A caller that is cancelled must not cancel the others' round.
        await asyncio.shield(waiting)

    async def _rounds(self) -> None:
        try:
            while (waiting := self._next) is not None:
                self._next = None
                try:
                    await asyncio.to_thread(self._writer.sync)
                except BaseException as error:
                    self._fail(waiting, error)
                    self._fail(self._next, error)
                    self._next = None
                    if not isinstance(error, Exception):
                        raise
                else:
                    waiting.set_result(None)
        finally:
            self._running = None

    @staticmethod
    def _fail(waiting: asyncio.Future[None] | None, error: BaseException) -> None:
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
            waiting.exception()  # its callers may all be gone: that is not an unhandled error
