"""The stand-in model as a TGIS server: `fmaas.GenerationService`. Its tokens are a few letters each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import grpc.aio

from sentinel.demo.library import Library
from sentinel.pb import tgis_pb2 as pb

SERVICE = "fmaas.GenerationService"
_TOKEN = re.compile(r"\s*\S{1,6}|\s+$")
Context = grpc.aio.ServicerContext[Any, Any]


class TgisServer:
    """The service's methods. `delay_s` is waited before an answer, and before each piece of a streamed
    one."""

    def __init__(self, library: Library, delay_s: float = 0.0) -> None:
        self._library = library
        self._delay_s = delay_s

    async def generate(
        self, request: pb.BatchedGenerationRequest, context: Context
    ) -> pb.BatchedGenerationResponse:
        await asyncio.sleep(self._delay_s)
        options = request.params.response
        return pb.BatchedGenerationResponse(
            responses=[self._whole(each.text, options) for each in request.requests]
        )

    async def generate_stream(
        self, request: pb.SingleGenerationRequest, context: Context
    ) -> AsyncIterator[pb.GenerationResponse]:
        """First a message about the prompt, then the answer token by token."""
        options, prompt = request.params.response, _TOKEN.findall(request.request.text)
        yield pb.GenerationResponse(
            input_token_count=len(prompt), input_tokens=_infos(prompt, options.input_tokens)
        )
        pieces = _TOKEN.findall(self._library.answer(request.request.text))
        for number, piece in enumerate(pieces, 1):
            await asyncio.sleep(self._delay_s)
            yield pb.GenerationResponse(
                text=piece,
                generated_token_count=number,
                tokens=_infos([piece], options.generated_tokens),
                stop_reason=pb.EOS_TOKEN if number == len(pieces) else pb.NOT_FINISHED,
            )

    async def tokenize(
        self, request: pb.BatchedTokenizeRequest, context: Context
    ) -> pb.BatchedTokenizeResponse:
        tokens = [_TOKEN.findall(each.text) for each in request.requests]
        return pb.BatchedTokenizeResponse(
            responses=[pb.TokenizeResponse(token_count=len(each), tokens=each) for each in tokens]
        )

    async def model_info(self, request: pb.ModelInfoRequest, context: Context) -> pb.ModelInfoResponse:
        return pb.ModelInfoResponse(max_sequence_length=4096, max_new_tokens=1024)

    def _whole(self, prompt: str, options: pb.ResponseOptions) -> pb.GenerationResponse:
        answer = self._library.answer(prompt)
        told, made = _TOKEN.findall(prompt), _TOKEN.findall(answer)
        return pb.GenerationResponse(
            text=answer,
            input_token_count=len(told),
            generated_token_count=len(made),
            stop_reason=pb.EOS_TOKEN,
            tokens=_infos(made, options.generated_tokens),
            input_tokens=_infos(told, options.input_tokens),
        )


def _infos(tokens: Sequence[str], wanted: bool) -> list[pb.TokenInfo]:
    return [pb.TokenInfo(text=token) for token in tokens] if wanted else []


def handlers(server: TgisServer) -> grpc.GenericRpcHandler:
    """The service's table of methods."""
    unary = grpc.unary_unary_rpc_method_handler
    table: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Generate": _made(unary, server.generate, pb.BatchedGenerationRequest),
        "GenerateStream": _made(
            grpc.unary_stream_rpc_method_handler, server.generate_stream, pb.SingleGenerationRequest
        ),
        "Tokenize": _made(unary, server.tokenize, pb.BatchedTokenizeRequest),
        "ModelInfo": _made(unary, server.model_info, pb.ModelInfoRequest),
    }
    return grpc.method_handlers_generic_handler(SERVICE, table)


def _made(make: Any, method: Any, request: Any) -> Any:
    return make(
        method,
        request_deserializer=request.FromString,
        response_serializer=lambda message: bytes(message.SerializeToString()),
    )
