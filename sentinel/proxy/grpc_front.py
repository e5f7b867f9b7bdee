"""gRPC in: which handler a method gets. A known method gets its own kind of handler, because serving a unary
call through a stream handler costs nearly twice as much; only the unknown are served as streams of bytes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio

from sentinel.adapters.base import Adapter, BidiAdapter, MethodKind, StreamAdapter
from sentinel.core.record import Screened
from sentinel.proxy.bidi import bidi_stream
from sentinel.proxy.driver import Driver
from sentinel.proxy.forward import Context, Requests
from sentinel.proxy.streamed import server_stream
from sentinel.proxy.unary import unary
from sentinel.proxy.unscreened import control, unscreened

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]

# Server reflection carries names and descriptors, never prompts (doc/server-reflection.md in
# github.com/grpc/grpc).
_REFLECTION = frozenset(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)
_MAX_REMEMBERED_METHODS = 1024


class GrpcFront(grpc.GenericRpcHandler):
    """Every method of every service, except those that the server itself implements (health)."""

    def __init__(self, driver: Driver, adapters: Sequence[Adapter]) -> None:
        self._driver = driver
        self._handlers: dict[str, Handler] = {
            method: _known(driver, adapter, method, kind)
            for adapter in adapters
            for method, kind in adapter.methods.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        method = handler_call_details.method
        handler = self._handlers.get(method)
        if handler is None:
            handler = self._unknown(method)
            if len(self._handlers) < _MAX_REMEMBERED_METHODS:  # callers choose the names
                self._handlers[method] = handler
        return handler

    def _unknown(self, method: str) -> Handler:
        if method in _REFLECTION:
            return _stream(functools.partial(control, self._driver, method))
        return _stream(functools.partial(_unknown_method, self._driver, method))


def _known(driver: Driver, adapter: Adapter, method: str, kind: MethodKind) -> Handler:
    if kind is MethodKind.UNARY:
        return grpc.unary_unary_rpc_method_handler(functools.partial(unary, driver, adapter, method))
    if kind is MethodKind.CONTROL:
        return _stream(functools.partial(control, driver, method))
    if kind is MethodKind.BIDI_STREAM:
        return _stream(functools.partial(bidi_stream, driver, cast(BidiAdapter, adapter), method))
    if kind is MethodKind.SERVER_STREAM:
        reads = cast(StreamAdapter, adapter)
        return grpc.unary_stream_rpc_method_handler(functools.partial(server_stream, driver, reads, method))
    return _stream(functools.partial(unscreened, driver, adapter.name, Screened.STREAM, method))


def _stream(behavior: Any) -> Handler:
    return grpc.stream_stream_rpc_method_handler(behavior)


async def _unknown_method(driver: Driver, method: str, requests: Requests, context: Context) -> None:
    if driver.settings.unknown_methods == "refuse":
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{method}: no adapter can screen this method, and unknown_methods is refuse",
        )
    await unscreened(driver, "unknown", Screened.UNKNOWN_METHOD, method, requests, context)
