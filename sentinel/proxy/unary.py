"""A call whose request and response an adapter reads: performs what the guard's session commands.

Every way out (answer, refusal, malformed message, upstream error, cancellation) is recorded before the caller
learns it.
"""

from __future__ import annotations

import time
from typing import NoReturn

import grpc
import grpc.aio

from sentinel.adapters.base import Adapter, DecodedRequest
from sentinel.core.decision import Decision
from sentinel.core.errors import WireError
from sentinel.core.exchange import Role, Stage, TextPart
from sentinel.core.record import Outcome, Screened
from sentinel.guard.commands import Answer, Forward, Refuse
from sentinel.guard.events import ResponseRead, Unreadable
from sentinel.proxy.driver import Driver
from sentinel.proxy.exchange import ExchangeRun, outcome_of
from sentinel.proxy.forward import Context, End
from sentinel.proxy.status import decision_trailers, refusal_trailers, retold
from sentinel.proxy.unary_call import Reply


async def unary(driver: Driver, adapter: Adapter, method: str, request: bytes, context: Context) -> bytes:
    """Handler of a screened unary method."""
    await driver.admit(context)
    try:
        run = UnaryRun(driver, adapter, method, context)
        return await run.finish(run.answer(request))
    finally:
        driver.release()


class UnaryRun(ExchangeRun):
    """One exchange of one request message and one response message."""

    def __init__(self, driver: Driver, adapter: Adapter, method: str, context: Context) -> None:
        super().__init__(driver, adapter.name, method, context)
        self.adapter = adapter

    async def answer(self, request: bytes) -> bytes:
        payload, decoded = await self.ask(request)
        response, reply = await self._call(payload)
        response = await self._screen_response(response, decoded)
        if reply.initial:
            await self.context.send_initial_metadata(reply.initial)
        self.context.set_trailing_metadata(
            (*reply.end.trailers, *decision_trailers(self.session.decision, self.exchange_id))
        )
        return response

    async def ask(self, request: bytes) -> tuple[bytes, DecodedRequest]:
        """The request as the model may see it. One that it may not see ends the call here."""
        self.bytes.upstream = len(request)
        try:
            decoded = self.adapter.decode_request(self.method, request)
        except WireError as error:
            await self._malformed(error)
        self.begin_session(decoded.model)
        command = await self.driver.screen(self.session, self.driver.read(Stage.INPUT, decoded))
        if isinstance(command, Refuse):
            await self.refuse(command.decision, self.driver.settings.refusal.prompt_code)
        assert isinstance(command, Forward)
        return request if command.texts is None else decoded.encode(command.texts), decoded

    async def _screen_response(self, response: bytes, request: DecodedRequest) -> bytes:
        self.bytes.downstream = len(response)
        outcome = Outcome.ANSWERED
        try:
            decoded = self.adapter.decode_response(self.method, response, request)
            self.response_id = decoded.response_id
            self.tokens = decoded.input_tokens, decoded.output_tokens
            command = await self.driver.screen(self.session, self.driver.read(Stage.OUTPUT, decoded))
            if isinstance(command, Answer) and command.texts is not None:
                response = decoded.encode(command.texts)
        except WireError as error:
            command = await self.driver.screen(
                self.session, Unreadable(Stage.OUTPUT, Screened.MALFORMED, str(error))
            )
        if isinstance(command, Refuse):
            refusal = self.driver.settings.refusal
            if refusal.answer == "error":
                await self.refuse(command.decision, refusal.answer_code)
            response = self.adapter.refusal_response(request, command.decision.message)
            outcome = Outcome.REFUSED
        await self.record(outcome)
        return response

    async def _call(self, payload: bytes) -> tuple[bytes, Reply]:
        """The model's response and what came with it; an error of the upstream's ends the call as it is."""
        started = time.perf_counter_ns()
        try:
            reply = await self.driver.upstream.unary(self.method)(
                payload, self.upstream_metadata(), self.context.time_remaining()
            )
        finally:
            self.upstream_ns = time.perf_counter_ns() - started
        if reply.response is None:
            end = await self._told(reply.end)
            await self.record(outcome_of(end.code), end.code, end.code.name)
            if reply.initial:
                await self.context.send_initial_metadata(reply.initial)
            trailers = decision_trailers(self.session.decision, self.exchange_id)
            await self.context.abort(end.code, end.details, (*end.trailers, *trailers))
        return reply.response, reply

    async def _told(self, end: End) -> End:
        """The model server's error with its words screened as an answer, for they may quote one."""
        if not end.details:
            return end
        words = TextPart(Role.ANSWER, end.details, "status")
        command = await self.driver.screen(self.session, ResponseRead([words]))
        if isinstance(command, Refuse):
            return retold(end, command.decision.message)
        if isinstance(command, Answer) and command.texts is not None:
            return retold(end, command.texts[0])
        return end

    async def refuse(self, decision: Decision, code_name: str) -> NoReturn:
        """End the call because a rule says so."""
        code = grpc.StatusCode[code_name]
        await self.record(Outcome.REFUSED, code, "refused")
        trailers = refusal_trailers(decision, self.exchange_id, code)
        await self.context.abort(code, decision.message, trailers)

    async def _malformed(self, error: WireError) -> NoReturn:
        self.begin_session("").receive(Unreadable(Stage.INPUT, Screened.MALFORMED, str(error)))
        await self.record(Outcome.REJECTED, grpc.StatusCode.INVALID_ARGUMENT, "malformed")
        await self.context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"{self.method}: {error}",
            decision_trailers(None, self.exchange_id),
        )
