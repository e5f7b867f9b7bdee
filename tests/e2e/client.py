"""A caller that writes down all that a gRPC caller can see, so that two paths to the same upstream compare.

`observe(address, Call(...))` makes the call and returns its `Observation`. Transparency is then one line:
`observe(direct, call) == observe(through, call)`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import grpc

from tests.e2e.torture import PREFIX

PASS = "/torture.Torture/Script"
INFER = "/inference.GRPCInferenceService/ModelInfer"
GUARD_S = 20.0  # how long a test waits for what must happen before it calls it lost

Metadata = tuple[tuple[str, str | bytes], ...]
Script = list[list[Any]]
T = TypeVar("T")

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Windows that do not grow: what is on its way is then the sidecar's doing.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1 << 20),
    ("grpc.max_metadata_size", 128 << 10),
    ("grpc.absolute_max_metadata_size", 256 << 10),
    ("grpc.use_local_subchannel_pool", 1),
)
# Set by each hop itself: the caller's library, or the trace context that Sentinel hands on.
HOP_KEYS = {"user-agent", "traceparent", "tracestate"}


@dataclass(frozen=True)
class Call:
    """One call, scripted on the upstream's side (`torture.py`). `requests` None: one empty message."""

    script: Script
    requests: tuple[bytes, ...] = (b"",)
    method: str = PASS
    metadata: Metadata = ()
    timeout: float | None = GUARD_S
    compression: grpc.Compression | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def all_metadata(self) -> Metadata:
        told = ((f"{PREFIX}id", self.id), (f"{PREFIX}script", json.dumps(self.script)))
        return self.metadata + told

    def again(self) -> Call:
        return replace(self, id=uuid.uuid4().hex)


@dataclass(frozen=True)
class Observation:
    """What the caller saw: long messages as (length, digest), metadata grouped by key in order of arrival."""

    code: str
    details: str
    messages: tuple[bytes | tuple[int, str], ...]
    initial: dict[str, list[str | bytes]]
    trailing: dict[str, list[str | bytes]]

    def without_ours(self) -> Observation:
        """The same without the trailers that Sentinel adds to a call that it screened."""
        kept = {key: values for key, values in self.trailing.items() if not key.startswith("sentinel-")}
        return replace(self, trailing=kept)

    @property
    def action(self) -> str:
        return str(self.trailing.get("sentinel-action", [""])[0])

    @property
    def decision_id(self) -> str:
        return str(self.trailing.get("sentinel-decision-id", [""])[0])


def grouped(metadata: Iterable[tuple[str, str | bytes]] | None) -> dict[str, list[str | bytes]]:
    found: dict[str, list[str | bytes]] = {}
    for key, value in metadata or ():
        if key not in HOP_KEYS:
            found.setdefault(key, []).append(value)
    return found


def digest(message: bytes) -> bytes | tuple[int, str]:
    if len(message) <= 1024:
        return message
    return len(message), hashlib.sha256(message).hexdigest()


@contextmanager
def connect(
    address: str, credentials: grpc.ChannelCredentials | None = None, **options: Any
) -> Iterator[grpc.Channel]:
    given = (*CHANNEL_OPTIONS, *((f"grpc.{key}", value) for key, value in options.items()))
    if credentials is None:
        channel = grpc.insecure_channel(address, given)
    else:
        channel = grpc.secure_channel(address, credentials, given)
    with channel:
        yield channel


def open_stream(channel: grpc.Channel, call: Call, requests: Iterable[bytes] | None = None) -> Any:
    """The call as a bidirectional stream: on the wire no other kind exists."""
    return channel.stream_stream(call.method)(
        iter(call.requests if requests is None else requests),
        metadata=call.all_metadata(),
        timeout=call.timeout,
        compression=call.compression,
    )


def finish(stream: Any, messages: list[bytes] | None = None) -> Observation:
    """Read a stream to its end."""
    messages = messages or []
    try:
        messages.extend(stream)
    except grpc.RpcError:
        pass
    return Observation(
        code=stream.code().name,
        details=stream.details() or "",
        messages=tuple(digest(message) for message in messages),
        initial=grouped(stream.initial_metadata()),
        trailing=grouped(stream.trailing_metadata()),
    )


def observe(address: str, call: Call, credentials: grpc.ChannelCredentials | None = None) -> Observation:
    with connect(address, credentials) as channel:
        return finish(open_stream(channel, call))


class Control:
    """The test's own line to a torture upstream."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._address, self._credentials = address, credentials

    def ask(self, name: str, **told: Any) -> Any:
        with connect(self._address, self._credentials) as channel:
            method = channel.unary_unary(f"/torture.Control/{name}")
            return json.loads(method(json.dumps(told).encode(), timeout=GUARD_S))

    def seen(self, call: Call) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("Seen", id=call.id)
        return answer

    def ended(self, call: Call) -> dict[str, Any]:
        """What the upstream saw, once its side of the call is over."""
        return eventually(lambda: self.seen(call), lambda seen: bool(seen["ended"]))

    def open(self, gate: str) -> None:
        self.ask("Open", gate=gate)


def eventually(ask: Callable[[], T], holds: Callable[[T], bool], within_s: float = GUARD_S) -> T:
    """Ask until the answer satisfies `holds`; fail with the last answer after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        answer = ask()
        if holds(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come about within {within_s} s; last answer: {answer!r}")
        time.sleep(0.05)


def steady(ask: Callable[[], int], still_s: float = 1.0) -> int:
    """The value of a counter once it has stopped moving for `still_s`."""
    last, since = ask(), time.monotonic()
    give_up = since + GUARD_S
    while time.monotonic() - since < still_s:
        time.sleep(0.1)
        value = ask()
        if value != last:
            last, since = value, time.monotonic()
        assert time.monotonic() < give_up, f"still moving: {value}"
    return last


class Feed:
    """Requests that the test hands out one by one; counts how many the call has taken."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._queue: list[bytes] = []
        self._closed = False
        self.taken = 0

    def put(self, message: bytes) -> None:
        with self._ready:
            self._queue.append(message)
            self._ready.notify()

    def close(self) -> None:
        with self._ready:
            self._closed = True
            self._ready.notify()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                message = self._queue.pop(0)
            self.taken += 1
            yield message
