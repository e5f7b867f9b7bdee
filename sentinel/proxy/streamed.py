"""A call whose answer comes as a stream that an adapter reads: one request, many messages back."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import grpc
import grpc.aio

from sentinel.adapters.base import AnswerStream, StreamAdapter
from sentinel.core.record import Outcome
from sentinel.guard.answer import open_answer
from sentinel.guard.commands import Cut
from sentinel.proxy.answering import Answering
from sentinel.proxy.driver import Driver
from sentinel.proxy.exchange import outcome_of
from sentinel.proxy.forward import Context, End, end_from, end_of, finish
from sentinel.proxy.metadata import downstream_metadata
from sentinel.proxy.status import decision_trailers, refusal_trailers, retold
from sentinel.proxy.unary import UnaryRun

Call = grpc.aio.StreamStreamCall[bytes, bytes]


async def server_stream(
    driver: Driver, adapter: StreamAdapter, method: str, request: bytes, context: Context
) -> None:
    """Handler of a screened method with one request and a streamed answer."""
    await driver.admit(context)
    try:
        run = ServerStreamRun(driver, adapter, method, context)
        await run.finish(run.relay(request))
    finally:
        driver.release()


class ServerStreamRun(UnaryRun):
    """One exchange of one request message and a stream of response messages."""

    streaming = True

    def __init__(self, driver: Driver, adapter: StreamAdapter, method: str, context: Context) -> None:
        super().__init__(driver, adapter, method, context)
        self.stream_adapter = adapter

    async def relay(self, request: bytes) -> None:
        payload, decoded = await self.ask(request)
        call: Call = self.driver.upstream.stream(self.method)(
            metadata=self.upstream_metadata(), timeout=self.context.time_remaining()
        )
        try:
            await self._answer(call, payload, self.stream_adapter.open_stream(self.method, decoded))
        finally:
            if not call.done():
                call.cancel()

    async def _answer(self, call: Call, payload: bytes, stream: AnswerStream) -> None:
        screen = open_answer(self.session, stream)
        if screen is None:
            await self.end(await self._pass(call, payload))
            return
        answering = Answering(self, screen, self.send, call.cancel)
        end: End | None = None
        try:
            await self._begin(call, payload)
            while (message := await call.read()) is not grpc.aio.EOF:
                assert isinstance(message, bytes)
                if not await answering.feed(message):
                    break
            else:
                end = await end_of(call)
                await answering.close()
        except grpc.aio.AioRpcError as error:
            end = end_from(error)
            end = retold(end, await answering.fail(end.details))
        except asyncio.CancelledError as error:
            if answering.cut is None:  # it is not by a decision of ours that the upstream's call ended
                raise answering.broken or error from None
        finally:
            answering.end()
            self.released_chars = screen.released
            self.response_id, self.tokens = stream.response_id, (stream.input_tokens, stream.output_tokens)
        if answering.cut is not None:
            await self._cut(answering.cut)
        assert end is not None
        await self.end(end)

    async def _begin(self, call: Call, payload: bytes) -> None:
        await call.write(payload)
        await call.done_writing()
        initial = downstream_metadata(await call.initial_metadata())
        await self.open_record()
        await self.context.send_initial_metadata(initial)

    async def _pass(self, call: Call, payload: bytes) -> End:
        """An answer that no rule reads."""
        try:
            await self._begin(call, payload)
            while (message := await call.read()) is not grpc.aio.EOF:
                assert isinstance(message, bytes)
                await self.send(message)
            return await end_of(call)
        except grpc.aio.AioRpcError as error:
            return end_from(error)

    async def send(self, data: bytes) -> None:
        self.bytes.downstream += len(data)
        await self.context.write(data)

    async def _cut(self, cut: Cut) -> NoReturn:
        code = grpc.StatusCode[self.driver.settings.refusal.answer_code]
        await self.record(Outcome.REFUSED, code, "refused")
        if cut.data:
            await self.send(cut.data)
        await self.context.abort(
            code, cut.decision.message, refusal_trailers(cut.decision, self.exchange_id, code)
        )

    async def end(self, end: End) -> None:
        """End the caller's call with the upstream's status."""
        error = "" if end.code is grpc.StatusCode.OK else end.code.name
        await self.record(outcome_of(end.code), end.code, error)
        await finish(self.context, end, decision_trailers(self.session.decision, self.exchange_id))
