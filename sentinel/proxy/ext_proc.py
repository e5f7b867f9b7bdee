"""Envoy's external processing (envoy.service.ext_proc.v3): Envoy shows us each HTTP exchange, and we say what
becomes of it."""

from __future__ import annotations

import asyncio
import logging

import grpc
import grpc.aio

from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy import envoy_messages as messages
from sentinel.proxy.envoy_exchange import EnvoyExchange, complain
from sentinel.proxy.forward import Context
from sentinel.proxy.http_errors import JSON, PlainErrors
from sentinel.proxy.http_front import HttpFront

log = logging.getLogger("sentinel.proxy")

METHOD = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
SERVICE = METHOD.split("/")[1]

_LAST_S = 1.0


class ExtProc(grpc.GenericRpcHandler):
    """The service. What is done with an exchange is for `front` to say."""

    def __init__(self, front: HttpFront) -> None:
        self._front = front
        self._running: set[asyncio.Task[None]] = set()
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            self._process
        )

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return self._handler if handler_call_details.method == METHOD else None

    async def stop(self, grace_s: float) -> None:
        """Exchanges in flight get `grace_s`, then they are ended, and recorded."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace_s)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=_LAST_S)

    async def _process(self, requests: object, context: Context) -> None:
        stream = EnvoyStream(context)
        first = await stream.read()
        if first is None:
            return
        if wrong := messages.misconfigured(first):
            await self._refuse(stream, context, wrong)
            return
        exchange = EnvoyExchange(stream, first)
        serving = asyncio.create_task(
            self._front.serve(exchange, exchange.scope, exchange.receive, exchange.send)
        )
        self._running.add(serving)
        serving.add_done_callback(self._running.discard)
        reading = asyncio.create_task(exchange.read())
        try:
            await asyncio.wait([serving])
        except asyncio.CancelledError:  # Envoy has reset the exchange
            exchange.end()
            await asyncio.wait([serving], timeout=_LAST_S)
            serving.cancel()
            raise
        finally:
            reading.cancel()
            exchange.close()
        if not serving.cancelled() and (error := serving.exception()):
            log.error("%s outside of any exchange", type(error).__name__)
        if not exchange.complete:
            # Never with a good status: Envoy would let pass whatever it still holds.
            await context.abort(grpc.StatusCode.ABORTED, "the answer could not be completed")

    async def _refuse(self, stream: EnvoyStream, context: Context, wrong: str) -> None:
        """Told to the caller too: nothing passes."""
        complain(wrong)
        told = f"Envoy's ext_proc filter: {wrong}"
        body = PlainErrors().error_body(told, "internal", {})
        await stream.write(messages.instead(500, [JSON], body, "sentinel_misconfigured"))
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, told)


class EnvoyStream:
    """See envoy_exchange."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def read(self) -> pb.ProcessingRequest | None:
        message = await self._context.read()
        if not isinstance(message, bytes):
            return None
        return pb.ProcessingRequest.FromString(message)

    async def write(self, message: bytes) -> None:
        try:
            await self._context.write(message)
        except grpc.aio.InternalError:
            raise ConnectionError from None
