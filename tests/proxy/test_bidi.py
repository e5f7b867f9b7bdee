"""Several requests and their streamed answers in one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from sentinel.adapters.registry import AdaptersConfig
from sentinel.core.record import Outcome, Phase, Screened
from sentinel.guard.screener import Screener
from sentinel.pb import open_inference_pb2 as pb
from tests.proxy.grpc_house import Context, all_of, asking, bare, grpc_house, heard, last, saying
from tests.proxy.http_house import on_loop

MAIL, ADDRESS = "quokka@example.com", "192.0.2.7"


async def each(requests: AsyncIterator[bytes], context: Context) -> None:
    """Answers each request in pieces that cut an address, then tells that it was the last."""
    async for data in requests:
        id = pb.ModelInferRequest.FromString(data).id
        for piece in ("see 192", ".0.2", ".7 and", " more"):
            await context.write(saying(piece, id))
        await context.write(last(id))


@on_loop
async def test_each_request_is_an_exchange_with_an_edited_answer(strict: Screener) -> None:
    async with grpc_house(strict, each) as it:
        call = it.call()
        for id in ("a", "b"):
            await call.write(asking("where?", id))
        await call.done_writing()
        messages = await all_of(call)
        assert heard(messages) == {"a": "see <IP_ADDRESS> and more", "b": "see <IP_ADDRESS> and more"}
        assert not any(ADDRESS.encode() in message for message in messages)
        trailers = dict(await call.trailing_metadata() or ())
        assert trailers["sentinel-exchange-id"] in {record.exchange_id for record in it.finals()}
    assert len({record.exchange_id for record in it.finals()}) == 2
    for record in it.finals():
        assert (record.outcome, record.action) == (Outcome.ANSWERED, "redact")
        assert (record.input_screened, record.output_screened) == (Screened.YES, Screened.YES)
        assert record.streaming
    phases = [record.phase for record in it.kept.records]
    assert phases.count(Phase.OPEN) == phases.count(Phase.EDIT) == phases.count(Phase.FINAL) == 2


@on_loop
async def test_the_model_is_asked_to_tell_the_end_and_the_caller_does_not_see_it(strict: Screener) -> None:
    async with grpc_house(strict, each) as it:
        call = it.call()
        await call.write(asking("where?", "a"))
        await call.done_writing()
        messages = [pb.ModelStreamInferResponse.FromString(data) for data in await all_of(call)]
        (asked,) = [pb.ModelInferRequest.FromString(data) for data in it.seen]
    assert asked.parameters["triton_enable_empty_final_response"].bool_param
    assert all(message.infer_response.outputs for message in messages)


@on_loop
async def test_records_come_with_the_last_message_and_not_with_the_end_of_the_call(strict: Screener) -> None:
    async with grpc_house(strict, each) as it:
        call = it.call()
        await call.write(asking("where?", "a"))
        await it.kept.ended.wait()
        assert [record.outcome for record in it.finals()] == [Outcome.ANSWERED]
        await call.done_writing()
        await all_of(call)
    assert len(it.finals()) == 1


@on_loop
async def test_mlservers_dialect(strict: Screener) -> None:
    async def words(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            for piece in ("see 192", ".0.2", ".7 and", " more"):
                await context.write(bare(piece).SerializeToString())

    async with grpc_house(strict, words) as it:
        call = it.call()
        await call.write(asking("where?"))
        await call.done_writing()
        said = [
            pb.ModelInferResponse.FromString(data).raw_output_contents[0][4:] for data in await all_of(call)
        ]
    assert b"".join(said) == b"see <IP_ADDRESS> and more"
    assert it.finals()[0].outcome is Outcome.ANSWERED


def prompt_of(data: bytes) -> str:
    return pb.ModelInferRequest.FromString(data).inputs[0].contents.bytes_contents[0].decode()


@on_loop
@pytest.mark.parametrize("reads_all_first", [False, True])
async def test_mlserver_answers_every_request_as_the_first(discreet: Screener, reads_all_first: bool) -> None:
    """Each caller's value comes back where the model speaks of it, whichever exchange the answer counts to,
    and what the caller wrote in the form of a pseudonym comes back as it was."""
    prompts = ["I am here: <EMAIL_ADDRESS_1>", f"write to {MAIL}", "and to wombat@example.com"]

    async def echoes(requests: AsyncIterator[bytes], context: Context) -> None:
        seen: list[bytes] = []
        async for data in requests:
            seen.append(data)
            if not reads_all_first:
                await context.write(bare(f"{prompt_of(data)}; ", "a").SerializeToString())
        if reads_all_first:
            for data in seen:
                await context.write(bare(f"{prompt_of(data)}; ", "a").SerializeToString())

    async with grpc_house(discreet, echoes) as it:
        call = it.call()
        for id, prompt in zip("abc", prompts, strict=True):
            await call.write(asking(prompt, id))
        await call.done_writing()
        messages = [pb.ModelInferResponse.FromString(data) for data in await all_of(call)]
        seen = " ".join(map(prompt_of, it.seen))
    assert "quokka" not in seen and "wombat" not in seen
    said = b"".join(message.raw_output_contents[0][4:] for message in messages).decode()
    assert said == "; ".join(prompts) + "; "


@on_loop
@pytest.mark.parametrize("ids", [("a", "b"), ("a", "a")])
async def test_triton_gives_a_value_to_the_exchange_that_it_came_from(
    discreet: Screener, ids: tuple[str, str]
) -> None:
    """Answers of one id may come in any order, and nobody can tell whose they are."""

    async def crosswise(requests: AsyncIterator[bytes], context: Context) -> None:
        texts: list[str] = []
        async for data in requests:
            texts.append(prompt_of(data))
            if len(texts) == 2:
                for text, id in zip(reversed(texts), ids, strict=True):
                    await context.write(saying(text, id, final=True))

    async with grpc_house(discreet, crosswise) as it:
        call = it.call()
        await call.write(asking(MAIL, ids[0]))
        await call.write(asking("wombat@example.com", ids[1]))
        await call.done_writing()
        told = heard(await all_of(call))
    if ids == ("a", "b"):  # the model mixes up what was kept apart: no value leaves its exchange
        assert told == {"a": "<EMAIL_ADDRESS_2>", "b": "<EMAIL_ADDRESS_1>"}
    else:
        assert told == {"a": f"wombat@example.com{MAIL}"}


@on_loop
async def test_numbers_begin_anew_where_no_request_is_open(discreet: Screener) -> None:
    async with grpc_house(discreet, each) as it:
        call = it.call()
        await call.write(asking(MAIL, "a"))
        await it.kept.ended.wait()
        await call.write(asking("wombat@example.com", "a"))
        await call.done_writing()
        await all_of(call)
        assert [prompt_of(data) for data in it.seen] == ["<EMAIL_ADDRESS_1>"] * 2


@on_loop
async def test_a_blocked_prompt_never_reaches_the_model(strict: Screener) -> None:
    async with grpc_house(strict, each) as it:
        call = it.call()
        await call.write(asking(f"write to {MAIL}", "a"))
        await call.done_writing()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(call)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert caught.value.details() == "No mail addresses, please."
        keys = [key for key, _ in caught.value.trailing_metadata() or ()]
        assert {"grpc-status-details-bin", "sentinel-decision-id"} <= set(keys)
        assert it.seen == []
    (record,) = it.finals()
    assert (record.outcome, record.rule, record.grpc_code) == (
        Outcome.REFUSED,
        "no-mail",
        "PERMISSION_DENIED",
    )


@on_loop
async def test_a_blocked_prompt_ends_its_request_before_the_model_has_said_anything(strict: Screener) -> None:
    """The dialect is known from the settings, so that the refusal is the call's first message."""
    adapters = AdaptersConfig.model_validate({"open_inference": {"stream_dialect": "triton"}})
    async with grpc_house(strict, each, adapters) as it:
        call = it.call()
        await call.write(asking(f"write to {MAIL}", "bad"))
        first = await call.read()
        assert isinstance(first, bytes) and heard([first]) == {"bad": "No mail addresses, please."}
        await call.write(asking("where?", "good"))
        await call.done_writing()
        assert heard(await all_of(call)) == {"good": "see <IP_ADDRESS> and more"}
    assert [record.outcome for record in it.finals()] == [Outcome.REFUSED, Outcome.ANSWERED]


async def one_bad(requests: AsyncIterator[bytes], context: Context) -> None:
    async for data in requests:
        id = pb.ModelInferRequest.FromString(data).id
        pieces = ("write to ", "quokka@exam", "ple.com soon") if id == "bad" else ("all is", " well")
        for piece in pieces:
            await context.write(saying(piece, id))
        await context.write(last(id))


@on_loop
async def test_a_blocked_answer_ends_its_request_and_not_the_others(strict: Screener) -> None:
    """As Triton tells errors: in the stream, with the request's id."""
    async with grpc_house(strict, one_bad) as it:
        call = it.call()
        for id in ("bad", "good"):
            await call.write(asking("whom?", id))
        await call.done_writing()
        messages = await all_of(call)
    assert heard(messages) == {"bad": "write to No mail addresses, please.", "good": "all is well"}
    outcomes = {record.response_id: record.outcome for record in it.finals()}
    assert outcomes == {"bad": Outcome.REFUSED, "good": Outcome.ANSWERED}


@on_loop
async def test_a_blocked_answer_ends_the_call_where_errors_are_a_status(strict: Screener) -> None:
    async with grpc_house(strict, one_bad) as it:
        call = it.call(metadata=(("triton_grpc_error", "true"),))
        await call.write(asking("whom?", "bad"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(call)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert [record.outcome for record in it.finals()] == [Outcome.REFUSED]


@on_loop
async def test_what_cannot_be_read_ends_the_call_where_a_rule_minds(
    strict: Screener, lenient: Screener
) -> None:
    async def rubbish(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            await context.write(b"\xff\xff\xff")

    async with grpc_house(strict, rubbish) as it:
        call = it.call()
        await call.write(asking("how?", "a"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(call)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert it.finals()[0].output_screened is Screened.MALFORMED
    async with grpc_house(lenient, rubbish) as it:
        call = it.call()
        await call.write(asking("how?", "a"))
        await call.done_writing()
        assert await all_of(call) == [b"\xff\xff\xff"]


@on_loop
async def test_the_upstreams_error_is_told_without_what_it_quotes(strict: Screener) -> None:
    async def fails(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            await context.write(saying("one moment", "a"))
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"no room for {ADDRESS} here")

    async with grpc_house(strict, fails) as it:
        call = it.call()
        await call.write(asking("how?", "a"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(call)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert caught.value.details() == "no room for <IP_ADDRESS> here"
    (record,) = it.finals()
    assert (record.outcome, record.grpc_code) == (Outcome.UPSTREAM_ERROR, "RESOURCE_EXHAUSTED")


@on_loop
@pytest.mark.parametrize("blocked", [True, False])
async def test_what_comes_behind_an_answers_end_is_not_told_unscreened(
    strict: Screener, blocked: bool
) -> None:
    """Neither a message that cannot be read nor an error's words: no open exchange screens them any more."""

    async def goes_on(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            await context.write(saying(f"write to {MAIL} soon" if blocked else "all is well", "a"))
            if not blocked:
                await context.write(last("a"))
            await context.write(b"\xff\xff\xff" + MAIL.encode())
            await context.abort(grpc.StatusCode.INTERNAL, f"could not write to {MAIL}")

    async with grpc_house(strict, goes_on) as it:
        call = it.call()
        await call.write(asking("whom?", "a"))
        messages = []
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            while (message := await call.read()) is not grpc.aio.EOF:
                messages.append(message)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        assert "quokka" not in (caught.value.details() or "")
        assert "quokka" not in repr(caught.value.trailing_metadata())
    assert messages and not any(b"quokka" in message for message in messages)


@on_loop
async def test_a_caller_that_leaves(strict: Screener) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def slow(requests: AsyncIterator[bytes], context: Context) -> None:
        context.add_done_callback(lambda _: gone.set())
        async for _ in requests:
            await context.write(saying("one moment, ", "a"))
            asked.set()
        await asyncio.sleep(30)

    async with grpc_house(strict, slow) as it:
        call = it.call()
        await call.write(asking("how?", "a"))
        await asked.wait()
        call.cancel()
        await it.kept.ended.wait()
        await gone.wait()
    assert [record.outcome for record in it.finals()] == [Outcome.CANCELLED]


@on_loop
async def test_text_that_waits_too_long_ends_its_request(hasty: Screener) -> None:
    async def pauses(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            await context.write(saying("it is at 192.0.2", "a"))
        await asyncio.sleep(30)

    async with grpc_house(hasty, pauses) as it:
        call = it.call()
        await call.write(asking("where?", "a"))
        first = await call.read()
        assert isinstance(first, bytes) and heard([first]) == {"a": "it is at "}
        second = await call.read()
        assert isinstance(second, bytes)
        assert pb.ModelStreamInferResponse.FromString(second).error_message
        call.cancel()
    assert [record.outcome for record in it.finals()] == [Outcome.REFUSED]


@on_loop
async def test_a_malformed_request_ends_the_call(strict: Screener) -> None:
    async with grpc_house(strict, each) as it:
        call = it.call()
        await call.write(b"\xff\xff\xff")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(call)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [record.outcome for record in it.finals()] == [Outcome.REJECTED]


@on_loop
async def test_headers_come_before_the_first_request(strict: Screener) -> None:
    async def greets(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.send_initial_metadata((("x-hello", "1"),))
        async for _ in requests:
            await context.write(saying("fine", "a", final=True))

    async with grpc_house(strict, greets) as it:
        call = it.call()
        assert dict(await call.initial_metadata())["x-hello"] == "1"
        await call.write(asking("how?", "a"))
        await call.done_writing()
        assert heard(await all_of(call)) == {"a": "fine"}


@on_loop
async def test_a_model_server_that_is_away_is_recorded(strict: Screener) -> None:
    async with grpc_house(strict, each) as it:
        await it.stop_model()
        call = it.call()
        await call.write(asking("where?", "a"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(call)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    (record,) = it.finals()
    assert (record.outcome, record.grpc_code) == (Outcome.UPSTREAM_ERROR, "UNAVAILABLE")
