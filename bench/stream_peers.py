"""The programs around a stream benchmark: a model server that streams, a bare forwarder, a caller.

    python -m bench.stream_peers upstream MESSAGES DELAY_MS     prints its port
    python -m bench.stream_peers forwarder UPSTREAM             prints its port
    python -m bench.stream_peers caller ADDRESS STREAMS ROUNDS  prints JSON

The caller is a process of its own, so that what it costs is not what the others are charged with.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import uvloop

from bench.programs import request_message
from sentinel.pb import open_inference_pb2
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig, channel_options

METHOD = "/inference.GRPCInferenceService/ModelStreamInfer"
WORDS = (
    "The team agreed to move the opening of the warehouse to the second week of spring , because the shelves "
    "arrive late , and asked about the dock . "
).split(" ")
Context = grpc.aio.ServicerContext[bytes, bytes]


class _Stream(grpc.GenericRpcHandler):
    def __init__(self, behavior: Callable[[AsyncIterator[bytes], Context], Awaitable[None]]) -> None:
        self._handler: Any = grpc.stream_stream_rpc_method_handler(behavior)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._handler


def message(word: str) -> bytes:
    """One token in Triton's dialect, 51 bytes or so."""
    response = open_inference_pb2.ModelInferResponse(model_name="bench")
    response.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    raw = word.encode()
    response.raw_output_contents.append(len(raw).to_bytes(4, "little") + raw)
    return open_inference_pb2.ModelStreamInferResponse(infer_response=response).SerializeToString()


async def _serve(behavior: Callable[[AsyncIterator[bytes], Context], Awaitable[None]]) -> None:
    options = [*channel_options(LimitsConfig(), KeepaliveConfig()), ("grpc.http2.max_ping_strikes", 0)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((_Stream(behavior),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


async def upstream(count: int, delay_ms: float) -> None:
    said = [message(f" {WORDS[index % len(WORDS)]}") for index in range(count)]

    async def stream(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            for each in said:
                if delay_ms:
                    await asyncio.sleep(delay_ms / 1000)
                await context.write(each)

    await _serve(stream)


async def forwarder(address: str) -> None:
    channel = grpc.aio.insecure_channel(address, options=channel_options(LimitsConfig(), KeepaliveConfig()))
    method: Any = channel.stream_stream(METHOD)

    async def forward(requests: AsyncIterator[bytes], context: Context) -> None:
        call = method(metadata=context.invocation_metadata(), timeout=context.time_remaining())

        async def pump() -> None:
            async for each in requests:
                await call.write(each)
            await call.done_writing()

        pumping = asyncio.create_task(pump())
        while (each := await call.read()) is not grpc.aio.EOF:
            await context.write(each)
        await pumping

    await _serve(forward)


async def caller(address: str, streams: int, rounds: int) -> None:
    channel = grpc.aio.insecure_channel(address)
    method: Any = channel.stream_stream(METHOD)
    request = request_message("how is the warehouse?")
    first: list[float] = []
    gaps: list[float] = []

    async def one() -> int:
        count, before = 0, time.perf_counter()
        call = method()
        await call.write(request)
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            now = time.perf_counter()
            (gaps if count else first).append((now - before) * 1000)
            before, count = now, count + 1
        return count

    await one()
    first.clear()
    gaps.clear()
    started = time.perf_counter()
    counts = [sum(await asyncio.gather(*(one() for _ in range(streams)))) for _ in range(rounds)]
    print(
        json.dumps(
            {
                "messages": sum(counts),
                "seconds": time.perf_counter() - started,
                "first_ms": sorted(first),
                "gaps_ms": sorted(gaps)[:: max(1, len(gaps) // 2000)],
            }
        )
    )


async def idle(address: str, streams: int) -> None:
    """Open so many streams, of which the first message is read, and hold them until standard input ends."""
    channel = grpc.aio.insecure_channel(address, options=[("grpc.max_concurrent_streams", 10_000)])
    method: Any = channel.stream_stream(METHOD)
    calls = []
    for _ in range(streams):
        call = method()
        await call.write(request_message("how is the warehouse?"))
        await call.read()
        calls.append(call)
    print("open", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    role, *given = sys.argv[1:]
    if role == "upstream":
        uvloop.run(upstream(int(given[0]), float(given[1])))
    elif role == "forwarder":
        uvloop.run(forwarder(given[0]))
    elif role == "caller":
        uvloop.run(caller(given[0], int(given[1]), int(given[2])))
    else:
        uvloop.run(idle(given[0], int(given[1])))


if __name__ == "__main__":
    main()
