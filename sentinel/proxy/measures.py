"""Counts a finished exchange. Label children are looked up once: prometheus_client's `labels()` costs more
than the increment."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from sentinel.core.record import Record, Screened
from sentinel.instruments import (
    CALLS,
    DETECTOR_FAILURES,
    FINDINGS,
    REQUEST_SECONDS,
    SCREEN_SECONDS,
    UNSCREENED,
)

_READ = (Screened.YES, Screened.NO_RULE, Screened.NOT_REACHED)


class Measures:
    """One per route. The number of children is bounded by the actions, status codes and reasons there are."""

    def __init__(self, route: str) -> None:
        self._route = route
        self._calls: dict[tuple[str, str, str], Counter] = {}
        self._request: Histogram = REQUEST_SECONDS.labels(route)
        self._screen: Histogram = SCREEN_SECONDS.labels(route)

    def count(self, record: Record) -> None:
        """What was not read by rules is counted as unscreened, with the reason, and never as screened."""
        unread = _unread(record.input_screened) or _unread(record.output_screened)
        key = ("no" if unread else "yes", record.action, record.grpc_code)
        calls = self._calls.get(key)
        if calls is None:
            calls = self._calls[key] = CALLS.labels(self._route, *key)
        calls.inc()
        if unread:
            UNSCREENED.labels(unread).inc()
        self._request.observe((record.ended_ns - record.started_ns) / 1e9)
        if record.decisions:
            self._screen.observe(record.screen_us / 1e6)
        for finding in record.findings:
            FINDINGS.labels(finding.stage, finding.detector, finding.type, finding.action).inc()
        for decision in record.decisions:
            for detector in decision.failed:
                DETECTOR_FAILURES.labels(detector).inc()


def _unread(screened: Screened) -> Screened | None:
    return None if screened in _READ else screened
