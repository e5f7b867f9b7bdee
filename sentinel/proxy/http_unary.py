"""The life of a screened call over HTTP: the request is screened, then the model is asked, then its answer is
screened; as in `unary`, every way out is recorded before the caller learns it.

Whether an answer is streamed is what its Content-Type says, whatever the request asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sentinel.adapters.base import Decoded, DecodedRequest, HttpAdapter
from sentinel.core.decision import Decision
from sentinel.core.errors import WireError
from sentinel.core.exchange import Stage
from sentinel.core.record import Outcome, Screened
from sentinel.guard.commands import Answer, Command, Forward, Refuse
from sentinel.guard.events import Unreadable
from sentinel.proxy.driver import Driver, on_thread
from sentinel.proxy.http_call import Call
from sentinel.proxy.http_coding import TooLarge, UnknownCoding, codings, readable, unpacked
from sentinel.proxy.http_errors import JSON, HttpError, refusal_facts
from sentinel.proxy.http_exchange import HttpRun, outcome_of
from sentinel.proxy.http_headers import ABOUT_BYTES, Headers, media_type, values
from sentinel.proxy.http_model import Model, ModelAnswer
from sentinel.proxy.http_pass import downstream_headers, error_type_of
from sentinel.proxy.http_stream import stream_answer

_CHARSETS = ("", "utf-8", "utf8", "us-ascii")
_EVENT_STREAM = "text/event-stream"
T = TypeVar("T")


async def screened(driver: Driver, upstream: Model, adapter: HttpAdapter, method: str, call: Call) -> None:
    """Handler of a path whose requests and answers an adapter reads."""
    run = ScreenedRun(driver, upstream, adapter, method, call)
    await run.finish(run.answer())


class ScreenedRun(HttpRun):
    """One exchange of one request and one answer."""

    def __init__(
        self, driver: Driver, upstream: Model, adapter: HttpAdapter, method: str, call: Call
    ) -> None:
        super().__init__(driver, upstream, call, adapter.name, method, adapter)
        self.adapter = adapter

    async def answer(self) -> None:
        request = await self._request()
        self.begin_session(request.model)
        self.streaming = request.streaming
        command = await self.driver.screen(self.session, self.driver.read(Stage.INPUT, request))
        if isinstance(command, Refuse):
            return await self.refuse(command.decision)
        assert isinstance(command, Forward)
        body = self._body if command.texts is None else request.encode(command.texts)
        response = await self._ask(body, request)
        try:
            await self._answer_with(response, request)
        finally:
            response.close()

    async def refuse(self, decision: Decision) -> None:
        """The honest error; the record first."""
        status = self.driver.settings.refusal.http_status
        body = self.adapter.error_body(decision.message, "blocked", refusal_facts(decision, self.exchange_id))
        self.output_bytes = len(body)
        await self.record(Outcome.REFUSED, status, "refused")
        await self.call.answer(status, [JSON, *self.decision_headers()], body)

    async def _request(self) -> DecodedRequest:
        """The request, read and decoded; keeps its unpacked bytes. Raises HttpError."""
        kind, charset = media_type(self.call.headers)
        if len(values(self.call.headers, b"content-type")) > 1 or not _is_json(kind):
            raise HttpError(415, "unsupported", f"{self.method}: Content-Type must be application/json")
        if charset not in _CHARSETS:
            raise HttpError(415, "unsupported", f"{self.method}: Content-Type: charset must be utf-8")
        try:
            names = codings(self.call.headers)
            body = await self.call.read()
            if names:
                body = await self._off_loop(len(body), unpacked, body, names, self.call.limit)
            self._body = body
            return await self._off_loop(len(body), self.adapter.decode_request, self.method, body)
        except UnknownCoding as error:
            raise HttpError(415, "unsupported", f"{self.method}: {error}") from None
        except TooLarge as error:
            raise HttpError(413, "too_large", f"{self.method}: {error} (limits.max_message_bytes)") from None
        except WireError as error:
            raise HttpError(400, "malformed", f"{self.method}: {error}") from None

    async def _ask(self, body: bytes, request: DecodedRequest) -> ModelAnswer:
        """What is sent is what was read: without a content coding, which could be undone in another way."""
        dropped = ("content-encoding", "accept-encoding")
        headers = [field for field in self.upstream_headers() if field[0] not in dropped]
        accepted = values(self.call.headers, b"accept-encoding")
        if accepted:  # packing makes events wait for each other
            headers.append(("accept-encoding", "identity" if request.streaming else readable(accepted)))
        started = time.perf_counter_ns()
        try:
            return await self.upstream.ask(self.call.method, self.call.target, headers, body)
        finally:
            self.upstream_ns = time.perf_counter_ns() - started

    async def _answer_with(self, response: ModelAnswer, request: DecodedRequest) -> None:
        headers = downstream_headers(self.upstream, response)
        if media_type(headers)[0] == _EVENT_STREAM:
            return await stream_answer(self, response, request, headers)
        data = await self._whole(response)
        decoded, command = await self._screen_answer(response.status, headers, data, request)
        if isinstance(command, Refuse):
            return await self._refuse_answer(command.decision, request)
        if isinstance(command, Answer) and command.texts is not None and decoded is not None:
            data = decoded.encode(command.texts)
            headers = [field for field in headers if field[0] not in ABOUT_BYTES]
        await self._leave(response.status, headers, data)

    async def _whole(self, response: ModelAnswer) -> bytes:
        """The answer's bytes as they came."""
        started = time.perf_counter_ns()
        pieces, size = [], 0
        async for piece in response.pieces():
            size += len(piece)
            if size > self.call.limit:
                limit = f"{self.call.limit} bytes (limits.max_message_bytes)"
                raise HttpError(502, "upstream", f"the model server's answer is larger than {limit}")
            pieces.append(piece)
        self.upstream_ns += time.perf_counter_ns() - started
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _screen_answer(
        self, status: int, headers: Headers, data: bytes, request: DecodedRequest
    ) -> tuple[Decoded | None, Command]:
        """What the rules say of the answer, or of an error's body, which may quote either half."""
        try:
            names = codings(headers)
            if names:
                data = await self._off_loop(len(data), unpacked, data, names, self.call.limit)
            decoded: Decoded
            if status >= 300:
                if not data:
                    return None, Answer()
                decoded = await self._off_loop(len(data), self.adapter.decode_error, self.method, data)
            else:
                answer = await self._off_loop(
                    len(data), self.adapter.decode_response, self.method, data, request
                )
                self.response_id = answer.response_id
                self.tokens = answer.input_tokens, answer.output_tokens
                decoded = answer
            return decoded, await self.driver.screen(self.session, self.driver.read(Stage.OUTPUT, decoded))
        except WireError as error:
            screened = Screened.TOO_LARGE if isinstance(error, TooLarge) else Screened.MALFORMED
            return None, await self.driver.screen(
                self.session, Unreadable(Stage.OUTPUT, screened, str(error))
            )

    async def _refuse_answer(self, decision: Decision, request: DecodedRequest) -> None:
        if self.driver.settings.refusal.answer == "error":
            return await self.refuse(decision)
        body = self.adapter.refusal_response(request, decision.message)
        await self._leave(200, [JSON], body, Outcome.REFUSED)

    async def _leave(
        self, status: int, headers: Headers, body: bytes, outcome: Outcome | None = None
    ) -> None:
        """The record, then the answer."""
        headers = [field for field in headers if field[0] != b"content-length"]
        self.output_bytes = len(body)
        await self.record(outcome or outcome_of(status), status, error_type_of(status))
        await self.call.answer(status, [*headers, *self.decision_headers()], body)

    async def _off_loop(self, size: int, work: Callable[..., T], *arguments: object) -> T:
        """Long bodies are unpacked and decoded on a thread, so that no other call waits."""
        if size <= self.driver.settings.limits.inline_chars:
            return work(*arguments)
        return await on_thread(work, *arguments)


def _is_json(kind: str) -> bool:
    return kind in ("", "application/json", "text/json") or (
        kind.startswith("application/") and kind.endswith("+json")
    )
