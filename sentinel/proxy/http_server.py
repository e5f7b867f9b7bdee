"""The HTTP server of a worker: uvicorn inside the worker's own event loop, with what a server at the edge
needs and uvicorn leaves to a proxy in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sentinel.core.errors import ConfigError
from sentinel.proxy.http_errors import PlainErrors
from sentinel.proxy.http_upstream import keep_alive
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig
from sentinel.proxy.tls import ServerTlsConfig, server_context

_BACKLOG = 2048
_IDLE_S = 75  # longer than the pools of usual clients and balancers keep a connection
_HEAD_S = 30.0
_LAST_S = 1.0

# It tells of broken requests and broken-off answers, with tracebacks; ours are recorded, and told once.
logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


class _Transport:
    """A transport that sends what one turn of the event loop writes in one piece: uvicorn writes head and
    body apart, and each write is a system call and wakes the caller."""

    __slots__ = ("_inner", "_loop", "_waiting")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner, self._loop = inner, loop
        self._waiting: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, data: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def _flush(self) -> None:
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            if not self._inner.is_closing():
                self._inner.write(data)


class Protocol(HttpToolsProtocol):
    """One connection.

    - A request's head has a bound in bytes and in time.
    - The end of the connection is told to every request on it, also to those that wait behind another.
    - An offered upgrade is declined and the request read to its end. uvicorn takes what follows the head for
      another protocol, or, worse, for the next request.
    """

    max_head = 16 * 1024

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head = 0
        self._in_head = True
        self._declining = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._earlier: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Transport(transport, self.loop))  # type: ignore[arg-type]
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
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(_NOT_HTTP)
        if before and self._in_head:
            self._head += len(data)
            if self._head > self.max_head:
                self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        if self._declining:
            return
        super().on_message_begin()
        self._head, self._in_head = 0, True
        if self._head_timer is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._declining:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._declining:
            return
        self._head_arrived()
        before = self.cycle
        super().on_headers_complete()
        if before is not None and not before.response_complete and before is not self.cycle:
            self._earlier = [cycle for cycle in self._earlier if not cycle.response_complete]
            self._earlier.append(before)

    def _decline(self, rest: bytes) -> None:
        """Read on as if the upgrade had not been offered: a new parser that knows how the body is framed."""
        framing = [
            b"%s: %s\r\n" % (name, value)
            for name, value in self.headers
            if name in (b"content-length", b"transfer-encoding")
        ]
        self.cycle.more_body = True
        self.cycle.message_event.clear()
        self.parser = httptools.HttpRequestParser(self)
        self._declining = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._declining = False
        if rest:
            self.data_received(rest)

    def _refuse(self, answer: bytes) -> None:
        """Close, and tell why where nobody could take that for the answer to another request."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        in_its_body = cycle is not None and cycle.more_body and not cycle.response_started
        waiting = [each for each in self._earlier if not each.response_complete]
        if cycle is None or cycle.response_complete or (in_its_body and not waiting):
            self.transport.write(answer)
        self.transport.close()

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


def _error(status: bytes, kind: str, message: str) -> bytes:
    body = PlainErrors().error_body(message, kind, {})
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status, len(body)) + body


_NOT_HTTP = _error(b"400 Bad Request", "malformed", "this is no valid HTTP/1.1 request")
_HEAD_TOO_LARGE = _error(
    b"431 Request Header Fields Too Large",
    "too_large",
    "the request's head is larger than limits.max_metadata_bytes",
)
