"""A lock that costs no coroutine where nobody holds it."""

from __future__ import annotations

import asyncio
from collections import deque


class Turn:
    """Held by one task at a time; the others get it in the order in which they asked. `async with`, or
    `taken_at_once` and `give`."""

    __slots__ = ("_held", "_waiting")

    def __init__(self) -> None:
        self._held = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def taken_at_once(self) -> bool:
        """Whether it was free, and is now the caller's."""
        if self._held:
            return False
        self._held = True
        return True

    async def __aenter__(self) -> None:
        if self.taken_at_once():
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.give()  # it was ours already
            raise

    async def __aexit__(self, *_: object) -> None:
        self.give()

    def give(self) -> None:
        """Let the next one have it, who then holds it without a moment between."""
        while self._waiting:
            following = self._waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._held = False
