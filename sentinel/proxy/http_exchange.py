"""One exchange over HTTP in flight. What ends a call early is an HttpError."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from sentinel.core.errors import SpoolFull
from sentinel.core.exchange import CallContext, Stage
from sentinel.core.record import Outcome, Phase, Record, Screened
from sentinel.guard.events import Unreadable
from sentinel.guard.session import Session
from sentinel.instruments import REJECTED
from sentinel.proxy.driver import Driver
from sentinel.proxy.fault import fault
from sentinel.proxy.http_call import Call
from sentinel.proxy.http_errors import JSON, ErrorWriter, HttpError, decision_headers
from sentinel.proxy.http_headers import Headers, continue_trace, first, upstream_headers
from sentinel.proxy.http_model import Model
from sentinel.proxy.run import Run

_CALLER_GONE = 499  # what nginx calls it; nobody sees it but the record
_OK = range(200, 400)


class HttpRun(Run):
    """What all exchanges over HTTP have in common."""

    def __init__(
        self,
        driver: Driver,
        upstream: Model,
        call: Call,
        protocol: str,
        method: str,
        errors: ErrorWriter,
    ) -> None:
        super().__init__(driver, protocol, method, continue_trace(call.headers))
        self.upstream = upstream
        self.call = call
        self.errors = errors
        self.output_bytes = 0
        """Of an answer that leaves as a whole; those of others are counted as they leave."""
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
        self.begun = True
        return self.open_session(context)

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
        await self.write(
            outcome,
            phase,
            upstream=self.upstream.address,
            code=str(status),
            error_type=error_type,
            input_bytes=self.call.received,
            output_bytes=self.output_bytes or self.call.sent,
        )

    async def durable(self, record: Record) -> None:
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
