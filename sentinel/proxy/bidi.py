"""A call that carries several requests and their streamed answers, as a stream each way.

    caller ──requests──▶ an exchange each, screened ──▶ model server
    caller ◀─ its exchange's screen ◀─ router: whose answer ◀──── messages

- Every request is an exchange of its own, with its own rules, pseudonyms and record.
- What blocks one request ends that one where the protocol can say so in the stream, else the call.
- Answers that cannot be told apart get the pseudonyms' values of all requests that are open. Holding a
  request back until the former's last message would not do: some servers tell none, and read every request
  first.
- Messages leave in one order: only one of the two sides writes to the caller at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence

import grpc
import grpc.aio

from sentinel.adapters.base import AnswerStream, BidiAdapter, DecodedRequest
from sentinel.core.decision import Decision
from sentinel.core.errors import WireError
from sentinel.core.exchange import Stage
from sentinel.core.record import Outcome, Screened
from sentinel.guard.answer import AnswerScreen, open_answer
from sentinel.guard.commands import Cut, Refuse, Send, StreamCommand
from sentinel.guard.events import Unreadable
from sentinel.policy.vault import Numbers, Vault
from sentinel.proxy.answering import Answering
from sentinel.proxy.driver import Driver
from sentinel.proxy.exchange import outcome_of
from sentinel.proxy.fault import fault
from sentinel.proxy.forward import Context, End, Requests, end_from, end_of, finish, receiver, write
from sentinel.proxy.metadata import Metadata, continue_trace, downstream_metadata, upstream_metadata
from sentinel.proxy.status import decision_trailers, refusal_trailers, retold
from sentinel.proxy.turn import Turn
from sentinel.proxy.unary import UnaryRun

_FIRST_S = 1.0
_MOST_JOINED = 256
Call = grpc.aio.StreamStreamCall[bytes, bytes]


async def bidi_stream(
    driver: Driver, adapter: BidiAdapter, method: str, requests: Requests, context: Context
) -> None:
    """Handler of a method that streams requests and answers."""
    await driver.admit(context)
    try:
        await BidiCall(driver, adapter, method, context).relay(requests)
    finally:
        driver.release()


class _Exchange:
    """One request of a call and its answer; `answering` is None where no rule reads answers."""

    def __init__(self, run: UnaryRun, stream: AnswerStream, screen: AnswerScreen | None) -> None:
        self.run = run
        self.stream = stream
        self.screen = screen
        self.answering: Answering | None = None
        self.refused = False

    def settle(self) -> None:
        """Nothing more comes: the run gets what is known of the answer."""
        if self.answering is not None:
            self.answering.end()
        run, stream = self.run, self.stream
        run.released_chars = self.screen.released if self.screen is not None else 0
        run.response_id, run.tokens = stream.response_id, (stream.input_tokens, stream.output_tokens)


class _Ended(Exception):
    """The call ends here, by our own decision."""

    def __init__(self, code: grpc.StatusCode, details: str, trailers: Metadata) -> None:
        self.end = End(code, details, trailers)


def _fault(method: str, error: Exception) -> _Ended:
    return _Ended(grpc.StatusCode.INTERNAL, fault(method, error), ())


class BidiCall:
    """One call. Its exchanges are those whose last message has not come."""

    def __init__(self, driver: Driver, adapter: BidiAdapter, method: str, context: Context) -> None:
        self._driver = driver
        self._adapter = adapter
        self._method = method
        self._context = context
        metadata: Metadata = tuple(context.invocation_metadata() or ())
        self._answers = adapter.open_call(
            method, {key: value for key, value in metadata if isinstance(value, str)}
        )
        self._trace = continue_trace(metadata)
        self._upstream: Call = driver.upstream.stream(method)(
            metadata=upstream_metadata(metadata, self._trace), timeout=context.time_remaining()
        )
        self._exchanges: dict[int, _Exchange] = {}  # by the identity of their streams
        self._numbers = Numbers()
        self._vaults: list[Vault] = []
        """Of the open exchanges; while answers are mixed, of those that ended too."""
        self._mixed = False
        """Whether some answer may belong to another exchange than it seems."""
        self._asked = 0
        self._last: _Exchange | None = None
        self._turn = Turn()
        self._first = asyncio.Event()
        """The first request has been dealt with, or there will be none."""
        self._begun = False
        self._ended: Exception | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def relay(self, requests: Requests) -> None:
        asking = asyncio.create_task(self._ask_all(requests))
        try:
            end = await self._answer_all()
        except asyncio.CancelledError:
            if self._ended is None:
                for exchange in self._open():
                    exchange.settle()
                    await exchange.run.record_cancelled()
                raise
            end = await self._end_all(self._ended)
        except grpc.aio.AbortError as error:
            end = await self._end_all(error)
        except _Ended as ended:
            end = await self._end_all(ended)
        except Exception as error:
            end = await self._end_all(_fault(self._method, error))
        finally:
            asking.cancel()
            for task in self._tasks:
                task.cancel()
            if not self._upstream.done():
                self._upstream.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        for exchange in self._open():  # asked while the call was ending
            await self._finish(exchange, end)
        await finish(self._context, end, self._trailers(end))

    # Requests

    async def _ask_all(self, requests: Requests) -> None:
        try:
            async for message in requests:
                try:
                    await self._ask(message)
                finally:
                    self._first.set()
            await self._upstream.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.InternalError):
            return  # the upstream ended first; the reading side reports its status
        except _Ended as ended:
            self._stop(ended)
        except grpc.aio.AbortError as error:  # a record found no room; the caller is told already
            self._stop(error)
        except Exception as error:
            self._stop(_fault(self._method, error))
        finally:
            self._first.set()

    def _stop(self, why: Exception) -> None:
        """End the call from the side that does not read from the model server."""
        self._ended = self._ended or why
        self._upstream.cancel()

    async def _ask(self, message: bytes) -> None:
        run = UnaryRun(self._driver, self._adapter, self._method, self._context)
        run.streaming = True
        if not self._asked:
            run.trace = self._trace  # the one that the model server was told
        self._asked += 1
        run.bytes.upstream = len(message)
        try:
            decoded = self._adapter.decode_request(self._method, message)
        except WireError as error:
            run.begin_session("").receive(Unreadable(Stage.INPUT, Screened.MALFORMED, str(error)))
            code = grpc.StatusCode.INVALID_ARGUMENT
            await run.record(Outcome.REJECTED, code, "malformed")
            raise _Ended(code, f"{self._method}: {error}", decision_trailers(None, run.exchange_id)) from None
        vault = self._vault(decoded)
        run.begin_session(decoded.model, vault)
        command = await self._driver.screen(run.session, self._driver.read(Stage.INPUT, decoded))
        if isinstance(command, Refuse):
            stream, _ = self._answers.open(decoded, message)
            await self._refuse(_Exchange(run, stream, None), command.decision, Stage.INPUT)
            return
        texts = getattr(command, "texts", None)
        payload = message if texts is None else decoded.encode(texts)
        stream, payload = self._answers.open(decoded, payload)
        exchange = _Exchange(run, stream, open_answer(run.session, stream))
        if exchange.screen is not None:
            stop = functools.partial(self._stalled, exchange)
            exchange.answering = Answering(run, exchange.screen, self._send, stop)
        self._exchanges[id(stream)] = self._last = exchange
        if vault is not None:
            self._vaults.append(vault)
        await run.open_record()
        await self._upstream.wait_for_connection()
        await write(self._upstream, payload)

    def _vault(self, request: DecodedRequest) -> Vault | None:
        if not self._driver.screener.policy.pseudonymises:
            return None
        if not self._exchanges:
            self._numbers, self._vaults, self._mixed = Numbers(), [], False
        apart = self._answers.apart
        if self._answers.clashes(request) or apart is False:
            self._mix()
        vault = Vault(numbers=self._numbers, always=not apart)
        if self._mixed:
            vault.joined = self._vaults
            del self._vaults[:-_MOST_JOINED]
        return vault

    def _mix(self) -> None:
        self._mixed = True
        for vault in self._vaults:
            vault.joined = self._vaults

    # Answers

    async def _answer_all(self) -> End:
        call = self._upstream
        try:
            initial = downstream_metadata(await call.initial_metadata())
            await self._begin(initial)
            receive = receiver(call)
            while (message := await receive()) is not grpc.aio.EOF:
                assert isinstance(message, bytes)
                await self._answer(message)
            end = await end_of(call)
        except grpc.aio.AioRpcError as error:
            end = end_from(error)
            if not self._asked:  # it failed at once; the request that is under way has its record too
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._first.wait(), _FIRST_S)
        if self._ended is not None:
            raise self._ended
        return await self._finish_all(end)

    async def _answer(self, message: bytes) -> None:
        try:
            routed = self._answers.feed(message)
        except WireError as error:
            await self._unreadable(message, str(error))
            return
        if not self._mixed and self._answers.apart is False:
            self._mix()
        exchange = self._exchanges.get(id(routed.answer))
        if exchange is None or exchange.refused:
            return  # what the model still says to a request that a rule has ended
        size = len(message)
        exchange.run.bytes.downstream += size
        answering = exchange.answering
        if routed.silent:
            pass
        elif answering is None:
            await self._send(message)
        elif (commands := answering.begin(routed.elements, size)) is not None:
            await self._do(answering, commands)
        else:
            await answering.take(routed.elements, size)
        if answering is not None and answering.cut is not None:
            await self._cut(exchange, answering.cut)
        elif routed.last and not exchange.refused:
            await self._finish(exchange, End(grpc.StatusCode.OK, "", ()))

    async def _do(self, answering: Answering, commands: Sequence[StreamCommand]) -> None:
        try:
            for command in commands:
                if type(command) is Send and self._turn.taken_at_once():
                    try:
                        self._begun = True
                        await self._context.write(command.data)
                    finally:
                        self._turn.give()
                else:
                    await answering.perform((command,))
        finally:
            answering.done()

    async def _unreadable(self, message: bytes, why: str) -> None:
        """Whose answer it is, nobody knows: it is kept back where any open exchange has rules that mind."""
        for exchange in self._open():
            if exchange.answering is not None and not exchange.answering.unreadable(why):
                await self._cut(exchange, exchange.answering.cut, whole_call=True)
        if not self._of_the_past():  # no rule is left to mind what they still say
            await self._send(message)

    def _of_the_past(self) -> Sequence[_Exchange]:
        """Ended exchanges with rules that what belongs to nobody may come from: refused ones whose last
        message has not come, and where none is open the one that was asked last."""
        refused = [each for each in self._exchanges.values() if each.refused]
        last = [self._last] if self._last is not None and not self._exchanges else []
        return [each for each in (*refused, *last) if each.screen is not None]

    async def _cut(self, exchange: _Exchange, cut: Cut | None, *, whole_call: bool = False) -> None:
        assert cut is not None
        await self._refuse(exchange, cut.decision, Stage.OUTPUT, cut.data, whole_call=whole_call)

    async def _refuse(
        self,
        exchange: _Exchange,
        decision: Decision,
        stage: Stage,
        data: bytes | None = None,
        *,
        whole_call: bool = False,
    ) -> None:
        """End one exchange because a rule says so: in the stream where the protocol can, else with the
        call."""
        refusal, run = self._driver.settings.refusal, exchange.run
        code = grpc.StatusCode[refusal.prompt_code if stage is Stage.INPUT else refusal.answer_code]
        exchange.refused = True
        exchange.settle()
        await run.record(Outcome.REFUSED, code, "refused")
        said = exchange.stream.cut(decision.message, decision.decision_id) if data is None else data
        if not said or whole_call:
            raise _Ended(code, decision.message, refusal_trailers(decision, run.exchange_id, code))
        self._exchanges.setdefault(id(exchange.stream), exchange)  # to know what still comes for it
        await self._send(said)

    def _stalled(self, exchange: _Exchange) -> None:
        """A deadline has cut an answer while nothing came from the model server."""
        task = asyncio.get_running_loop().create_task(self._cut_stalled(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _cut_stalled(self, exchange: _Exchange) -> None:
        try:
            if exchange.answering is not None and not exchange.refused:
                if exchange.answering.broken is not None:
                    raise exchange.answering.broken
                await self._cut(exchange, exchange.answering.cut)
        except (_Ended, grpc.aio.AbortError) as ended:
            self._stop(ended)
        except Exception as error:
            self._stop(_fault(self._method, error))

    async def _begin(self, initial: Metadata) -> None:
        """The model server's headers, unless a refusal has left before they came: a server may send none
        before it has a request."""
        async with self._turn:
            if not self._begun:
                self._begun = True
                await self._context.send_initial_metadata(initial)

    async def _send(self, message: bytes) -> None:
        async with self._turn:
            self._begun = True
            await self._context.write(message)

    # The end

    async def _finish(self, exchange: _Exchange, end: End) -> None:
        """The last message of an exchange has come, or nothing will."""
        self._exchanges.pop(id(exchange.stream), None)
        if not self._mixed:
            self._vaults = [vault for vault in self._vaults if vault is not exchange.run.session.vault]
        if exchange.refused:
            return
        answering = exchange.answering
        if answering is not None and not await answering.close():
            await self._cut(exchange, answering.cut)
            return
        exchange.settle()
        error = "" if end.code is grpc.StatusCode.OK else end.code.name
        await exchange.run.record(outcome_of(end.code), end.code, error)

    async def _finish_all(self, end: End) -> End:
        self._answers.close()
        for exchange in self._of_the_past():
            end = retold(end, exchange.screen.remark(end.details) if exchange.screen else end.details)
        for exchange in list(self._exchanges.values()):
            if end.details and exchange.answering is not None and not exchange.refused:
                end = retold(end, await exchange.answering.fail(end.details))
            await self._finish(exchange, end)
        return end

    async def _end_all(self, why: Exception) -> End:
        """The call ends by our own doing, and with it every exchange that is open. Raises what ended it,
        where the caller has been told."""
        for exchange in self._open():
            exchange.settle()
            if isinstance(why, _Ended):
                await exchange.run.record(Outcome.CANCELLED, grpc.StatusCode.CANCELLED, "call_ended")
        if isinstance(why, _Ended):
            return why.end
        raise why

    def _open(self) -> Sequence[_Exchange]:
        return [exchange for exchange in self._exchanges.values() if not exchange.refused]

    def _trailers(self, end: End) -> Metadata:
        """Of the exchange that was asked last, where the end does not name one."""
        named = any(key == "sentinel-exchange-id" for key, _ in end.trailers)
        if named or self._last is None:
            return ()
        run = self._last.run
        return decision_trailers(run.session.decision, run.exchange_id)
