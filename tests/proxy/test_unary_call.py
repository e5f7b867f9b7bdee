"""Unary calls on grpcio's transport: what grpc.aio's own call would have said, this says too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest

from sentinel.proxy.unary_call import Reply, UnaryCall

METHOD = "/any.Service/Method"
Context = grpc.aio.ServicerContext[bytes, bytes]
Behaviour = Callable[[bytes, Context], Awaitable[bytes]]


class Everything(grpc.GenericRpcHandler):
    def __init__(self, behaviour: Behaviour) -> None:
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(behaviour)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return self._handler


@asynccontextmanager
async def channel_to(behaviour: Behaviour) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Everything(behaviour),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(0)


def ask(behaviour: Behaviour, timeout: float | None = 20.0) -> Reply:
    async def play() -> Reply:
        async with channel_to(behaviour) as channel:
            return await UnaryCall(channel, METHOD)(b"request", (("k", "v"), ("b-bin", b"\0")), timeout)

    return asyncio.run(play())


def test_an_answer_with_metadata_on_both_ends() -> None:
    async def behaviour(request: bytes, context: Context) -> bytes:
        sent = dict(context.invocation_metadata() or ())
        await context.send_initial_metadata((("i", "1"), ("i", "2")))
        context.set_trailing_metadata((("t-bin", b"\xff"),))
        return request + repr((sent["k"], sent["b-bin"])).encode()

    reply = ask(behaviour)
    assert reply.response == b"request('v', b'\\x00')"
    assert (reply.initial, reply.end.trailers) == ((("i", "1"), ("i", "2")), (("t-bin", b"\xff"),))
    assert reply.end.code is grpc.StatusCode.OK


def test_an_empty_answer_is_an_answer() -> None:
    async def behaviour(request: bytes, context: Context) -> bytes:
        return b""

    assert ask(behaviour).response == b""


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_a_status_comes_as_it_is(code: grpc.StatusCode) -> None:
    async def behaviour(request: bytes, context: Context) -> bytes:
        await context.abort(code, "because", (("grpc-status-details-bin", b"\x08\x01"),))

    reply = ask(behaviour)
    assert reply.response is None
    assert (reply.end.code, reply.end.details) == (code, "because")
    assert reply.end.trailers == (("grpc-status-details-bin", b"\x08\x01"),)


def test_the_deadline_travels_and_strikes() -> None:
    left: list[float | None] = []

    async def behaviour(request: bytes, context: Context) -> bytes:
        left.append(context.time_remaining())
        await asyncio.sleep(30)
        return b""

    assert ask(behaviour, timeout=1.0).end.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert left[0] is not None and 0 < left[0] <= 1.1


def test_no_server_is_unavailable() -> None:
    async def play() -> Reply:
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            return await UnaryCall(channel, METHOD)(b"", (), 20.0)

    assert asyncio.run(play()).end.code is grpc.StatusCode.UNAVAILABLE


def test_a_cancellation_reaches_the_upstream() -> None:
    async def play() -> None:
        began, ended = asyncio.Event(), asyncio.Event()

        async def behaviour(request: bytes, context: Context) -> bytes:
            began.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                ended.set()
                raise
            return b""

        async with channel_to(behaviour) as channel:
            task = asyncio.ensure_future(UnaryCall(channel, METHOD)(b"", (), None))
            await asyncio.wait_for(began.wait(), 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(ended.wait(), 20)

    asyncio.run(play())
