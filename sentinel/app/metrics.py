"""What /metrics shows: all workers together, and what the exporter says of the spool."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from sentinel.telemetry.status import read_status

_GAUGES = {
    "pending_bytes": ("sentinel_spool_pending_bytes", "Bytes of records that wait for the store"),
    "open_exchanges": ("sentinel_open_exchanges", "Streams whose final record has not come"),
    "lag_seconds": (
        "sentinel_export_lag_seconds",
        "Age of the last batch when the store got it",
    ),
    "oldest_pending_seconds": (
        "sentinel_spool_oldest_seconds",
        "Age of the oldest record that waits, seconds",
    ),
}
_SILENT = "Time since the exporter last told its state, seconds; beyond a few it is dead or stuck"
_COUNTERS = {
    "exported": ("sentinel_records_exported", "Records that the store acknowledged"),
    "dropped": ("sentinel_records_dropped", "Records dropped because the spool was at its bound"),
    "quarantined": ("sentinel_records_quarantined", "Records that the store refused for good"),
    "corrupt_segments": (
        "sentinel_spool_corrupt_segments",
        "Damaged spool files that were set aside",
    ),
}


class RecordPlane:
    """The exporter's state file and the supervisor's counts, as metrics."""

    def __init__(self, state_dir: Path, restarts: Mapping[str, int]) -> None:
        self._state_dir = state_dir
        self._restarts = restarts

    def collect(self) -> Iterator[Metric]:
        restarts = CounterMetricFamily("sentinel_restarts", "Processes replaced", labels=["process"])
        for name, count in self._restarts.items():
            restarts.add_metric([name], count)
        yield restarts
        status = read_status(self._state_dir)
        if status is None:
            return
        age = max(0.0, time.time() - status.written_ns / 1e9)
        yield GaugeMetricFamily("sentinel_exporter_silent_seconds", _SILENT, value=age)
        for key, (name, text) in _GAUGES.items():
            yield GaugeMetricFamily(name, text, value=getattr(status, key))
        for key, (name, text) in _COUNTERS.items():
            yield CounterMetricFamily(name, text, value=getattr(status, key))


def exposition(metrics_dir: Path, state_dir: Path, restarts: Mapping[str, int]) -> tuple[bytes, str]:
    """The text of /metrics and its content type."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(metrics_dir))  # type: ignore[no-untyped-call]
    registry.register(RecordPlane(state_dir, restarts))
    return generate_latest(registry), CONTENT_TYPE_LATEST
