"""A worker's side towards Envoy. Imported only where `listen.ext_proc` is set."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc.aio

from sentinel.adapters.base import Adapter
from sentinel.adapters.registry import http_adapters
from sentinel.config import SentinelConfig
from sentinel.proxy.driver import Driver
from sentinel.proxy.ext_proc import ExtProc
from sentinel.proxy.health import HealthFollower
from sentinel.proxy.http_front import HttpFront
from sentinel.proxy.tls import listen


class EnvoySide:
    """The server that Envoy's filter calls; shares everything that `driver` holds. Raises ConfigError on a
    wrong address or certificate."""

    def __init__(
        self,
        config: SentinelConfig,
        driver: Driver,
        adapters: list[Adapter],
        address: str,
        options: Sequence[tuple[str, Any]],
        health: HealthFollower,
    ) -> None:
        self._service = ExtProc(HttpFront(driver, http_adapters(adapters)))
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers((self._service,))
        health.attach(self._server)
        listen(self._server, address, config.listen.tls, "listen.ext_proc")
        self._drain_s = config.drain_s

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        """Drain."""
        # The transport would end what is left without a record, so it waits a little longer than we do.
        ended = asyncio.create_task(self._server.stop(self._drain_s + 1.0))
        await self._service.stop(self._drain_s)
        await ended
