"""The standard health service (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), following
the upstream: we are as healthy as the model server behind us, and not at all once draining begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from pydantic import BaseModel, ConfigDict, Field

from sentinel.proxy.upstream import Upstream

_CHECK = "/grpc.health.v1.Health/Check"


class HealthConfig(BaseModel):
    """`health:`, how the upstream is watched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval_s: float = Field(2.0, gt=0, description="Ask the model server so often, seconds.")
    timeout_s: float = Field(1.0, gt=0, description="No answer after so long counts as not serving, seconds.")
    http_path: str = Field(
        "/health",
        pattern=r"^/[\x21-\x7e]*$",
        description="Asked for over HTTP: any answer but a server's error (5xx) means that it serves.",
    )


Probe = Callable[[], Awaitable[bool]]
"""Whether one upstream serves now; answers in bounded time."""


class HealthFollower:
    """Asks the upstreams in turn: all must serve, where there is one for gRPC and one for HTTP.

    `on_change` is told each change of their state.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        config: HealthConfig,
        services: Sequence[str],
        on_change: Callable[[bool], None],
    ) -> None:
        self._probes = probes
        self._config = config
        self._services = ("", *services)
        self._on_change = on_change
        self._servicer = health.aio.HealthServicer()
        self._serving: bool | None = None

    def attach(self, server: grpc.aio.Server) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._set(False)
        while True:
            await self._tell(all(await asyncio.gather(*[probe() for probe in self._probes])))
            await asyncio.sleep(self._config.interval_s)

    async def drain(self) -> None:
        """NOT_SERVING for good, so that balancers stop sending calls."""
        await self._servicer.enter_graceful_shutdown()

    async def _tell(self, serving: bool) -> None:
        if serving is self._serving:
            return
        self._serving = serving
        await self._set(serving)
        self._on_change(serving)

    async def _set(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for service in self._services:
            await self._servicer.set(service, status.SERVING if serving else status.NOT_SERVING)


async def grpc_serves(upstream: Upstream, timeout_s: float) -> bool:
    """What the upstream's health service says; a server without one is healthy when it answers at all."""
    check = upstream.channel.unary_unary(
        _CHECK,
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        answer = await check(health_pb2.HealthCheckRequest(), timeout=timeout_s, wait_for_ready=False)
    except grpc.aio.AioRpcError as error:
        return error.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
