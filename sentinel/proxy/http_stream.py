"""A streamed answer of a known path, towards the caller: decoded, screened and sent on while it arrives.

Nothing is sent, not even the status, before something of the answer may leave: what is blocked until then is
an honest error.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sentinel.adapters.base import AnswerStream, DecodedRequest
from sentinel.core.errors import WireError
from sentinel.core.exchange import Stage
from sentinel.core.record import Outcome, Screened
from sentinel.guard.answer import AnswerScreen, open_answer
from sentinel.guard.commands import Cut, Refuse
from sentinel.guard.events import Unreadable
from sentinel.proxy.answering import Answering
from sentinel.proxy.http_coding import UnknownCoding, Unpacker, codings
from sentinel.proxy.http_errors import HttpError, decision_headers
from sentinel.proxy.http_exchange import outcome_of
from sentinel.proxy.http_headers import ABOUT_BYTES, Headers
from sentinel.proxy.http_model import ModelAnswer
from sentinel.proxy.http_pass import error_type_of

if TYPE_CHECKING:
    from sentinel.proxy.http_unary import ScreenedRun


async def stream_answer(
    run: ScreenedRun, response: ModelAnswer, request: DecodedRequest, headers: Headers
) -> None:
    """Raises HttpError when the model server breaks the answer off."""
    run.streaming = True
    relay = _Relay(run, response, headers)
    try:
        unpacker = Unpacker(codings(headers))
    except UnknownCoding as error:
        unreadable = Unreadable(Stage.OUTPUT, Screened.MALFORMED, str(error))
        command = await run.driver.screen(run.session, unreadable)
        if isinstance(command, Refuse):
            return await run.refuse(command.decision)
        return await relay.unread()
    stream = run.adapter.open_stream(run.method, request)
    screen = open_answer(run.session, stream)
    if screen is None:
        await relay.unread()
    else:
        await relay.screened(screen, stream, unpacker)


class _Relay:
    """The way of one streamed answer. What one read from the model server releases leaves in one write."""

    def __init__(self, run: ScreenedRun, response: ModelAnswer, headers: Headers) -> None:
        self._run = run
        self._response = response
        self._headers = [field for field in headers if field[0] != b"content-length"]
        self._waiting: list[bytes] = []
        self._feeding = False
        self._asked = time.perf_counter_ns()

    async def unread(self) -> None:
        """As it comes: no rule reads it."""
        await self._run.open_record()
        async for piece in self._response.pieces():
            await self._write(piece)
        self._run.upstream_ns += time.perf_counter_ns() - self._asked
        await self._end()

    async def screened(self, screen: AnswerScreen, stream: AnswerStream, unpacker: Unpacker) -> None:
        run = self._run
        # What leaves is not what came, and not packed.
        self._headers = [field for field in self._headers if field[0] not in ABOUT_BYTES]
        answering = Answering(run, screen, self._send, self._response.close)
        await run.open_record()
        try:
            await self._feed(answering, unpacker)
        except HttpError as error:
            if answering.cut is None:  # it is not by a decision of ours that the connection was closed
                await answering.fail(error.message)
                await self._flush()
            if answering.cut is None:
                raise
        finally:
            answering.end()
            run.released_chars = screen.released
            run.upstream_ns += time.perf_counter_ns() - self._asked
            run.response_id, run.tokens = stream.response_id, (stream.input_tokens, stream.output_tokens)
        if answering.cut is not None:
            return await self._cut(answering.cut)
        await self._end()

    async def _feed(self, answering: Answering, unpacker: Unpacker) -> None:
        try:
            async for packed in self._response.pieces():
                self._feeding = True
                for piece in unpacker.feed(packed):
                    going = await answering.feed(piece)
                    await self._flush()
                    if not going:
                        return
                self._feeding = False
            unpacker.finish()
        except WireError as error:
            raise HttpError(502, "upstream", str(error)) from None
        await answering.close()
        await self._flush()

    async def _send(self, data: bytes) -> None:
        self._waiting.append(data)
        if not self._feeding:  # a deadline released it
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        await self._start()
        await self._run.call.write(data)

    async def _start(self) -> None:
        """What is decided is not known yet; the exchange's id leads to it."""
        run = self._run
        if not run.call.started:
            told = decision_headers(None, run.exchange_id)
            await run.call.start(self._response.status, [*self._headers, *told])

    async def _cut(self, cut: Cut) -> None:
        run = self._run
        if not run.call.started and run.driver.settings.refusal.answer == "error":
            return await run.refuse(cut.decision)
        await run.record(Outcome.REFUSED, self._response.status, "refused")
        await self._start()
        await run.call.end(cut.data)

    async def _end(self) -> None:
        status = self._response.status
        await self._run.record(outcome_of(status), status, error_type_of(status))
        await self._start()
        await self._run.call.end()
