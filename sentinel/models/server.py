"""The plane over gRPC: on a unix socket that only its user may open, or on TCP."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import msgspec

from sentinel.core.errors import ConfigError
from sentinel.models import registry, wire
from sentinel.models.plane import Plane

_MAX_CALLS = 8192
_OPTIONS = [
    *wire.OPTIONS,
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
]

Context = grpc.aio.ServicerContext[bytes, bytes]


class Server:
    """`credentials` for TCP with TLS. Raises ConfigError when the address is not ours to take."""

    def __init__(self, plane: Plane, address: str, credentials: grpc.ServerCredentials | None = None) -> None:
        self._plane = plane
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_MAX_CALLS)
        self._server.add_generic_rpc_handlers((_handlers(self._inspect, self._health),))
        self.address = self._bound(address, credentials)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls; those in flight get `grace_s`."""
        await self._server.stop(grace_s)

    def _bound(self, address: str, credentials: grpc.ServerCredentials | None) -> str:
        before = os.umask(0o177)
        try:
            if credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, credentials)
        except RuntimeError:
            message = f"cannot listen on {address}: the address is in use or not ours; set another"
            raise ConfigError(message, key="models.listen") from None
        finally:
            os.umask(before)
        return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"

    async def _inspect(self, data: bytes, context: Context) -> bytes:
        try:
            request = wire.decode_request(data)
            passages = wire.passages(request)
        except (msgspec.DecodeError, ValueError):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a request of this service")
        answers = await self._plane.inspect(passages, request.detectors, request.deadline_ms)
        versions = self._plane.versions(request.detectors)
        return wire.encode(wire.InspectResponse(tuple(answers), versions))

    async def _health(self, data: bytes, context: Context) -> bytes:
        return wire.encode(health(self._plane))


def health(plane: Plane) -> wire.HealthResponse:
    """The state of every model."""
    models = [
        wire.ModelHealth(
            name=runner.name,
            kind=registry.kind_of(runner.config.settings),
            state=runner.state,
            why=runner.why,
            detectors=tuple(sorted(runner.detectors)),
            types=tuple(sorted(runner.types)),
            version=runner.version,
            device=str(getattr(runner.config.settings, "device", "")),
            waiting=runner.waiting,
        )
        for runner in plane.runners
    ]
    return wire.HealthResponse(tuple(models), os.getpid())


def _handlers(
    inspect: Callable[[bytes, Context], Awaitable[bytes]],
    health: Callable[[bytes, Context], Awaitable[bytes]],
) -> grpc.GenericRpcHandler:
    methods = {"Inspect": inspect, "Health": health}
    handlers: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()
    }
    return grpc.method_handlers_generic_handler(wire.SERVICE, handlers)
