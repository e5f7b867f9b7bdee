"""Calls that nothing can read. Whether a stream of a known protocol passes is the rules' to say, and for an
unknown method `unknown_methods`; their records say that they were not read.

The opening record precedes the first byte that leaves, the final one the trailers: a crash in between is
closed as `interrupted` by the exporter.
"""

from __future__ import annotations

import grpc

from sentinel.core.exchange import Stage
from sentinel.core.ids import TraceContext
from sentinel.core.record import Outcome, Screened
from sentinel.guard.commands import Refuse
from sentinel.guard.events import Unreadable
from sentinel.proxy.driver import Driver
from sentinel.proxy.exchange import ExchangeRun, outcome_of
from sentinel.proxy.forward import Context, Counts, Requests, finish, forward
from sentinel.proxy.metadata import Metadata, continue_trace, upstream_metadata
from sentinel.proxy.status import decision_trailers, refusal_trailers

_WHY = {
    Screened.STREAM: "no adapter screens this stream",
    Screened.UNKNOWN_METHOD: "no adapter knows this method",
}


async def control(driver: Driver, method: str, requests: Requests, context: Context) -> None:
    """A call that never carries prompts (readiness, metadata, reflection): passes without a record."""
    await driver.admit(context)
    try:
        metadata: Metadata = tuple(context.invocation_metadata() or ())
        trace: TraceContext = continue_trace(metadata)
        call = driver.upstream.stream(method)(
            metadata=upstream_metadata(metadata, trace), timeout=context.time_remaining()
        )
        end = await forward(call, requests, context, Counts())
        await finish(context, end, ())
    finally:
        driver.release()


async def unscreened(
    driver: Driver, protocol: str, why: Screened, method: str, requests: Requests, context: Context
) -> None:
    """Handler of a method that carries prompts, or may, and that no adapter can read."""
    await driver.admit(context)
    try:
        run = UnscreenedRun(driver, protocol, method, context)
        await run.finish(run.pass_on(requests, why))
    finally:
        driver.release()


class UnscreenedRun(ExchangeRun):
    """One exchange of any arity, as bytes."""

    streaming = True

    async def pass_on(self, requests: Requests, why: Screened) -> None:
        self.begin_session("")
        for stage in (Stage.INPUT, Stage.OUTPUT):
            command = self.session.receive(Unreadable(stage, why, _WHY[why]))
            if isinstance(command, Refuse):
                code = grpc.StatusCode[self.driver.settings.refusal.prompt_code]
                await self.record(Outcome.REFUSED, code, "refused")
                trailers = refusal_trailers(command.decision, self.exchange_id, code)
                await self.context.abort(code, command.decision.message, trailers)
        call = self.driver.upstream.stream(self.method)(
            metadata=self.upstream_metadata(), timeout=self.context.time_remaining()
        )
        end = await forward(call, requests, self.context, self.bytes, self.open_record)
        error = "" if end.code is grpc.StatusCode.OK else end.code.name
        await self.record(outcome_of(end.code), end.code, error)
        known = why is not Screened.UNKNOWN_METHOD
        trailers = decision_trailers(self.session.decision, self.exchange_id) if known else ()
        await finish(self.context, end, trailers)
