"""One exchange over gRPC in flight. What ends a call early is an abort."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

import grpc
import grpc.aio

from sentinel.core.exchange import CallContext
from sentinel.core.record import Outcome, Phase, Record
from sentinel.guard.session import Session
from sentinel.policy.vault import Vault
from sentinel.proxy.driver import Driver
from sentinel.proxy.fault import fault
from sentinel.proxy.forward import Context, Counts
from sentinel.proxy.metadata import Metadata, continue_trace, first, upstream_metadata
from sentinel.proxy.run import Run

T = TypeVar("T")


class ExchangeRun(Run):
    """What unary and streamed exchanges have in common."""

    def __init__(self, driver: Driver, protocol: str, method: str, context: Context) -> None:
        self.context = context
        self.metadata: Metadata = tuple(context.invocation_metadata() or ())
        super().__init__(driver, protocol, method, continue_trace(self.metadata))
        self.bytes = Counts()

    def begin_session(self, model: str, vault: Vault | None = None) -> Session:
        """The exchange as rules see it, once the model is known ("" where nobody can tell)."""
        settings = self.driver.settings
        call = CallContext(
            self.method,
            self.driver.upstream.config.name,
            model,
            first(self.metadata, settings.tenant_key) if settings.tenant_key else "",
            {key: value for key, value in self.metadata if isinstance(value, str)},
        )
        return self.open_session(call, vault)

    def upstream_metadata(self) -> Metadata:
        return upstream_metadata(self.metadata, self.trace)

    async def finish(self, work: Awaitable[T]) -> T:
        """Await the exchange's work; a cancellation or a fault of ours is recorded too, and ends the call."""
        try:
            return await work
        except asyncio.CancelledError:
            await self.record_cancelled()
            raise
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            why = fault(self.method, error, self.exchange_id)
            code = grpc.StatusCode.INTERNAL
            await self.record(Outcome.REJECTED, code, type(error).__name__)
            return await self.context.abort(code, why)

    async def record_cancelled(self) -> None:
        """The caller is gone, or the call is late: the transport ends both in the same way."""
        # A caller's clock may strike first: on the wire a deadline is rounded up, by a hundredth at most.
        left = self.context.time_remaining()
        if left is not None and left <= 0.01 + (time.time_ns() - self.started) / 100e9:
            code = grpc.StatusCode.DEADLINE_EXCEEDED
            await self.record(Outcome.DEADLINE, code, code.name)
        else:
            await self.record(Outcome.CANCELLED, grpc.StatusCode.CANCELLED, "cancelled")

    async def durable(self, record: Record) -> None:
        await self.driver.record(record, self.context)

    async def open_record(self) -> None:
        """What recovery finds if we die before `record`."""
        await self.record(Outcome.INTERRUPTED, phase=Phase.OPEN)

    async def record(
        self,
        outcome: Outcome,
        code: grpc.StatusCode = grpc.StatusCode.OK,
        error_type: str = "",
        phase: Phase = Phase.FINAL,
    ) -> None:
        """Write a record of the exchange. There is one final one, and nothing is written after it."""
        if self.recorded:
            return
        self.recorded = phase is Phase.FINAL
        await self.write(
            outcome,
            phase,
            upstream=self.driver.upstream.config.address,
            code=code.name,
            error_type=error_type,
            input_bytes=self.bytes.upstream,
            output_bytes=self.bytes.downstream,
        )


def outcome_of(code: grpc.StatusCode) -> Outcome:
    """How an upstream's status ends the exchange for the caller."""
    if code is grpc.StatusCode.OK:
        return Outcome.ANSWERED
    if code is grpc.StatusCode.CANCELLED:
        return Outcome.CANCELLED
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Outcome.DEADLINE
    return Outcome.UPSTREAM_ERROR
