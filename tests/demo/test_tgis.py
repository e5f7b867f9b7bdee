"""The stand-in model as a TGIS server, over real gRPC."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from sentinel.demo.model import start_model
from sentinel.demo.tgis import SERVICE
from sentinel.pb import tgis_pb2 as pb

WEEKEND = "When does the first ferry leave at weekends?"
TOKENS = pb.Parameters(response=pb.ResponseOptions(generated_tokens=True, input_tokens=True))


def call(method: str, request: Any, answer: Any, *, streamed: bool = False) -> list[Any]:
    """The answers, one where the method is not streamed."""

    async def run() -> list[Any]:
        server, address = await start_model("127.0.0.1:0")
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                make = channel.unary_stream if streamed else channel.unary_unary
                begun = make(
                    f"/{SERVICE}/{method}",
                    request_serializer=type(request).SerializeToString,
                    response_deserializer=answer.FromString,
                )(request)
                return [each async for each in begun] if streamed else [await begun]
        finally:
            await server.stop(None)

    return asyncio.run(run())


def whole(*prompts: str, params: pb.Parameters | None = None) -> list[pb.GenerationResponse]:
    request = pb.BatchedGenerationRequest(
        requests=[pb.GenerationRequest(text=prompt) for prompt in prompts], params=params
    )
    (answer,) = call("Generate", request, pb.BatchedGenerationResponse)
    return list(answer.responses)


def streamed(prompt: str, params: pb.Parameters | None = None) -> list[pb.GenerationResponse]:
    request = pb.SingleGenerationRequest(request=pb.GenerationRequest(text=prompt), params=params)
    return call("GenerateStream", request, pb.GenerationResponse, streamed=True)


def test_every_prompt_has_an_answer() -> None:
    first, second = whole(WEEKEND, "What does a ticket cost?")
    assert "08:00" in first.text
    assert first.text != second.text
    assert first.stop_reason == pb.EOS_TOKEN
    assert not first.tokens


def test_a_stream_says_the_same_piece_by_piece() -> None:
    (answer,) = whole(WEEKEND)
    about, *pieces = streamed(WEEKEND)
    assert (about.text, about.input_token_count) == ("", answer.input_token_count)
    assert "".join(piece.text for piece in pieces) == answer.text
    assert [piece.generated_token_count for piece in pieces] == list(range(1, len(pieces) + 1))
    assert [piece.stop_reason for piece in pieces] == [0] * (len(pieces) - 1) + [pb.EOS_TOKEN]


def test_tokens_come_where_they_are_asked_for() -> None:
    (answer,) = whole(WEEKEND, params=TOKENS)
    assert "".join(token.text for token in answer.tokens) == answer.text
    assert "".join(token.text for token in answer.input_tokens) == WEEKEND
    about, *pieces = streamed(WEEKEND, TOKENS)
    assert about.input_tokens == answer.input_tokens
    assert [token for piece in pieces for token in piece.tokens] == list(answer.tokens)


@pytest.mark.parametrize("text", ["one  two\n", "", " \t", WEEKEND])
def test_a_tokenization(text: str) -> None:
    request = pb.BatchedTokenizeRequest(requests=[pb.TokenizeRequest(text=text)])
    (answer,) = call("Tokenize", request, pb.BatchedTokenizeResponse)
    (tokens,) = answer.responses
    assert "".join(tokens.tokens) == text
    assert tokens.token_count == len(tokens.tokens)


def test_the_model_tells_its_bounds() -> None:
    (answer,) = call("ModelInfo", pb.ModelInfoRequest(), pb.ModelInfoResponse)
    assert answer.max_sequence_length >= answer.max_new_tokens > 0
