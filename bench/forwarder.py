"""The baseline: what grpc.aio itself costs. A unary handler that forwards bytes and does nothing else, on
uvloop, with the same channel options as Sentinel. `python -m bench.forwarder UPSTREAM` prints its port."""

from __future__ import annotations

import sys

import grpc
import grpc.aio
import uvloop

from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig, channel_options

METHOD = "/inference.GRPCInferenceService/ModelInfer"


class Front(grpc.GenericRpcHandler):
    def __init__(self, channel: grpc.aio.Channel) -> None:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)

        async def forward(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            return await call(
                request, metadata=context.invocation_metadata(), timeout=context.time_remaining()
            )

        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(forward)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return self._handler


async def main(upstream: str) -> None:
    options = channel_options(LimitsConfig(), KeepaliveConfig())
    channel = grpc.aio.insecure_channel(upstream, options=options)
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((Front(channel),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
