"""A streamed answer of a known path, towards the caller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import aiohttp

from sentinel.adapters.base import DecodedRequest
from sentinel.core.errors import WireError
from sentinel.core.exchange import Stage
from sentinel.core.record import Outcome, Screened
from sentinel.guard.answer import AnswerScreen, open_answer
from sentinel.guard.commands import Cut, Refuse
from sentinel.guard.events import Unreadable
from sentinel.proxy.answering import Answering
from sentinel.proxy.http_coding import UnknownCoding, Unpacker, codings
from sentinel.proxy.http_errors import HttpError
from sentinel.proxy.http_exchange import outcome_of
from sentinel.proxy.http_headers import ABOUT_BYTES, Headers
from sentinel.proxy.http_pass import error_type_of, pieces_of

if TYPE_CHECKING:
    from sentinel.proxy.http_unary import ScreenedRun

_PIECE = 64 * 1024


async def stream_answer(
    run: ScreenedRun, response: aiohttp.ClientResponse, request: DecodedRequest, headers: Headers
) -> None:
    """Drives the body of a streamed answer: the one place where its bytes go from the model server to the
    caller."""
    run.streaming = True
    try:
        unpacker = _unpacker(headers)
    except UnknownCoding as error:
        command = await run.screen(Unreadable(Stage.OUTPUT, Screened.MALFORMED, str(error)))
        if isinstance(command, Refuse):
            await run.refuse(command.decision)
        else:
            await _pass(run, response, headers)
        return
    stream = run.adapter.open_stream(run.method, request)
    screen = open_answer(run.session, stream)
    if screen is None:
        await _pass(run, response, headers)
        return
    try:
        cut = await _screened(run, response, headers, screen, unpacker)
    finally:
        run.released_chars = screen.released
        run.response_id, run.tokens = stream.response_id, (stream.input_tokens, stream.output_tokens)
    if cut is not None:
        await run.record(Outcome.REFUSED, response.status, "refused")
        await run.call.end(cut.data)
        return
    await run.record(outcome_of(response.status), response.status, error_type_of(response.status))
    await run.call.end()


async def _screened(
    run: ScreenedRun,
    response: aiohttp.ClientResponse,
    headers: Headers,
    screen: AnswerScreen,
    unpacker: Unpacker | None,
) -> Cut | None:
    call = run.call
    # The head leaves at once: a caller sees that the model has begun, and nothing of what it says.
    kept = [field for field in headers if field[0] not in ABOUT_BYTES]
    await run.open_record()
    await call.start(response.status, [*kept, *run.decision_headers()])
    answering = Answering(screen, run.keep, call.write, response.close, run.driver.settings.limits)
    try:
        async for data in pieces_of(response):
            for piece in _small(data) if unpacker is None else unpacker.feed(data):
                if not await answering.feed(piece):
                    return answering.cut
        if unpacker is not None:
            unpacker.finish()
        await answering.close()
    except WireError as error:
        raise HttpError(502, "upstream", f"the model server's answer: {error}") from None
    except HttpError:
        if answering.cut is None:  # else a deadline of ours closed the model server's answer
            raise
    finally:
        answering.end()
    return answering.cut


def _small(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


def _unpacker(headers: Headers) -> Unpacker | None:
    names = codings(headers)
    return Unpacker(names) if names else None


async def _pass(run: ScreenedRun, response: aiohttp.ClientResponse, headers: Headers) -> None:
    """An answer that no rule reads leaves as it came."""
    call = run.call
    await run.open_record()
    headers = [field for field in headers if field[0] != b"content-length"]
    await call.start(response.status, [*headers, *run.decision_headers()])
    async for piece in pieces_of(response):
        await call.write(piece)
    await run.record(outcome_of(response.status), response.status, error_type_of(response.status))
    await call.end()
