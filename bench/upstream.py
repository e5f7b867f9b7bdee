"""A model server that costs next to nothing: the same bytes for every call, on uvloop.
`python -m bench.upstream FILE` answers with the file's bytes and prints its port."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import grpc.aio
import uvloop


class Same(grpc.GenericRpcHandler):
    """One answer to everything."""

    def __init__(self, answer: bytes) -> None:
        async def give(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            return answer

        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(give)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return self._handler


async def main(answer: bytes) -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((Same(answer),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]).read_bytes()))
