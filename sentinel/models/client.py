"""How a model plane is asked. Nothing here raises for a plane that is broken or late: its detectors are then
`failed` in every answer, with a sentence that holds no part of a text.

A broken connection is made anew by gRPC, with pauses that grow to two seconds; until then calls fail at
once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import grpc
import grpc.aio
import msgspec

from sentinel.core.finding import Inspection
from sentinel.instruments import MODEL_PLANE_SECONDS
from sentinel.models import wire
from sentinel.models.base import Passage

Ask = Callable[[Sequence[Passage], frozenset[str], int | None], Awaitable[list[Inspection]]]
"""Passages, detectors, deadline in ms (None: the models' own) -> an answer for each passage."""

log = logging.getLogger("sentinel.models")

_LONGEST_MS = 30_000  # for a detector of which nobody said how long its models may take
_NOBODY_SAID: Mapping[str, int] = MappingProxyType({})
_NO_UNICODE = "the text holds half of a surrogate pair, which is no Unicode"
_SLACK_MS = 100  # the plane says by itself which detectors are late, and may take so long to say it
_TELL_EVERY_S = 10.0  # in the log, why the plane cannot be reached
_OPTIONS: list[tuple[str, Any]] = [
    *wire.OPTIONS,
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]


class ModelClient:
    """For an event loop. `max_in_flight` calls at a time; one more counts as failed. `late_after_ms`: see
    `ModelsConfig`; a call waits for none of its detectors longer, for the plane may hang."""

    def __init__(
        self,
        address: str,
        credentials: grpc.ChannelCredentials | None = None,
        server_name: str | None = None,
        max_in_flight: int = 1024,
        late_after_ms: Mapping[str, int] = _NOBODY_SAID,
    ) -> None:
        options = _options(server_name)
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(address, options=options)
        else:
            self._channel = grpc.aio.secure_channel(address, credentials, options=options)
        self._inspect: Any = self._channel.unary_unary(wire.INSPECT)
        self._health: Any = self._channel.unary_unary(wire.HEALTH)
        self._max_in_flight, self._in_flight = max_in_flight, 0
        self._late_after_ms = late_after_ms
        self._unreached = _Unreached(address)
        self.versions: dict[str, str] = {}
        """Of the models behind each detector, as the plane last told."""

    async def inspect(
        self, passages: Sequence[Passage], detectors: Collection[str], deadline_ms: int | None = None
    ) -> list[Inspection]:
        """An answer for each passage."""
        if not passages or not detectors:
            return [Inspection()] * len(passages)
        if self._in_flight >= self._max_in_flight:
            return _failed(passages, detectors, f"{self._in_flight} calls to the model plane are in flight")
        self._in_flight += 1
        started = time.perf_counter()
        within_ms = _within_ms(self._late_after_ms, detectors, deadline_ms)
        try:
            data = wire.encode(wire.request(passages, sorted(detectors), deadline_ms))
            answers, self.versions = _read(
                await self._inspect(data, timeout=_timeout_s(within_ms)), passages, detectors, self.versions
            )
        except asyncio.CancelledError:
            raise
        except UnicodeEncodeError:
            answers = _failed(passages, detectors, _NO_UNICODE)
        except grpc.RpcError as error:
            answers = _failed(passages, detectors, _why(error, within_ms))
            self._unreached.log(error)
        finally:
            self._in_flight -= 1
        result = "failed" if any(answer.failed for answer in answers) else "answered"
        MODEL_PLANE_SECONDS.labels(result).observe(time.perf_counter() - started)
        return answers

    async def health(self, timeout_s: float = 5.0) -> wire.HealthResponse | None:
        """The models' states; None when the plane does not answer."""
        try:
            return wire.decode_health(await self._health(b"", timeout=timeout_s))
        except (grpc.RpcError, msgspec.DecodeError):
            return None

    async def close(self) -> None:
        await self._channel.close()


class BlockingModelClient:
    """The same for threads."""

    def __init__(
        self,
        address: str,
        credentials: grpc.ChannelCredentials | None = None,
        server_name: str | None = None,
        late_after_ms: Mapping[str, int] = _NOBODY_SAID,
    ) -> None:
        options = _options(server_name)
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options=options)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=options)
        self._inspect: Any = self._channel.unary_unary(wire.INSPECT)
        self._health: Any = self._channel.unary_unary(wire.HEALTH)
        self._late_after_ms = late_after_ms
        self._unreached = _Unreached(address)
        self.versions: dict[str, str] = {}
        self.why = ""
        """Of the last `health` that came to nothing, for people."""

    def inspect(
        self, passages: Sequence[Passage], detectors: Collection[str], deadline_ms: int | None = None
    ) -> list[Inspection]:
        """See `ModelClient.inspect`."""
        if not passages or not detectors:
            return [Inspection()] * len(passages)
        within_ms = _within_ms(self._late_after_ms, detectors, deadline_ms)
        try:
            data = wire.encode(wire.request(passages, sorted(detectors), deadline_ms))
            answer = self._inspect(data, timeout=_timeout_s(within_ms))
        except UnicodeEncodeError:
            return _failed(passages, detectors, _NO_UNICODE)
        except grpc.RpcError as error:
            self._unreached.log(error)
            return _failed(passages, detectors, _why(error, within_ms))
        answers, self.versions = _read(answer, passages, detectors, self.versions)
        return answers

    def health(self, timeout_s: float = 5.0) -> wire.HealthResponse | None:
        """See `ModelClient.health`."""
        try:
            return wire.decode_health(self._health(b"", timeout=timeout_s))
        except grpc.RpcError as error:
            self.why = error.details() or error.code().name
        except msgspec.DecodeError:
            self.why = "it is no model plane, or of another version"
        return None

    def close(self) -> None:
        self._channel.close()


class _Unreached:
    """Tells the log why a plane cannot be reached (a certificate, a name, a port), which records do not, but
    not with every call. The words are those of gRPC about the connection."""

    def __init__(self, address: str) -> None:
        self._address, self._next = address, 0.0

    def log(self, error: grpc.RpcError) -> None:
        now = time.monotonic()
        if error.code() is grpc.StatusCode.UNAVAILABLE and now >= self._next:
            self._next = now + _TELL_EVERY_S
            check = "" if self._address.startswith("unix:") else " (check models.connect and its tls)"
            told = "the model plane at %s cannot be reached: %s%s"
            log.warning(told, self._address, error.details(), check)


def _options(server_name: str | None) -> list[tuple[str, Any]]:
    return [*_OPTIONS, ("grpc.ssl_target_name_override", server_name)] if server_name else _OPTIONS


def _within_ms(late_after_ms: Mapping[str, int], detectors: Collection[str], deadline_ms: int | None) -> int:
    """How long a plane that does as it should takes for an answer."""
    given = _LONGEST_MS if deadline_ms is None else deadline_ms
    longest = max(late_after_ms.get(name, given) for name in detectors)
    return longest if deadline_ms is None else min(given, longest)


def _timeout_s(within_ms: int) -> float:
    return (within_ms + _SLACK_MS) / 1000


def _read(
    data: bytes, passages: Sequence[Passage], detectors: Collection[str], versions: dict[str, str]
) -> tuple[list[Inspection], dict[str, str]]:
    try:
        response = wire.decode_response(data)
    except msgspec.DecodeError:
        return _failed(passages, detectors, "the model plane's answer cannot be read"), versions
    if len(response.inspections) != len(passages):
        return _failed(passages, detectors, "the model plane's answer is not about these texts"), versions
    return list(response.inspections), {**versions, **response.versions}


def _failed(passages: Sequence[Passage], detectors: Collection[str], why: str) -> list[Inspection]:
    return [Inspection(failed=dict.fromkeys(sorted(detectors), why))] * len(passages)


def _why(error: grpc.RpcError, within_ms: int) -> str:
    code: grpc.StatusCode = error.code()
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer within {within_ms} ms"
    if code == grpc.StatusCode.UNAVAILABLE:
        return "the model plane cannot be reached"
    return f"the model plane answered {code.name}"
