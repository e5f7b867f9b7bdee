"""The gRPC front with everything behind it in one process: real rules, a recorder that keeps what it is
given, and a model server of the test's own that plays a script for each call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from sentinel.adapters.registry import AdaptersConfig, grpc_adapters, load_adapters
from sentinel.core.record import Phase, Record
from sentinel.core.redact import Redactor
from sentinel.guard.screener import Screener
from sentinel.pb import open_inference_pb2 as pb
from sentinel.proxy.driver import Driver
from sentinel.proxy.grpc_front import GrpcFront
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig
from sentinel.proxy.settings import Settings
from sentinel.proxy.status import RefusalConfig
from sentinel.proxy.upstream import Upstream, UpstreamConfig
from tests.proxy.http_house import Kept

Context = grpc.aio.ServicerContext[bytes, bytes]
Script = Callable[[AsyncIterator[bytes], Context], Awaitable[None]]
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"


@dataclass
class GrpcHouse:
    channel: grpc.aio.Channel
    driver: Driver
    kept: Kept
    stop_model: Callable[[], Awaitable[None]]
    seen: list[bytes] = field(default_factory=list)

    def finals(self) -> list[Record]:
        return [record for record in self.kept.records if record.phase is Phase.FINAL]

    def call(self, method: str = STREAM, **named: Any) -> grpc.aio.StreamStreamCall[bytes, bytes]:
        return self.channel.stream_stream(method)(**named)


class _Scripted(grpc.GenericRpcHandler):
    def __init__(self, script: Script, seen: list[bytes]) -> None:
        self._script, self._seen = script, seen

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        async def play(requests: AsyncIterator[bytes], context: Context) -> None:
            async def noted() -> AsyncIterator[bytes]:
                async for message in requests:
                    self._seen.append(message)
                    yield message

            await self._script(noted(), context)

        return grpc.stream_stream_rpc_method_handler(play)


@asynccontextmanager
async def grpc_house(
    screener: Screener, script: Script, adapters: AdaptersConfig | None = None
) -> AsyncIterator[GrpcHouse]:
    seen: list[bytes] = []
    model = grpc.aio.server()
    model.add_generic_rpc_handlers((_Scripted(script, seen),))
    model_port = model.add_insecure_port("127.0.0.1:0")
    await model.start()
    limits = LimitsConfig()
    upstream = Upstream(UpstreamConfig(address=f"127.0.0.1:{model_port}"), limits, KeepaliveConfig())
    settings = Settings(
        redactor=Redactor(b"key", "k"),
        limits=limits,
        refusal=RefusalConfig(),
        unknown_methods="pass",
        unknown_paths="pass",
        tenant_key="x-tenant",
        record_content=False,
    )
    kept = Kept()
    driver = Driver(screener, settings, upstream, kept, "0")  # type: ignore[arg-type]
    server = grpc.aio.server()
    front = GrpcFront(driver, grpc_adapters(load_adapters(adapters or AdaptersConfig())))
    server.add_generic_rpc_handlers((front,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield GrpcHouse(channel, driver, kept, lambda: model.stop(None), seen)
    finally:
        await server.stop(0.2)
        await upstream.close()
        await model.stop(0.2)


def asking(text: str, id: str = "", model: str = "m") -> bytes:
    message = pb.ModelInferRequest(model_name=model, id=id)
    message.inputs.add(name="text_input", datatype="BYTES", shape=[1]).contents.bytes_contents.append(
        text.encode()
    )
    return message.SerializeToString()


def bare(text: str, id: str = "", *, final: bool | None = None) -> pb.ModelInferResponse:
    message = pb.ModelInferResponse(model_name="m", id=id)
    message.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    raw = text.encode()
    message.raw_output_contents.append(len(raw).to_bytes(4, "little") + raw)
    if final is not None:
        message.parameters["triton_final_response"].bool_param = final
    return message


def saying(text: str, id: str = "", *, final: bool | None = None) -> bytes:
    """A message in Triton's dialect."""
    return pb.ModelStreamInferResponse(infer_response=bare(text, id, final=final)).SerializeToString()


def last(id: str = "") -> bytes:
    empty = pb.ModelInferResponse(model_name="m", id=id)
    empty.parameters["triton_final_response"].bool_param = True
    return pb.ModelStreamInferResponse(infer_response=empty).SerializeToString()


def heard(messages: list[bytes]) -> dict[str, str]:
    """What a caller reads for each id."""
    said: dict[str, str] = {}
    for data in messages:
        message = pb.ModelStreamInferResponse.FromString(data)
        response = message.infer_response
        text = b"".join(raw[4:] for raw in response.raw_output_contents).decode()
        said[response.id] = said.get(response.id, "") + text + message.error_message
    return said


async def all_of(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> list[bytes]:
    messages = []
    while (message := await call.read()) is not grpc.aio.EOF:
        assert isinstance(message, bytes)
        messages.append(message)
    return messages
