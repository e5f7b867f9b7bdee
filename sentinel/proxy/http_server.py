"""The HTTP server of a worker: uvicorn inside the worker's own event loop, with what a server at the edge
needs and uvicorn leaves to a proxy in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sentinel.core.errors import ConfigError
from sentinel.proxy.http_upstream import keep_alive
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig
from sentinel.proxy.tls import ServerTlsConfig, server_context

_BACKLOG = 2048
_IDLE_S = 75  # longer than the pools of usual clients and balancers keep a connection
_HEAD_S = 30.0
_LAST_S = 1.0

# It tells of broken requests and broken-off answers, with tracebacks; ours are recorded, and told once.
logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


class Protocol(HttpToolsProtocol):
    """One connection. A request's head has a bound in bytes and in time, and the end of the connection is
    told to every request on it, also to those that wait behind another (pipelining)."""

    max_head = 16 * 1024

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._earlier: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        for cycle in self._earlier:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._in_head
        super().data_received(data)
        if before and self._in_head:
            self._head += len(data)
            if self._head > self.max_head and not self.transport.is_closing():
                self.transport.write(_HEAD_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head, self._in_head = 0, True
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        before = self.cycle
        super().on_headers_complete()
        if before is not None and not before.response_complete and before is not self.cycle:
            self._earlier = [cycle for cycle in self._earlier if not cycle.response_complete]
            self._earlier.append(before)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(_HEAD_S, self._too_slow)

    def _head_arrived(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


class HttpServer:
    """Serves `app` on a socket of ours until `stop`."""

    def __init__(
        self,
        app: Any,
        address: str,
        tls: ServerTlsConfig | None,
        limits: LimitsConfig,
        keepalive: KeepaliveConfig,
    ) -> None:
        self._socket = _listening(address)
        keep_alive(self._socket, keepalive)
        protocol = type("Protocol", (Protocol,), {"max_head": limits.max_metadata_bytes})
        self._config = uvicorn.Config(
            app,
            loop="none",
            http=protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_IDLE_S,
        )
        self._config.load()
        self._config.ssl = server_context(tls) if tls else None
        self._server = _Server(self._config)
        self._running: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where callers connect; the port is the real one."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self) -> None:
        """Returns once connections are accepted."""
        self._running = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._running.done():
                self._running.result()
            await asyncio.sleep(0.005)

    async def stop(self, grace_s: float) -> None:
        """Accept no more; requests in flight get `grace_s`, then they are cancelled."""
        self._config.timeout_graceful_shutdown = grace_s  # type: ignore[assignment]  # any number
        self._server.should_exit = True
        if self._running is not None:
            await self._running
        if self._server.server_state.tasks:  # just cancelled: they write their records
            await asyncio.wait(self._server.server_state.tasks, timeout=_LAST_S)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are the worker's."""
        yield


def _listening(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        family, *_, where = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(where)
    except OSError:
        message = f"cannot listen on {address}: the address is in use or not ours"
        raise ConfigError(message, key="listen.http") from None
    return made


_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
