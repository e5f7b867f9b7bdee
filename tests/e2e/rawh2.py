"""An HTTP/2 server that answers each request with hand-written frames (RFC 9113), wrong on purpose."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK = END_STREAM = 1
END_HEADERS = 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Frame = Callable[[int], bytes] | None
"""From a stream's id to the frame's bytes; None closes the connection."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header field in HPACK, literal without indexing (RFC 7541, section 6.2.2), parts under 127 bytes."""
    parts = (name.encode(), value.encode())
    return b"\0" + b"".join(bytes([len(part)]) + part for part in parts)


def headers(status: str = "200", kind: str = "application/grpc", *, end: bool = False) -> Frame:
    block = _literal(":status", status) + _literal("content-type", kind)
    flags = END_HEADERS | (END_STREAM if end else 0)
    return lambda stream: frame(HEADERS, flags, stream, block)


def trailers(*fields: tuple[str, str]) -> Frame:
    block = b"".join(_literal(*field) for field in fields) or _literal("x-none", "1")
    return lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, block)


def data(message: bytes, *, end: bool = False, framed: bool = True) -> Frame:
    """A gRPC message, or with `framed=False` just these bytes."""
    payload = b"\0" + struct.pack(">I", len(message)) + message if framed else message
    return lambda stream: frame(DATA, END_STREAM if end else 0, stream, payload)


def rst_stream(code: int) -> Frame:
    return lambda stream: frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last_stream: int, code: int) -> Frame:
    return lambda _: frame(GOAWAY, 0, 0, struct.pack(">II", last_stream, code))


class RawServer:
    """`frames` is what each request gets, as soon as its headers have come."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for open_socket in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in self._threads:
            thread.join(5)

    def _run(self, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._run(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), connection, connection.makefile("rb") as stream:
            _exactly(stream.read, len(_PREFACE))
            connection.sendall(frame(SETTINGS, 0, 0, b""))
            while True:
                head = _exactly(stream.read, 9)
                size = int.from_bytes(head[:3], "big")
                kind, flags, stream_id = struct.unpack(">BBI", head[3:])
                payload = _exactly(stream.read, size)
                if kind == SETTINGS and not flags & ACK:
                    connection.sendall(frame(SETTINGS, ACK, 0, b""))
                elif kind == PING and not flags & ACK:
                    connection.sendall(frame(PING, ACK, 0, payload))
                elif kind == HEADERS:
                    for answer in self.frames:
                        if answer is None:
                            connection.shutdown(socket.SHUT_RDWR)
                            return
                        connection.sendall(answer(stream_id))


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    found = read(size)
    if len(found) < size:
        raise EOFError
    return found
