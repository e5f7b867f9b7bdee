"""Bytes through, untouched: for calls that nothing reads, of any arity.

A message is held only between one read and the write that follows it, so a slow reader slows the sender:
memory is bounded by the transport's windows on both sides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import grpc.aio
import msgspec

from sentinel.proxy.metadata import Metadata, downstream_metadata

Context = grpc.aio.ServicerContext[bytes, bytes]
Requests = AsyncIterator[bytes]


class End(msgspec.Struct, frozen=True):
    """How the upstream ended a call."""

    code: grpc.StatusCode
    details: str
    trailers: Metadata


class Counts:
    """Bytes that passed so far, readable also after a cancellation."""

    __slots__ = ("downstream", "upstream")

    def __init__(self) -> None:
        self.upstream = 0
        self.downstream = 0


async def forward(
    call: grpc.aio.StreamStreamCall[bytes, bytes],
    requests: Requests,
    context: Context,
    counts: Counts,
    before_first_byte: Callable[[], Awaitable[None]] | None = None,
) -> End:
    """Pump messages both ways until the upstream ends the call. Cancels the upstream call if it does not get
    there.
    """
    pump = asyncio.create_task(_pump(requests, call, counts))
    try:
        initial = downstream_metadata(await call.initial_metadata())
        if before_first_byte is not None:
            await before_first_byte()
        # Also when empty: a caller may wait for the headers before it sends its first message.
        await context.send_initial_metadata(initial)
        while (message := await call.read()) is not grpc.aio.EOF:
            assert isinstance(message, bytes)
            counts.downstream += len(message)
            await context.write(message)
        return await end_of(call)
    except grpc.aio.AioRpcError as error:
        return end_from(error)
    finally:
        pump.cancel()
        if not call.done():
            call.cancel()


async def finish(context: Context, end: End, more: Metadata) -> None:
    """End the caller's call with the upstream's status."""
    trailers = (*end.trailers, *more)
    if end.code is not grpc.StatusCode.OK:
        await context.abort(end.code, end.details, trailers)
    context.set_trailing_metadata(trailers)
    if end.details:
        context.set_details(end.details)


async def end_of(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> End:
    """Wait for the status of a call whose messages were all read."""
    trailers = downstream_metadata(await call.trailing_metadata())
    return End(await call.code(), await call.details() or "", trailers)


def end_from(error: grpc.aio.AioRpcError) -> End:
    """The upstream's own status; without this copy callers would see UNKNOWN."""
    return End(error.code(), error.details() or "", downstream_metadata(error.trailing_metadata()))


async def _pump(requests: Requests, call: grpc.aio.StreamStreamCall[bytes, bytes], counts: Counts) -> None:
    try:
        await call.wait_for_connection()
        async for message in requests:
            counts.upstream += len(message)
            await write(call, message)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.InternalError):
        return  # the upstream ended first; the reading side reports its status


async def write(call: grpc.aio.StreamStreamCall[bytes, bytes], message: bytes) -> None:
    """What `call.write` does, but for its mishap: where the upstream ends the call before it read everything,
    that puts INTERNAL ("Internal error from Core") in place of the status that is just arriving (grpc/aio/
    _call.py, `_StreamRequestMixin._write`), in a quarter to a half of such calls.
    """
    if call.done():
        raise asyncio.InvalidStateError
    await call._cython_call.send_serialized_message(message)  # type: ignore[attr-defined]


def receiver(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> Callable[[], Awaitable[object]]:
    """What `call.read` does, without two coroutines around it, for a call whose initial metadata came. It
    raises nothing where the upstream failed: the end tells (`end_of`)."""
    receive: Callable[[], Awaitable[object]]
    receive = call._cython_call.receive_serialized_message  # type: ignore[attr-defined]
    return receive
