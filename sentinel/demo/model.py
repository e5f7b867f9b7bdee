"""The stand-in model server: `python -m sentinel.demo.model --listen 127.0.0.1:8001`.

Speaks Open Inference v2 as Triton does with its vLLM backend: text_input -> text_output, unary and streamed;
raw requests get raw answers. Texts in `context`, if given, are the only documents that it answers from. It
serves TGIS too (`demo.tgis`).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from sentinel.demo import tgis
from sentinel.demo.library import Document, Library, bundled_documents
from sentinel.demo.tensors import InvalidRequest, flag, reply, texts
from sentinel.pb import open_inference_pb2 as pb

MODEL = "ferry-office"
SERVICE = "inference.GRPCInferenceService"
_TOKEN = re.compile(r"\s*\S{1,6}")
Context = grpc.aio.ServicerContext[Any, Any]


class ModelServer:
    """The service's methods. `delay_s` is waited before a unary answer and each piece of a streamed one."""

    def __init__(self, library: Library, delay_s: float = 0.0) -> None:
        self._library = library
        self._delay_s = delay_s

    async def server_live(self, request: pb.ServerLiveRequest, context: Context) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    async def server_ready(self, request: pb.ServerReadyRequest, context: Context) -> pb.ServerReadyResponse:
        return pb.ServerReadyResponse(ready=True)

    async def model_ready(self, request: pb.ModelReadyRequest, context: Context) -> pb.ModelReadyResponse:
        return pb.ModelReadyResponse(ready=request.name == MODEL)

    async def server_metadata(
        self, request: pb.ServerMetadataRequest, context: Context
    ) -> pb.ServerMetadataResponse:
        return pb.ServerMetadataResponse(name="sentinel stand-in model", version="1")

    async def model_metadata(
        self, request: pb.ModelMetadataRequest, context: Context
    ) -> pb.ModelMetadataResponse:
        if request.name != MODEL:
            await context.abort(grpc.StatusCode.NOT_FOUND, _not_served())
        tensor = pb.ModelMetadataResponse.TensorMetadata
        return pb.ModelMetadataResponse(
            name=MODEL,
            versions=["1"],
            platform="documents",
            inputs=[tensor(name=name, datatype="BYTES", shape=[-1]) for name in ("text_input", "context")],
            outputs=[tensor(name="text_output", datatype="BYTES", shape=[-1])],
        )

    async def model_infer(self, request: pb.ModelInferRequest, context: Context) -> pb.ModelInferResponse:
        await asyncio.sleep(self._delay_s)
        if request.model_name != MODEL:
            await context.abort(grpc.StatusCode.NOT_FOUND, _not_served())
        try:
            return reply(request, self._answers(request))
        except InvalidRequest as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def model_stream_infer(
        self, requests: AsyncIterator[pb.ModelInferRequest], context: Context
    ) -> AsyncIterator[pb.ModelStreamInferResponse]:
        """Errors travel in the messages, as Triton sends them."""
        async for request in requests:
            try:
                if request.model_name != MODEL:
                    raise InvalidRequest(_not_served())
                async for piece in self._pieces(request):
                    yield pb.ModelStreamInferResponse(infer_response=piece)
            except InvalidRequest as error:
                named = pb.ModelInferResponse(model_name=request.model_name, id=request.id)
                yield pb.ModelStreamInferResponse(error_message=str(error), infer_response=named)

    async def _pieces(self, request: pb.ModelInferRequest) -> AsyncIterator[pb.ModelInferResponse]:
        """The answer a few letters at a time; the last message says that it is."""
        pieces = _TOKEN.findall(" ".join(self._answers(request))) or [""]
        empty_final = _asks_for_empty_final(request)
        for number, piece in enumerate(pieces, 1):
            await asyncio.sleep(self._delay_s)
            message = reply(request, [piece])
            message.parameters["triton_final_response"].bool_param = number == len(pieces) and not empty_final
            yield message
        if empty_final:
            last = pb.ModelInferResponse(model_name=request.model_name, id=request.id)
            last.parameters["triton_final_response"].bool_param = True
            yield last

    def _answers(self, request: pb.ModelInferRequest) -> list[str]:
        """One for each prompt."""
        prompts = texts(request, "text_input")
        if not prompts:
            raise InvalidRequest("the input text_input is missing")
        given = [Document("", text) for text in texts(request, "context")]
        library = Library(given) if given else self._library
        answers = [library.answer(prompt) for prompt in prompts]
        if flag(request, "exclude_input_in_output") is False:
            answers = [f"{prompt} {answer}" for prompt, answer in zip(prompts, answers, strict=True)]
        return answers


def _asks_for_empty_final(request: pb.ModelInferRequest) -> bool:
    name = "triton_enable_empty_final_response"
    return name in request.parameters and request.parameters[name].bool_param


def _not_served() -> str:
    return f"no such model is served here; there is {MODEL}"


def _handlers(server: ModelServer) -> grpc.GenericRpcHandler:
    """The service's table of methods."""
    unary: dict[str, tuple[Callable[..., Any], Any]] = {
        "ServerLive": (server.server_live, pb.ServerLiveRequest),
        "ServerReady": (server.server_ready, pb.ServerReadyRequest),
        "ModelReady": (server.model_ready, pb.ModelReadyRequest),
        "ServerMetadata": (server.server_metadata, pb.ServerMetadataRequest),
        "ModelMetadata": (server.model_metadata, pb.ModelMetadataRequest),
        "ModelInfer": (server.model_infer, pb.ModelInferRequest),
    }
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: grpc.unary_unary_rpc_method_handler(
            method, request_deserializer=request.FromString, response_serializer=_serialised
        )
        for name, (method, request) in unary.items()
    }
    handlers["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
        server.model_stream_infer,
        request_deserializer=pb.ModelInferRequest.FromString,
        response_serializer=_serialised,
    )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def _serialised(message: Any) -> bytes:
    return bytes(message.SerializeToString())


async def start_model(listen: str, *, delay_s: float = 0.0) -> tuple[grpc.aio.Server, str]:
    """A running server and its address. Raises RuntimeError when the address is taken."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    library = Library(bundled_documents())
    services = _handlers(ModelServer(library, delay_s)), tgis.handlers(tgis.TgisServer(library, delay_s))
    server.add_generic_rpc_handlers(services)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    for service in ("", SERVICE, tgis.SERVICE):
        await healthy.set(service, health_pb2.HealthCheckResponse.SERVING)
    _reflect(server)
    port = server.add_insecure_port(listen)
    await server.start()
    return server, listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"


def _reflect(server: grpc.aio.Server) -> None:
    """Server reflection, where its package is installed: grpcurl and the like need it, calls do not."""
    try:
        from grpc_reflection.v1alpha import reflection
    except ImportError:
        return
    names = (SERVICE, tgis.SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)


async def _run(listen: str, delay_s: float) -> None:
    server, address = await start_model(listen, delay_s=delay_s)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(f"stand-in model listening on {address}", flush=True)
    await stopped.wait()
    await server.stop(grace=5.0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sentinel.demo.model", description="A stand-in model server."
    )
    parser.add_argument(
        "--listen", default="127.0.0.1:8001", help="HOST:PORT, port 0 for a free one, or unix:/path"
    )
    parser.add_argument(
        "--delay-ms", type=float, default=0.0, help="wait before each answer, or piece of a stream"
    )
    chosen = parser.parse_args(arguments)
    asyncio.run(_run(chosen.listen, chosen.delay_ms / 1000))


if __name__ == "__main__":
    main()
