"""A worker's HTTP side. Imported only where HTTP is on: server and client libraries cost memory and time."""

from __future__ import annotations

from sentinel.adapters.base import Adapter
from sentinel.adapters.registry import http_adapters
from sentinel.config import SentinelConfig
from sentinel.proxy.driver import Driver
from sentinel.proxy.health import Probe
from sentinel.proxy.http_front import HttpFront
from sentinel.proxy.http_server import HttpServer
from sentinel.proxy.http_upstream import HttpUpstream


class HttpSide:
    """Server and client, with everything shared that `driver` holds. Raises ConfigError on a wrong address or
    certificate."""

    def __init__(self, config: SentinelConfig, driver: Driver, adapters: list[Adapter], address: str) -> None:
        self._upstream = HttpUpstream(config.upstream, config.limits, config.keepalive)
        front = HttpFront(driver, http_adapters(adapters)).before(self._upstream)
        self._server = HttpServer(front, address, config.listen.tls, config.limits, config.keepalive)
        self._drain_s = config.drain_s
        self.probe: Probe = self._upstream.probe(config.health.http_path, config.health.timeout_s)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        """Drain."""
        await self._server.stop(self._drain_s)
        await self._upstream.close()
