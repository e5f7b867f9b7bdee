"""Every instrument, declared once. Names and bucket bounds of `gen_ai.*` follow the OpenTelemetry GenAI
conventions.

Workers keep their values in memory-mapped files (prometheus_client's multiprocess mode) that the admin port
adds up, so a count outlives the worker that made it. Importing this module outside `sentinel serve` keeps
values in memory.
"""

from __future__ import annotations

import os

import prometheus_client.values
from prometheus_client import Counter, Gauge, Histogram

_SLOT = os.environ.get("SENTINEL_WORKER_SLOT")
if _SLOT and "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    # A file for each worker slot instead of each process id: a replaced worker goes on in its predecessor's
    # file, so the number of files is bounded however often workers die.
    _by_slot = prometheus_client.values.MultiProcessValue(lambda: _SLOT)  # type: ignore[no-untyped-call]
    prometheus_client.values.ValueClass = _by_slot

_SECONDS = tuple(0.01 * 2**k for k in range(14))
_SCREEN_SECONDS = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
_MODEL_SECONDS = tuple(0.0005 * 2**k for k in range(16))

CALLS = Counter(
    "sentinel_calls",
    "Calls answered, by how they were screened, what was decided and the status that the caller saw",
    ["route", "screened", "action", "code"],
)
UNSCREENED = Counter("sentinel_unscreened", "Calls that no rule read, by reason", ["reason"])
FINDINGS = Counter(
    "sentinel_findings", "Findings on which a rule acted", ["stage", "detector", "type", "action"]
)
REJECTED = Counter("sentinel_rejected", "Calls turned away by a limit of ours", ["reason"])
DETECTOR_FAILURES = Counter(
    "sentinel_detector_failures", "Detectors that broke, came late or read a text in part", ["detector"]
)
REQUEST_SECONDS = Histogram(
    "gen_ai_server_request_duration_seconds",
    "Time from request to answer, seconds",
    ["route"],
    buckets=_SECONDS,
)
SCREEN_SECONDS = Histogram(
    "sentinel_screen_seconds", "Time spent screening one call, seconds", ["route"], buckets=_SCREEN_SECONDS
)
IN_FLIGHT = Gauge("sentinel_in_flight", "Calls being answered now", multiprocess_mode="livesum")
HISTORY = Counter(
    "sentinel_history_texts", "Longer texts of conversations, by whether they were known already", ["known"]
)
RELOADS = Counter("sentinel_reloads", "Reloads of rules and detectors in a worker", ["result"])
MODEL_PLANE_SECONDS = Histogram(
    "sentinel_model_plane_seconds",
    "Time of one call to the model plane, seconds",
    ["result"],
    buckets=_MODEL_SECONDS,
)
MODEL_TEXTS = Counter(
    "sentinel_model_texts",
    "Texts that a model was to read: asked about, cached, shared with a caller in flight, failed besides",
    ["model", "answer"],
)
MODEL_CACHE_BYTES = Gauge(
    "sentinel_model_cache_bytes",
    "Memory of the answers that the model plane keeps",
    multiprocess_mode="livesum",
)
MODEL_BATCH = Histogram(
    "sentinel_model_batch_texts",
    "Texts that ran together",
    ["model"],
    buckets=tuple(2.0**k for k in range(9)),
)
MODEL_SECONDS = Histogram(
    "sentinel_model_seconds",
    "Time that a model ran for one batch, seconds",
    ["model"],
    buckets=_MODEL_SECONDS,
)
MODEL_LOADS = Counter("sentinel_model_loads", "Times that a model was loaded, by result", ["model", "result"])
MODEL_WAITING = Gauge(
    "sentinel_model_waiting", "Texts that wait for a model", ["model"], multiprocess_mode="livesum"
)
MODEL_READY = Gauge(
    "sentinel_model_ready", "1 when the model is loaded, else 0", ["model"], multiprocess_mode="livemax"
)
