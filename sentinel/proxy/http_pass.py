"""Bytes through over HTTP: for calls that nothing reads. Both bodies stream, no faster than the slower side
reads, and leave as they came."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from sentinel.core.exchange import Stage
from sentinel.core.record import Screened
from sentinel.guard.events import Unreadable
from sentinel.proxy.driver import Driver
from sentinel.proxy.http_call import NO_BODY, Call
from sentinel.proxy.http_errors import HttpError, PlainErrors
from sentinel.proxy.http_exchange import HttpRun, outcome_of
from sentinel.proxy.http_headers import (
    Headers,
    continue_trace,
    end_to_end,
    first,
    template,
    upstream_headers,
)
from sentinel.proxy.http_model import Model, ModelAnswer

_REDIRECTS = range(300, 400)
_WHY = "no adapter knows this path"


async def control(upstream: Model, call: Call) -> None:
    """A call that never carries prompts (health, the list of models): passes without a record. Raises
    HttpError."""
    try:
        headers = upstream_headers(call.headers, continue_trace(call.headers))
    except UnicodeDecodeError:
        raise HttpError(400, "malformed", "a header field's value is not UTF-8") from None
    response = await _ask(upstream, call, headers)
    await relay(upstream, call, response, [])


async def unscreened(driver: Driver, upstream: Model, call: Call) -> None:
    """A path that may carry prompts and that no adapter can read."""
    run = UnscreenedRun(driver, upstream, call, "unknown", template(call.path), PlainErrors())
    await run.finish(run.pass_on())


class UnscreenedRun(HttpRun):
    """One exchange as bytes."""

    async def pass_on(self) -> None:
        self.streaming = True
        session = self.begin_session("")
        for stage in (Stage.INPUT, Stage.OUTPUT):
            session.receive(Unreadable(stage, Screened.UNKNOWN_METHOD, _WHY))
        asked = time.perf_counter_ns()
        response = await _ask(self.upstream, self.call, self.upstream_headers())

        async def before_the_end() -> None:
            self.upstream_ns = time.perf_counter_ns() - asked
            await self.record(outcome_of(response.status), response.status, error_type_of(response.status))

        await self.open_record()
        await relay(self.upstream, self.call, response, [], before_the_end)


async def _ask(upstream: Model, call: Call, headers: list[tuple[str, str]]) -> ModelAnswer:
    length = call.content_length
    if not length and not call.chunked:
        async for _ in call.pieces():  # there is none; from here on the caller's end is noticed
            pass
        return await upstream.ask(call.method, call.target, headers, length=length)
    try:
        return await upstream.ask(call.method, call.target, headers, call.pieces(), length)
    except HttpError as error:
        raise call.failed or error from None


async def relay(
    upstream: Model,
    call: Call,
    response: ModelAnswer,
    more: Headers,
    before_the_end: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Send the model server's answer on, piece by piece, with `more` header fields; `before_the_end` runs
    when all of it has arrived and not all of it has left. Raises HttpError when it ends too soon."""
    try:
        headers = [*downstream_headers(upstream, response), *more]
        if call.old and not first(headers, b"content-length"):
            return await _as_a_whole(call, response, headers, before_the_end)
        await call.start(response.status, headers)
        async for piece in response.pieces():
            await call.write(piece)
        if before_the_end is not None:
            await before_the_end()
        await call.end()
    finally:
        response.close()


async def _as_a_whole(
    call: Call,
    response: ModelAnswer,
    headers: Headers,
    before_the_end: Callable[[], Awaitable[None]] | None,
) -> None:
    pieces, size = [], 0
    async for piece in response.pieces():
        size += len(piece)
        if size > call.limit:
            raise HttpError(502, "upstream", "the answer has no length and is too large for HTTP/1.0")
        pieces.append(piece)
    if before_the_end is not None:
        await before_the_end()
    await call.answer(response.status, headers, b"".join(pieces))


def downstream_headers(upstream: Model, response: ModelAnswer) -> Headers:
    """The end-to-end fields for the caller. A redirection to the model server itself leads back to us."""
    if not 200 <= response.status <= 599:
        raise HttpError(502, "upstream", f"the model server answered with status {response.status}")
    kept = end_to_end(response.headers)
    if response.status in NO_BODY:
        kept = [field for field in kept if field[0] != b"content-length"]
    if response.status not in _REDIRECTS:
        return kept
    base = upstream.base.encode()
    return [
        (name, (value.removeprefix(base) or b"/") if name == b"location" else value) for name, value in kept
    ]


def error_type_of(status: int) -> str:
    """The status itself, where it tells of an error (OpenTelemetry's `error.type` over HTTP)."""
    return str(status) if status >= 400 else ""
