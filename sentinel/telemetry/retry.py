"""Waiting between attempts: exponential, bounded, jittered, lest many sidecars come back at one moment.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import secrets
from collections.abc import Callable


class Backoff:
    """Seconds to wait before the next attempt: half to the whole of `first`, twice that, ... up to `most`."""

    def __init__(self, first: float, most: float, *, uniform: Callable[[], float] | None = None) -> None:
        """`uniform` draws from [0, 1)."""
        self._first, self._most = first, most
        self._uniform = uniform or secrets.SystemRandom().random
        self._ceiling = first

    def next(self) -> float:
        """The wait after one more failure. Never below half, or a row of low draws would hammer the store."""
        ceiling = min(self._ceiling, self._most)
        self._ceiling = min(ceiling * 2, self._most)
        return ceiling * (0.5 + 0.5 * self._uniform())

    def reset(self) -> None:
        """An attempt succeeded."""
        self._ceiling = self._first
