"""One exchange in flight: its identity, what was measured of it, and its one record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import grpc
import grpc.aio

from sentinel.core.exchange import CallContext
from sentinel.core.finding import Inspection
from sentinel.core.ids import new_id
from sentinel.core.record import FindingRow, Outcome, Phase
from sentinel.guard.commands import Inspect
from sentinel.guard.recording import Transfer, build_edit, build_record
from sentinel.guard.session import Session
from sentinel.policy.vault import Vault
from sentinel.proxy.driver import Driver
from sentinel.proxy.fault import fault
from sentinel.proxy.forward import Context, Counts
from sentinel.proxy.metadata import Metadata, continue_trace, first, upstream_metadata

T = TypeVar("T")


class ExchangeRun:
    """What unary and streamed exchanges have in common. Times are nanoseconds since the epoch or
    durations.
    """

    streaming = False

    def __init__(self, driver: Driver, protocol: str, method: str, context: Context) -> None:
        self.driver = driver
        self.protocol = protocol
        self.method = method
        self.context = context
        self.metadata: Metadata = tuple(context.invocation_metadata() or ())
        self.started = time.time_ns()
        self.trace = continue_trace(self.metadata)
        self.upstream_ns = 0
        self.bytes = Counts()
        self.response_id = ""
        self.tokens = (0, 0)
        """Of input and output, where the model tells them."""
        self.released_chars = 0
        """Of a streamed answer, as the model wrote it."""
        self.recorded = False
        self.exchange_id = new_id()
        self.session: Session

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
        self.session = Session(self.driver.screener, call, self.exchange_id, settings.redactor, vault)
        return self.session

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

    async def keep(self, findings: Sequence[FindingRow], released: int) -> None:
        """Findings that edit a stream, ahead of the text that they edit."""
        await self.driver.record(
            build_edit(self.session, self.started, findings, released_chars=released), self.context
        )

    async def inspect(self, command: Inspect) -> list[Inspection]:
        """What the detectors find in the exchange's texts."""
        return await self.driver.inspect(self.session, command)

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
        transfer = Transfer(
            started_ns=self.started,
            ended_ns=time.time_ns(),
            protocol=self.protocol,
            upstream=self.driver.upstream.config.address,
            worker=self.driver.worker,
            streaming=self.streaming,
            grpc_code=code.name,
            error_type=error_type,
            response_id=self.response_id,
            input_tokens=self.tokens[0],
            output_tokens=self.tokens[1],
            upstream_ns=self.upstream_ns,
            input_bytes=self.bytes.upstream,
            output_bytes=self.bytes.downstream,
            released_chars=self.released_chars,
        )
        record = build_record(
            self.session,
            self.trace,
            transfer,
            outcome,
            phase=phase,
            with_content=self.driver.settings.record_content,
        )
        await self.driver.record(record, self.context)
        if phase is Phase.FINAL:
            self.driver.measures.count(record)


def outcome_of(code: grpc.StatusCode) -> Outcome:
    """How an upstream's status ends the exchange for the caller."""
    if code is grpc.StatusCode.OK:
        return Outcome.ANSWERED
    if code is grpc.StatusCode.CANCELLED:
        return Outcome.CANCELLED
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Outcome.DEADLINE
    return Outcome.UPSTREAM_ERROR
