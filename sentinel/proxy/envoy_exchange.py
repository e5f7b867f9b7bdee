"""One HTTP exchange that Envoy has us process, seen from both its ends.

        Envoy ── request ──▶ receive ┐             ┌ ask ── request ──▶ Envoy ──▶ model server
                                     │ application │
        Envoy ◀── answer ───── send  ┘             └ pieces ◀─ answer ─ Envoy ◀── model server

- Towards the application it is an ASGI connection and a model server (http_model), so that the same is done
  with an exchange as for callers of our own HTTP server.
- Nothing passes that the application has not sent: Envoy holds the request until `ask`, and the answer until
  `send`.
- An answer that is not the model server's takes the place of whatever would have followed; once the answer's
  head has left that is impossible, and an answer that cannot be completed is broken off.
- What Envoy sends and nobody has read yet is bounded; then we stop reading from Envoy.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol

from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy import envoy_messages as messages
from sentinel.proxy.http_errors import HttpError
from sentinel.proxy.http_headers import Headers, end_to_end

log = logging.getLogger("sentinel.proxy")

_MAX_KEPT = 1024 * 1024
_NOT_CHANGED = frozenset([b"host", b"content-length", b"expect", b"http2-settings"])
"""Of the request: Envoy's own to write."""


@functools.cache
def complain(wrong: str) -> None:
    """About Envoy's configuration, once."""
    log.error("Envoy's ext_proc filter is not set up for screening: %s", wrong)


class Stream(Protocol):
    """Envoy's end."""

    async def read(self) -> pb.ProcessingRequest | None:
        """The next message; None when Envoy has ended the exchange."""
        ...

    async def write(self, message: bytes) -> None:
        """Raises ConnectionError when Envoy has ended the exchange."""
        ...


class Body:
    """A body as it arrives. `trailers` says that its end is told by trailers, which then follow it."""

    def __init__(self, *, ended: bool = False) -> None:
        self.ended = ended
        self.trailers = False
        self.given_up = False
        self._pieces: deque[bytes] = deque()
        self._kept = 0
        self._changed = asyncio.Event()

    async def put(self, data: bytes, *, last: bool) -> None:
        """Waits while too much is unread."""
        if data and not self.given_up:
            self._pieces.append(data)
            self._kept += len(data)
        self.ended = self.ended or last
        self._changed.set()
        while self._kept > _MAX_KEPT and not self.given_up:
            self._changed.clear()
            await self._changed.wait()

    async def get(self) -> tuple[bytes, bool]:
        """All that is there, and whether more may follow. Raises ConnectionError once nobody sends any
        more."""
        while not self._pieces and not self.ended:
            if self.given_up:
                raise ConnectionError
            self._changed.clear()
            await self._changed.wait()
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._kept = 0
        self._changed.set()
        return data, not self.ended

    def end_with_trailers(self) -> None:
        self.trailers = self.ended = True
        self._changed.set()

    def give_up(self) -> None:
        """Nobody sends any more, or nobody reads."""
        self.given_up = True
        self._changed.set()


class Answer:
    """The model server's answer (http_model)."""

    def __init__(self, message: pb.HttpHeaders) -> None:
        self.status = messages.status_of(message)
        self.headers: Headers = [
            field for field in messages.fields(message.headers) if not field[0].startswith(b":")
        ]
        self.empty = bool(message.end_of_stream)
        self.body = Body(ended=self.empty)

    async def pieces(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            try:
                data, more = await self.body.get()
            except ConnectionError:
                raise HttpError(502, "upstream", "Envoy broke the answer off") from None
            if data:
                yield data

    def close(self) -> None:
        self.body.give_up()


class EnvoyExchange:
    """`first` has passed `messages.misconfigured`."""

    base = ""

    def __init__(self, stream: Stream, first: pb.ProcessingRequest) -> None:
        self._stream = stream
        self.scope: Mapping[str, Any] = messages.scope(first.request_headers)
        self.address = messages.attribute(first, "xds.cluster_name") or "envoy"
        self._empty = bool(first.request_headers.end_of_stream)
        self._request = Body(ended=self._empty)
        self._request_read = False
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._writing = asyncio.Lock()
        self._head: tuple[int, Headers] | None = None
        self._open = False
        self._pump: asyncio.Task[None] | None = None
        self.complete = False
        """Whether the whole answer has left, or what takes its place."""

    # From Envoy

    async def read(self) -> None:
        """Take in what Envoy sends, until it ends the exchange."""
        try:
            while (message := await self._stream.read()) is not None:
                await self._take(message)
        finally:
            self.end()

    def end(self) -> None:
        """Envoy has ended the exchange: its caller is gone, or all is done."""
        self._gone.set()  # whoever waits for anything else learns it through `receive`
        self._request.give_up()

    async def _take(self, message: pb.ProcessingRequest) -> None:
        match message.WhichOneof("request"):
            case "request_body":
                await self._request.put(message.request_body.body, last=message.request_body.end_of_stream)
            case "request_trailers":
                self._request.end_with_trailers()
            case "response_headers":
                self._answered(message)
            case "response_body" if answer := self._answer_begun():
                await answer.body.put(message.response_body.body, last=message.response_body.end_of_stream)
            case "response_trailers" if answer := self._answer_begun():
                answer.body.end_with_trailers()

    def _answered(self, message: pb.ProcessingRequest) -> None:
        if self._answer.done():
            return
        answer = Answer(message.response_headers)
        details = messages.attribute(message, "response.code_details")
        if details and details != "via_upstream":
            why = details.partition("{")[0]
            self._answer.set_exception(HttpError(answer.status, "upstream", f"Envoy has no answer: {why}"))
        else:
            self._answer.set_result(answer)

    def _answer_begun(self) -> Answer | None:
        """None where the rest of an answer is of no interest. One whose head we were not shown ends the
        exchange."""
        if not self._answer.done():
            wrong = "processing_mode.response_header_mode must be SEND"
            complain(wrong)
            self._answer.set_exception(HttpError(500, "internal", f"Envoy's ext_proc filter: {wrong}"))
        return self._arrived()

    def _arrived(self) -> Answer | None:
        if not self._answer.done() or self._answer.cancelled() or self._answer.exception() is not None:
            return None
        return self._answer.result()

    # The caller's end (ASGI)

    async def receive(self) -> dict[str, Any]:
        if not self._request_read:
            with contextlib.suppress(ConnectionError):
                data, more = await self._request.get()
                self._request_read = not more
                return {"type": "http.request", "body": data, "more_body": more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._head = message["status"], list(message["headers"])
            answer = self._passing_on()
            if answer is not None and not answer.empty:
                await self._open_answer(answer)
            return
        data, last = message["body"], not message["more_body"]
        answer = self._passing_on()
        if self._open and answer is not None:
            with_trailers = last and answer.body.trailers
            await self._write(messages.body("response", data, last=last and not with_trailers))
            if with_trailers:
                await self._write([messages.trailers("response")])
        elif answer is not None and not data:
            await self._open_answer(answer)
        else:
            await self._write_instead(data)
        self.complete = self.complete or last

    def _passing_on(self) -> Answer | None:
        """The model server's answer, where it is that which is told: its head may be changed and its body be
        another, but not its status."""
        answer = self._arrived()
        passing = answer is not None and self._head is not None and self._head[0] == answer.status
        return answer if passing else None

    async def _open_answer(self, answer: Answer) -> None:
        assert self._head is not None
        self._open = True
        await self._write([messages.head("response", end_to_end(answer.headers), self._head[1])])

    async def _write_instead(self, data: bytes) -> None:
        assert self._head is not None
        status, headers = self._head
        await self._write([messages.instead(status, headers, data, "sentinel")])

    # The model server's end (http_model)

    async def ask(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] | None = None,
        length: int | None = None,
    ) -> Answer:
        before = [field for field in end_to_end(self.scope["headers"]) if field[0] not in _NOT_CHANGED]
        after = [(name.encode("ascii"), value.encode()) for name, value in headers]
        await self._write([messages.head("request", before, after)])
        if isinstance(body, bytes) or body is None:
            await self._pass_request(body or b"", last=True)
        else:
            self._pump = asyncio.create_task(self._pass_pieces(body))
        return await self._answer

    async def _pass_pieces(self, pieces: AsyncIterator[bytes]) -> None:
        try:
            async for piece in pieces:
                await self._pass_request(piece, last=False)
            await self._pass_request(b"", last=True)
        except HttpError as error:
            if not self._answer.done():
                self._answer.set_exception(error)

    async def _pass_request(self, data: bytes, *, last: bool) -> None:
        if self._empty:
            return
        with_trailers = last and self._request.trailers
        await self._write(messages.body("request", data, last=last and not with_trailers))
        if with_trailers:
            await self._write([messages.trailers("request")])

    async def _write(self, told: Iterable[bytes]) -> None:
        async with self._writing:
            try:
                for message in told:
                    if self._gone.is_set():
                        return
                    await self._stream.write(message)
            except ConnectionError:
                self.end()

    def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        if self._answer.done() and not self._answer.cancelled():
            self._answer.exception()  # or asyncio complains that nobody asked
