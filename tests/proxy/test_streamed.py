"""One request and a streamed answer, in TGIS's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from sentinel.adapters.tgis import GENERATE, GENERATE_STREAM, TOKENIZE
from sentinel.core.record import Outcome, Phase, Screened
from sentinel.guard.screener import Screener
from sentinel.pb import tgis_pb2 as pb
from tests.proxy.grpc_house import Context, GrpcHouse, Script, grpc_house
from tests.proxy.http_house import on_loop

MAIL, ADDRESS = "quokka@example.com", "192.0.2.7"


def asking(text: str) -> bytes:
    request = pb.SingleGenerationRequest(model_id="granite", request=pb.GenerationRequest(text=text))
    return request.SerializeToString()


def saying(*pieces: str, end: bool = True) -> Script:
    """A model that says this, with its tokens, after a message about the prompt."""

    async def script(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            await context.write(pb.GenerationResponse(input_token_count=3).SerializeToString())
            for number, piece in enumerate(pieces, 1):
                message = pb.GenerationResponse(
                    text=piece, tokens=[pb.TokenInfo(text=piece)], generated_token_count=number
                )
                if end and number == len(pieces):
                    message.stop_reason = pb.EOS_TOKEN
                await context.write(message.SerializeToString())

    return script


async def heard(it: GrpcHouse, prompt: str, **named: Any) -> list[pb.GenerationResponse]:
    call = it.channel.unary_stream(GENERATE_STREAM)(asking(prompt), **named)
    return [pb.GenerationResponse.FromString(message) async for message in call]


@on_loop
async def test_an_edited_answer_tells_no_token_of_what_it_hides(strict: Screener) -> None:
    async with grpc_house(strict, saying("see 192", ".0.2", ".7 and", " more")) as it:
        messages = await heard(it, "where?")
    assert "".join(message.text for message in messages) == "see <IP_ADDRESS> and more"
    tokens = [token.text for message in messages for token in message.tokens]
    assert tokens == [" more"]
    assert [message.input_token_count for message in messages][0] == 3
    assert [message.stop_reason for message in messages if message.stop_reason] == [pb.EOS_TOKEN]
    (record,) = it.finals()
    assert (record.outcome, record.action, record.streaming) == (Outcome.ANSWERED, "redact", True)
    assert (record.protocol, record.model, record.method) == ("tgis", "granite", GENERATE_STREAM)
    assert (record.input_tokens, record.output_tokens) == (3, 4)
    assert record.output_screened is Screened.YES
    assert [each.phase for each in it.kept.records] == [Phase.OPEN, Phase.EDIT, Phase.FINAL]


@on_loop
async def test_an_edit_is_recorded_with_what_has_left(strict: Screener) -> None:
    async with grpc_house(strict, saying("on the way: ", f"{ADDRESS} ", "it is ", "all")) as it:
        await heard(it, "where?")
    (edit,) = [record for record in it.kept.records if record.phase is Phase.EDIT]
    assert [row.type for row in edit.findings] == ["IP_ADDRESS"]
    assert len("on the way: ") < edit.released_chars <= len(f"on the way: {ADDRESS} ")
    (final,) = it.finals()
    assert final.released_chars == len(f"on the way: {ADDRESS} it is all")


@on_loop
async def test_an_answer_that_no_rule_minds_passes_as_it_is(strict: Screener) -> None:
    async with grpc_house(strict, saying("all", " is", " well")) as it:
        messages = await heard(it, "how?")
    assert [message.text for message in messages] == ["", "all", " is", " well"]
    assert [token.text for message in messages for token in message.tokens] == ["all", " is", " well"]


@on_loop
async def test_a_blocked_prompt_never_reaches_the_model(strict: Screener) -> None:
    async with grpc_house(strict, saying("well")) as it:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await heard(it, f"write to {MAIL}")
        assert it.seen == []
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.details() == "No mail addresses, please."
    assert [record.outcome for record in it.finals()] == [Outcome.REFUSED]


@on_loop
async def test_a_prompt_is_edited_on_its_way(strict: Screener) -> None:
    async with grpc_house(strict, saying("well")) as it:
        await heard(it, f"who is {ADDRESS}?")
        (seen,) = it.seen
    assert pb.SingleGenerationRequest.FromString(seen).request.text == "who is <IP_ADDRESS>?"


@on_loop
async def test_a_blocked_answer_ends_with_a_status(strict: Screener) -> None:
    async with grpc_house(strict, saying("write to ", "quokka@exam", "ple.com soon")) as it:
        call = it.channel.unary_stream(GENERATE_STREAM)(asking("whom?"))
        said = ""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for message in call:
                said += pb.GenerationResponse.FromString(message).text
    assert said == "write to "
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    keys = [key for key, _ in caught.value.trailing_metadata() or ()]
    assert {"grpc-status-details-bin", "sentinel-decision-id"} <= set(keys)
    (record,) = it.finals()
    assert (record.outcome, record.rule, record.released_chars) == (Outcome.REFUSED, "no-mail", 9)


@on_loop
async def test_an_upstream_that_breaks_off(strict: Screener) -> None:
    async def script(requests: AsyncIterator[bytes], context: Context) -> None:
        await saying("it is 192.0", end=False)(requests, context)
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"no room on {ADDRESS}")

    async with grpc_house(strict, script) as it:
        call = it.channel.unary_stream(GENERATE_STREAM)(asking("where?"))
        said = ""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for message in call:
                said += pb.GenerationResponse.FromString(message).text
    assert said == "it is 192.0"
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.details() == "no room on <IP_ADDRESS>"
    (record,) = it.finals()
    assert (record.outcome, record.grpc_code) == (Outcome.UPSTREAM_ERROR, "RESOURCE_EXHAUSTED")


@on_loop
async def test_what_cannot_be_read(strict: Screener, lenient: Screener) -> None:
    async def script(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            await context.write(b"\xff")

    async with grpc_house(strict, script) as it:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await heard(it, "how?")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert it.finals()[0].output_screened is Screened.MALFORMED
    async with grpc_house(lenient, script) as it:
        call = it.channel.unary_stream(GENERATE_STREAM)(asking("how?"))
        assert [message async for message in call] == [b"\xff"]


@on_loop
async def test_a_caller_that_leaves(strict: Screener) -> None:
    left = asyncio.Event()

    async def script(requests: AsyncIterator[bytes], context: Context) -> None:
        await saying("all is well. ", "and ", end=False)(requests, context)
        try:
            await asyncio.sleep(60)
        finally:
            left.set()

    async with grpc_house(strict, script) as it:
        call = it.channel.unary_stream(GENERATE_STREAM)(asking("how?"))
        await call.read()
        await call.read()
        call.cancel()
        await asyncio.wait_for(left.wait(), 10)
    assert [record.outcome for record in it.finals()] == [Outcome.CANCELLED]


@on_loop
async def test_one_message_each_way(strict: Screener) -> None:
    async def script(requests: AsyncIterator[bytes], context: Context) -> None:
        async for data in requests:
            texts = [each.text for each in pb.BatchedGenerationRequest.FromString(data).requests]
            answers = [
                pb.GenerationResponse(text=f"{text} {ADDRESS}", tokens=[pb.TokenInfo(text=ADDRESS)])
                for text in texts
            ]
            await context.write(pb.BatchedGenerationResponse(responses=answers).SerializeToString())

    async with grpc_house(strict, script) as it:
        request = pb.BatchedGenerationRequest(requests=[pb.GenerationRequest(text=text) for text in "ab"])
        data = await it.channel.unary_unary(GENERATE)(request.SerializeToString())
    answers = pb.BatchedGenerationResponse.FromString(data).responses
    assert [(each.text, len(each.tokens)) for each in answers] == [
        ("a <IP_ADDRESS>", 0),
        ("b <IP_ADDRESS>", 0),
    ]


@on_loop
async def test_a_tokenization(strict: Screener) -> None:
    async def script(requests: AsyncIterator[bytes], context: Context) -> None:
        async for data in requests:
            texts = [each.text for each in pb.BatchedTokenizeRequest.FromString(data).requests]
            answers = [pb.TokenizeResponse(tokens=text.split()) for text in texts]
            await context.write(pb.BatchedTokenizeResponse(responses=answers).SerializeToString())

    async with grpc_house(strict, script) as it:
        request = pb.BatchedTokenizeRequest(requests=[pb.TokenizeRequest(text=f"who is {ADDRESS}")])
        data = await it.channel.unary_unary(TOKENIZE)(request.SerializeToString())
    assert [list(each.tokens) for each in pb.BatchedTokenizeResponse.FromString(data).responses] == [
        ["who", "is", "<IP_ADDRESS>"]
    ]
