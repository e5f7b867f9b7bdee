"""One HTTP exchange in flight: its identity, what was measured of it, and its one record.

The twin of `exchange`, which is gRPC's; what ends a call early is an HttpError here and an abort there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence

from sentinel.core.errors import SpoolFull
from sentinel.core.exchange import CallContext, Stage
from sentinel.core.finding import Inspection
from sentinel.core.ids import new_id
from sentinel.core.record import FindingRow, Outcome, Phase, Record, Screened
from sentinel.guard.commands import Inspect
from sentinel.guard.events import Unreadable
from sentinel.guard.recording import Transfer, build_edit, build_record
from sentinel.guard.session import Session
from sentinel.instruments import REJECTED
from sentinel.proxy.driver import Driver
from sentinel.proxy.fault import fault
from sentinel.proxy.http_call import Call
from sentinel.proxy.http_errors import JSON, ErrorWriter, HttpError, decision_headers
from sentinel.proxy.http_headers import Headers, continue_trace, first, upstream_headers
from sentinel.proxy.http_model import Model

_CALLER_GONE = 499  # what nginx calls it; nobody sees it but the record
_OK = range(200, 400)


class HttpRun:
    """What all exchanges over HTTP have in common. Times are nanoseconds since the epoch or durations."""

    def __init__(
        self,
        driver: Driver,
        upstream: Model,
        call: Call,
        protocol: str,
        method: str,
        errors: ErrorWriter,
    ) -> None:
        self.driver = driver
        self.upstream = upstream
        self.call = call
        self.protocol = protocol
        self.method = method
        self.errors = errors
        self.streaming = False
        self.started = time.time_ns()
        self.trace = continue_trace(call.headers)
        self.upstream_ns = 0
        self.output_bytes = 0
        """Of an answer that leaves as a whole; those of others are counted as they leave."""
        self.released_chars = 0
        self.response_id = ""
        self.tokens = (0, 0)
        """Of input and output, where the model tells them."""
        self.recorded = False
        self.exchange_id = new_id()
        self.session: Session
        self.begun = False
        """Whether there is a session."""

    def begin_session(self, model: str) -> Session:
        """The exchange as rules see it, once the model is known ("" where nobody can tell)."""
        settings, headers = self.driver.settings, self.call.headers
        context = CallContext(
            self.method,
            self.driver.upstream.config.name,
            model,
            first(headers, settings.tenant_key.encode()) if settings.tenant_key else "",
            {name.decode("latin-1"): value.decode("latin-1") for name, value in headers},
        )
        self.session = Session(self.driver.screener, context, self.exchange_id, settings.redactor)
        self.begun = True
        return self.session

    def upstream_headers(self) -> list[tuple[str, str]]:
        try:
            return upstream_headers(self.call.headers, self.trace)
        except UnicodeDecodeError:
            raise HttpError(400, "malformed", "a header field's value is not UTF-8") from None

    def decision_headers(self) -> Headers:
        return decision_headers(self.session.decision if self.begun else None, self.exchange_id)

    async def finish(self, work: Awaitable[None]) -> None:
        """Await the exchange's work. Whatever ends it is recorded, and told to a caller who is still there;
        an answer that has begun is broken off."""
        try:
            await work
        except asyncio.CancelledError:
            await self._cancelled()
        except HttpError as error:
            await self._ended_by(error)
        except Exception as error:
            told = fault(self.method, error, self.exchange_id)
            await self._ended_by(HttpError(500, "internal", told), type(error).__name__)

    async def tell(self, error: HttpError) -> None:
        """An error of ours, if an answer has not begun."""
        if self.call.started or self.call.gone:
            return
        facts = {"exchange_id": self.exchange_id}
        headers = [JSON, *self.decision_headers()]
        if error.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after_s))
        await self.call.answer(
            error.status, headers, self.errors.error_body(error.message, error.kind, facts)
        )

    async def keep(self, findings: Sequence[FindingRow], released: int) -> None:
        """Findings that edit a stream, ahead of the text that they edit."""
        await self._durable(build_edit(self.session, self.started, findings, released_chars=released))

    async def inspect(self, command: Inspect) -> list[Inspection]:
        """What the detectors find in the exchange's texts."""
        return await self.driver.inspect(self.session, command)

    async def open_record(self) -> None:
        """What recovery finds if we die before `record`."""
        await self._write(Outcome.INTERRUPTED, 200, "", Phase.OPEN)

    async def record(self, outcome: Outcome, status: int, error_type: str = "") -> None:
        """Write the exchange's one final record; a second call does nothing. Raises HttpError (503) when it
        finds no room."""
        if not self.recorded:
            self.recorded = True
            await self._write(outcome, status, error_type, Phase.FINAL)

    async def _cancelled(self) -> None:
        if self.call.gone:
            await self._last_record(Outcome.CANCELLED, _CALLER_GONE, "cancelled")
            return
        error = HttpError(503, "overloaded", "Sentinel is shutting down", retry_after_s=1)
        await self._last_record(Outcome.CANCELLED, error.status, "shutdown")
        await self.tell(error)

    async def _ended_by(self, error: HttpError, error_type: str = "") -> None:
        outcome = Outcome.UPSTREAM_ERROR if error.kind == "upstream" else Outcome.REJECTED
        full = await self._last_record(outcome, error.status, error_type or error.kind)
        await self.tell(full or error)

    async def _last_record(self, outcome: Outcome, status: int, error_type: str) -> HttpError | None:
        """The error of the record itself, where it found no room."""
        if not self.begun:
            self.begin_session("")
            if error_type in ("malformed", "too_large", "unsupported"):
                self._unread(error_type)
        try:
            await self.record(outcome, status, error_type)
        except HttpError as error:
            return error
        return None

    def _unread(self, error_type: str) -> None:
        screened = Screened.TOO_LARGE if error_type == "too_large" else Screened.MALFORMED
        self.session.receive(Unreadable(Stage.INPUT, screened, "the request could not be read"))

    async def _write(self, outcome: Outcome, status: int, error_type: str, phase: Phase) -> None:
        driver = self.driver
        transfer = Transfer(
            started_ns=self.started,
            ended_ns=time.time_ns(),
            protocol=self.protocol,
            upstream=self.upstream.address,
            worker=driver.worker,
            streaming=self.streaming,
            grpc_code=str(status),
            error_type=error_type,
            response_id=self.response_id,
            input_tokens=self.tokens[0],
            output_tokens=self.tokens[1],
            upstream_ns=self.upstream_ns,
            input_bytes=self.call.received,
            output_bytes=self.output_bytes or self.call.sent,
            released_chars=self.released_chars,
        )
        record = build_record(
            self.session,
            self.trace,
            transfer,
            outcome,
            phase=phase,
            with_content=driver.settings.record_content,
        )
        await self._durable(record)
        if phase is Phase.FINAL:
            driver.measures.count(record)

    async def _durable(self, record: Record) -> None:
        recorder = self.driver.recorder
        try:
            recorder.write(record)
            if recorder.needs_commit:
                await recorder.commit()
        except SpoolFull as error:
            REJECTED.labels("spool_full").inc()
            told = f"the call cannot be recorded: {error}"
            raise HttpError(503, "overloaded", told, retry_after_s=1) from None


def outcome_of(status: int) -> Outcome:
    """How an upstream's status ends the exchange for the caller."""
    return Outcome.ANSWERED if status in _OK else Outcome.UPSTREAM_ERROR
