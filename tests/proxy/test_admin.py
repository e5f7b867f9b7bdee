"""The admin port tells HTTP from gRPC by the first bytes, and misbehaving callers do it no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sentinel.proxy.admin import Admin, json_answer

ROUTES = {
    "/healthz": lambda: (200, "text/plain", b"fine\n"),
    "/readyz": lambda: json_answer(503, {"ready": False}),
}


def ask(
    data: bytes,
    sockets: list[Path] | None = None,
    worker: Callable[[], Awaitable[asyncio.Server]] | None = None,
) -> bytes:
    """Everything that the admin port says to a connection that sends `data`."""

    async def talk() -> bytes:
        server = await worker() if worker else None
        admin = Admin(dict(ROUTES), lambda: sockets or [])
        port = await admin.start("127.0.0.1", 0)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            writer.write_eof()
            said = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return said
        finally:
            await admin.stop()
            if server:
                server.close()

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        (b"GET /healthz HTTP/1.1", b"200 OK", b"fine\n"),
        (b"GET /healthz?verbose HTTP/1.1", b"200 OK", b"fine\n"),
        (b"GET /readyz HTTP/1.0", b"503 Service Unavailable", b'{"ready":false}\n'),
        (b"HEAD /healthz HTTP/1.1", b"200 OK", b""),
        (b"GET /secrets HTTP/1.1", b"404 Not Found", b"one of /healthz, /readyz\n"),
        (b"POST /healthz HTTP/1.1", b"405 Method Not Allowed", b"GET or HEAD\n"),
    ],
)
def test_http(request_line: bytes, status: bytes, body: bytes) -> None:
    said = ask(request_line + b"\r\nHost: x\r\n\r\n")
    head, _, rest = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert rest == body


@pytest.mark.parametrize("data", [b"", b"GE", b"GET /healthz HTTP/1.1\r\n", b"A" * 200_000, b"\0\1\2\3\4"])
def test_what_is_no_request_gets_no_answer(data: bytes) -> None:
    assert ask(data) == b""


def test_grpc_is_spliced_to_a_worker(tmp_path: Path) -> None:
    socket = tmp_path / "w.sock"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"worker heard " + await reader.read(100))
        writer.close()

    async def worker() -> asyncio.Server:
        return await asyncio.start_unix_server(answer, socket)

    assert ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [socket], worker).startswith(b"worker heard PRI ")


def test_grpc_without_a_live_worker_is_closed() -> None:
    assert ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == b""
