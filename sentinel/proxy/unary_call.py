"""Unary calls to the model server, straight on grpcio's transport.

grpc.aio wraps each call in a task, a call object with its registries and two metadata objects; a sidecar that
awaits the one response at once needs none of them, and together they cost about a fifth of what forwarding
costs. The names used here are private to grpcio, so its minor version is pinned and
tests/proxy/test_unary_call.py holds them.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import grpc.aio
import msgspec

from sentinel.proxy.forward import End
from sentinel.proxy.metadata import Metadata, downstream_metadata

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_CANCELLED = "the caller is gone"


class Reply(msgspec.Struct, frozen=True):
    """How a call ended; `response` is None unless the code is OK."""

    response: bytes | None
    initial: Metadata
    end: End


class UnaryCall:
    """One method of one channel."""

    __slots__ = ("_channel", "_method")

    def __init__(self, channel: grpc.aio.Channel, method: str) -> None:
        self._channel: Any = channel._channel  # type: ignore[attr-defined]
        self._method = method.encode("ascii")

    async def __call__(self, request: bytes, metadata: Metadata, remaining_s: float | None) -> Reply:
        """The upstream's answer, or its status. A cancellation cancels the upstream too."""
        deadline = None if remaining_s is None else time.time() + remaining_s
        call = self._channel.call(self._method, deadline, None, None)
        try:
            response = await call.unary_unary(request, metadata)
            status = await call.status()
            initial = await call.initial_metadata()
        except asyncio.CancelledError:
            call.cancel(_CANCELLED)
            raise
        code = _CODES.get(status.code(), grpc.StatusCode.UNKNOWN)
        end = End(code, status.details() or "", downstream_metadata(status.trailing_metadata()))
        return Reply(response if code is grpc.StatusCode.OK else None, downstream_metadata(initial), end)
