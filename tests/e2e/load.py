"""Callers that keep calling while the test does something to the sidecar."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence

from tests.e2e.client import Call, Observation, connect, finish, open_stream


class Load:
    """Threads that make `calls` in turn, on and on. What came back is in `answered` when its code is one of
    `wanted`, else in `failed`, each by call id.
    """

    def __init__(self, address: str, calls: Sequence[Call], threads: int = 6, wanted: str = "OK") -> None:
        self.answered: dict[str, Observation] = {}
        self.failed: dict[str, Observation] = {}
        self._wanted = wanted.split()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(address, itertools.cycle([*calls[n:], *calls[:n]])))
            for n in (number % len(calls) for number in range(threads))
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, address: str, calls: itertools.cycle[Call]) -> None:
        backoff = {"initial_reconnect_backoff_ms": 50, "max_reconnect_backoff_ms": 100}
        with connect(address, **backoff, min_reconnect_backoff_ms=50) as channel:
            while not self._stop.is_set():
                call = next(calls).again()
                seen = finish(open_stream(channel, call))
                if seen.code in self._wanted:
                    self.answered[call.id] = seen
                else:
                    self.failed[call.id] = seen
                    time.sleep(0.02)
