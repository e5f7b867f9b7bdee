"""The admin port: /healthz, /readyz and /metrics over HTTP/1.1, and gRPC (`sentinel.v1.GuardService`) on the
same port.

The first bytes of a connection tell which it is: HTTP/2 with prior knowledge opens with a fixed preface (RFC
9113, section 3.4). gRPC connections are spliced to a worker's unix socket, so the screening that they get is
that worker's.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

_PREFACE = b"PRI * HTTP/2.0"
_TIMEOUT_S = 10.0
_CHUNK = 64 * 1024

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


class Admin:
    """`routes` maps a path to a function that gives the answer; `sockets` lists the live workers' sockets."""

    def __init__(self, routes: dict[str, Callable[[], Answer]], sockets: Callable[[], list[Path]]) -> None:
        self._routes = routes
        self._sockets = sockets
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._connected, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            start = await asyncio.wait_for(reader.readexactly(4), _TIMEOUT_S)
            if start == _PREFACE[:4]:
                await self._splice(start, reader, writer)
            else:
                await self._http(start, reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            self._connections.discard(task)
            writer.close()

    async def _http(self, start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = start + await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _TIMEOUT_S)
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        status, kind, body = self._answer(method, path)
        writer.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            % (status, _REASONS[status], kind.encode(), len(body))
            + (b"" if method == b"HEAD" else body)
        )
        await writer.drain()

    def _answer(self, method: bytes, path: str) -> Answer:
        if method not in (b"GET", b"HEAD"):
            return 405, "text/plain", b"GET or HEAD\n"
        route = self._routes.get(path)
        if route is None:
            return 404, "text/plain", f"one of {', '.join(self._routes)}\n".encode()
        return route()

    async def _splice(self, start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sockets = self._sockets()
        if not sockets:
            return
        chosen = sockets[next(self._turn) % len(sockets)]
        worker_reader, worker_writer = await asyncio.open_unix_connection(chosen)
        worker_writer.write(start)
        try:
            both: list[Awaitable[None]] = [_pump(reader, worker_writer), _pump(worker_reader, writer)]
            await asyncio.gather(*both)
        finally:
            worker_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


def json_answer(status: int, value: object) -> Answer:
    return status, "application/json", msgspec.json.encode(value) + b"\n"


_REASONS = {200: b"OK", 404: b"Not Found", 405: b"Method Not Allowed", 503: b"Service Unavailable"}
