"""One HTTP request of a caller's and the way back, over ASGI.

- The caller's end is noticed at any time and cancels the task that serves it (`gone` tells it from other
  cancellations).
- An answer that cannot be completed is broken off: the connection closes without the body's end, so that
  nobody takes a part for the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from sentinel.proxy.http_errors import HttpError
from sentinel.proxy.http_headers import Headers, end_to_end, first

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

NO_BODY = (204, 304)
"""Statuses of answers without a body."""


class Call:
    """Made in the task that serves the request. `headers` are the end-to-end fields."""

    __slots__ = (
        "_receive",
        "_send",
        "_task",
        "_watcher",
        "chunked",
        "complete",
        "failed",
        "gone",
        "headers",
        "limit",
        "method",
        "old",
        "path",
        "query",
        "raw_path",
        "received",
        "sent",
        "started",
    )

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self.limit = receive, send, limit
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.headers: Headers = end_to_end(scope["headers"])
        self.old = scope["http_version"] == "1.0"
        """Callers of HTTP/1.0 (nginx by default) know no chunks: they need the length."""
        self.gone = self.started = self.complete = False
        self.received = self.sent = 0
        self.failed: HttpError | None = None
        """Why reading the body ended early; whoever reads it on our behalf may tell something else."""
        self.chunked = False

    @property
    def target(self) -> str:
        """Path and query as they came. Never an authority: the model server's is the only one there is."""
        path = self.raw_path.decode("ascii")
        return f"{path}?{self.query.decode('ascii')}" if self.query else path

    @property
    def content_length(self) -> int | None:
        """What the caller announced; None where it did not (a chunked body, or none)."""
        told = first(self.headers, b"content-length")
        return int(told) if told.isdigit() else None

    async def read(self) -> bytes:
        """The whole body. Raises HttpError (413) beyond the limit."""
        pieces = [piece async for piece in self.pieces()]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives; no faster than it is asked for."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._caller_gone()
                raise asyncio.CancelledError
            piece: bytes = message["body"]
            self.received += len(piece)
            if self.received > self.limit:
                self.failed = self._too_large()
                raise self.failed
            if piece:
                yield piece
            if not message["more_body"]:
                self._watch()
                return

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes) -> None:
        """Waits while the caller reads slowly."""
        self.sent += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        self.sent += len(data)
        self.complete = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer at once; its length is told here."""
        if status not in NO_BODY:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        await self.start(status, headers)
        await self.end(b"" if self.method == "HEAD" or status in NO_BODY else body)

    def check(self, headers: Headers) -> None:
        """Raises HttpError on what cannot be forwarded."""
        coding = first(headers, b"transfer-encoding").lower()
        self.chunked = coding == "chunked"
        if coding and not self.chunked:
            raise HttpError(501, "unsupported", "Transfer-Encoding: only chunked can be read")
        length = self.content_length
        if length is not None and length > self.limit:
            raise self._too_large()
        if not self.raw_path.startswith(b"/") or self.method == "CONNECT":
            raise HttpError(400, "malformed", "the request's target must be a path")

    def _watch(self) -> None:
        """Nothing is left to read: what comes next is the caller's end, or that of the answer."""
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._caller_gone()

    def _caller_gone(self) -> None:
        if not self.complete:
            self.gone = True
            if self._task is not None:
                self._task.cancel()

    def _too_large(self) -> HttpError:
        return HttpError(
            413, "too_large", f"the body is larger than {self.limit} bytes (limits.max_message_bytes)"
        )
