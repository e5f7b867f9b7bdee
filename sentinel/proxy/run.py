"""One exchange in flight, whatever the transport: its identity, what was measured of it, and its records."""

from __future__ import annotations

import abc
import time
from collections.abc import Sequence

from sentinel.core.exchange import CallContext
from sentinel.core.finding import Inspection
from sentinel.core.ids import TraceContext, new_id
from sentinel.core.record import FindingRow, Outcome, Phase, Record
from sentinel.guard.commands import Ask, Inspect
from sentinel.guard.recording import Transfer, build_edit, build_record
from sentinel.guard.session import Session
from sentinel.policy.vault import Vault
from sentinel.proxy.driver import Driver


class Run(abc.ABC):
    """Times are nanoseconds since the epoch or durations."""

    streaming = False

    def __init__(self, driver: Driver, protocol: str, method: str, trace: TraceContext) -> None:
        self.driver = driver
        self.protocol = protocol
        self.method = method
        self.trace = trace
        self.started = time.time_ns()
        self.upstream_ns = 0
        self.response_id = ""
        self.tokens = (0, 0)
        """Of input and output, where the model tells them."""
        self.released_chars = 0
        """Of a streamed answer, as the model wrote it."""
        self.recorded = False
        self.exchange_id = new_id()
        self.session: Session

    def open_session(self, call: CallContext, vault: Vault | None = None) -> Session:
        """The exchange as rules see it."""
        self.session = Session(
            self.driver.screener, call, self.exchange_id, self.driver.settings.redactor, vault
        )
        return self.session

    async def keep(self, findings: Sequence[FindingRow], released: int) -> None:
        """Findings that edit a stream, ahead of the text that they edit."""
        await self.durable(build_edit(self.session, self.started, findings, released_chars=released))

    async def inspect(self, command: Inspect) -> list[Inspection]:
        """What the detectors find in the exchange's texts."""
        return await self.driver.inspect(self.session, command)

    async def ask_models(self, command: Ask) -> list[list[Inspection]]:
        """What the model plane says to each question."""
        return await self.driver.ask_models(command.questions, command.deadline_ms)

    @abc.abstractmethod
    async def durable(self, record: Record) -> None:
        """Make a record durable. Ends a call whose record finds no room."""

    async def write(
        self,
        outcome: Outcome,
        phase: Phase,
        *,
        upstream: str,
        code: str,
        error_type: str,
        input_bytes: int,
        output_bytes: int,
    ) -> None:
        """Write a record of the exchange. `code`: the status that the caller sees."""
        transfer = Transfer(
            started_ns=self.started,
            ended_ns=time.time_ns(),
            protocol=self.protocol,
            upstream=upstream,
            worker=self.driver.worker,
            streaming=self.streaming,
            grpc_code=code,
            error_type=error_type,
            response_id=self.response_id,
            input_tokens=self.tokens[0],
            output_tokens=self.tokens[1],
            upstream_ns=self.upstream_ns,
            input_bytes=input_bytes,
            output_bytes=output_bytes,
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
        await self.durable(record)
        if phase is Phase.FINAL:
            self.driver.measures.count(record)
