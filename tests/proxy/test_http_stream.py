"""Streamed answers over HTTP, with OpenAI's protocol: what leaves, when, and how it ends."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sentinel.core.record import Outcome, Phase, Screened
from sentinel.guard.screener import Screener
from sentinel.proxy.status import RefusalConfig
from tests.proxy.http_house import house, on_loop, screener
from tests.rawhttp import Connection, Message, answer, ask, chunked, read_message, request, upstream

CHAT = "/v1/chat/completions"
MAIL = "quokka@example.com"
SSE = "Content-Type: text/event-stream"
DONE = b"data: [DONE]\n\n"
Writing = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def asking(text: str = "hello", *fields: str, stream: bool = True) -> bytes:
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    return request("POST", CHAT, json.dumps(body).encode(), "Content-Type: application/json", *fields)


def event(text: str | None = None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"


def saying(*texts: str) -> bytes:
    return b": keep-alive\n\n" + b"".join(map(event, texts)) + event(finish="stop") + DONE


def streaming(body: bytes, size: int = 40, *fields: str) -> bytes:
    """The answer in chunks of `size` bytes."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return answer(200, chunked(*pieces), SSE, "Transfer-Encoding: chunked", *fields, length=False)


def read(message: Message) -> list[Any]:
    """The data of each event; comments are left out."""
    blocks = [block for block in message.body.decode().split("\n\n") if block.startswith("data: ")]
    return [block if block == "data: [DONE]" else json.loads(block[6:]) for block in blocks]


def text_of(message: Message) -> str:
    choices = [each["choices"][0] for each in read(message) if each != "data: [DONE]"]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def finish_of(message: Message) -> list[str]:
    choices = [each["choices"][0] for each in read(message) if each != "data: [DONE]"]
    return [choice["finish_reason"] for choice in choices if choice["finish_reason"]]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@on_loop
async def test_what_no_rule_minds_passes_byte_by_byte(strict: Screener, size: int) -> None:
    body = saying("Hel", "lo, how are", " you?", " ", "Fine")
    async with upstream(streaming(body, size, "X-A: 1")) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking("hello", "Accept-Encoding: gzip"))
        assert (seen.status, seen.body, seen.whole) == (200, body, True)
        assert (seen.get("content-type"), seen.get("x-a")) == ("text/event-stream", "1")
        assert (seen.get("sentinel-exchange-id"), seen.get("sentinel-action")) == (it.final.exchange_id, "")
        assert up.seen[0].get("accept-encoding") == "identity"
    assert [record.phase for record in it.kept.records] == [Phase.OPEN, Phase.FINAL]
    final = it.final
    assert (final.outcome, final.grpc_code, final.streaming) == (Outcome.ANSWERED, "200", True)
    assert (final.input_screened, final.output_screened) == (Screened.YES, Screened.YES)
    assert (final.response_id, final.output_chars, final.output_bytes) == ("chatcmpl-1", 24, len(body))
    assert final.upstream_ns > 0


@pytest.mark.parametrize("size", [1, 40, 100_000])
@on_loop
async def test_an_edit(strict: Screener, size: int) -> None:
    """Whatever the cuts; the finding is durable before the text that it edits leaves."""
    body = saying("I am at 192.0", ".2.", "7 or so", ", yes.")
    async with upstream(streaming(body, size)) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking())
        assert (text_of(seen), finish_of(seen)) == ("I am at <IP_ADDRESS> or so, yes.", ["stop"])
        phases = [record.phase for record in it.kept.records]
        assert phases == [Phase.OPEN, Phase.EDIT, Phase.FINAL]
        assert (it.final.action, it.final.rule) == ("redact", "hide-address")


@pytest.mark.parametrize("size", [1, 40, 100_000])
@on_loop
async def test_a_block(strict: Screener, size: int) -> None:
    body = saying("You may write to quok", "ka@exam", "ple.com about", " it")
    async with upstream(streaming(body, size)) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking())
        assert (seen.status, seen.whole) == (200, True)
        assert "You may write to ".startswith(text_of(seen))
        assert (finish_of(seen), read(seen)[-1]) == (["content_filter"], "data: [DONE]")
        assert b"quok" not in seen.body and b"exam" not in seen.body
    assert (it.final.outcome, it.final.action, it.final.grpc_code) == (Outcome.REFUSED, "block", "200")
    assert it.final.released_chars == len(text_of(seen))


@pytest.mark.parametrize("form", ["error", "replace"])
@on_loop
async def test_a_block_before_anything_left(strict: Screener, form: Any) -> None:
    body = event(f"{MAIL} is it") + event(finish="stop") + DONE
    async with upstream(streaming(body, 100_000)) as up, house(strict, up.address) as it:
        it.settle(refusal=RefusalConfig(answer=form))
        seen = await ask(it.address, asking())
        if form == "error":
            assert (seen.status, seen.get("sentinel-action")) == (403, "block")
            assert json.loads(seen.body)["error"]["message"] == "No mail addresses, please."
        else:
            assert (seen.status, finish_of(seen)) == (200, ["content_filter"])
        assert it.final.outcome is Outcome.REFUSED


@on_loop
async def test_a_stream_that_comes_unasked_is_screened(strict: Screener) -> None:
    async with upstream(streaming(saying(f"write to {MAIL} now"))) as up, house(strict, up.address) as it:
        assert MAIL.encode() not in (await ask(it.address, asking(stream=False))).body


@on_loop
async def test_a_whole_answer_to_who_asked_for_a_stream_is_screened(strict: Screener) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": MAIL}, "finish_reason": "stop"}
    body = json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()
    async with upstream(answer(200, body, "Content-Type: application/json")) as up:
        async with house(strict, up.address) as it:
            assert (await ask(it.address, asking())).status == 403


@on_loop
async def test_an_error_instead_of_a_stream_is_screened(strict: Screener) -> None:
    body = json.dumps({"error": {"message": "no 192.0.2.7", "type": "x"}}).encode()
    async with upstream(answer(400, body, "Content-Type: application/json")) as up:
        async with house(strict, up.address) as it:
            seen = await ask(it.address, asking())
            assert (seen.status, json.loads(seen.body)["error"]["message"]) == (400, "no <IP_ADDRESS>")


@on_loop
async def test_packed_events(strict: Screener) -> None:
    body = gzip.compress(saying("at 192.0.2.7, yes"))
    async with upstream(streaming(body, 9, "Content-Encoding: gzip")) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking())
        assert (text_of(seen), seen.get("content-encoding")) == ("at <IP_ADDRESS>, yes", "")
    async with upstream(streaming(body[:-9], 9, "Content-Encoding: gzip")) as up:
        async with house(strict, up.address) as it:
            seen = await ask(it.address, asking())
            assert not seen.whole or seen.status == 502


@on_loop
async def test_packing_that_cannot_be_undone(strict: Screener, lenient: Screener) -> None:
    reply = streaming(b"???", 9, "Content-Encoding: zstd")
    async with upstream(reply) as up:
        async with house(strict, up.address) as it:
            assert (await ask(it.address, asking())).status == 403
            assert it.final.output_screened is Screened.MALFORMED
        async with house(lenient, up.address) as it:
            seen = await ask(it.address, asking())
            assert (seen.body, seen.get("content-encoding")) == (b"???", "zstd")


def paced(*steps: bytes | asyncio.Event) -> Writing:
    """Writes each piece as a chunk; waits for each event."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(answer(200, b"", SSE, "Transfer-Encoding: chunked", length=False))
        for step in steps:
            if isinstance(step, bytes):
                writer.write(b"%x\r\n%s\r\n" % (len(step), step) if step else b"0\r\n\r\n")
                await writer.drain()
            else:
                await step.wait()

    return handler


@on_loop
async def test_nothing_waits_that_no_rule_holds(strict: Screener) -> None:
    """Each element leaves before the next one comes."""
    gates = [asyncio.Event() for _ in range(3)]
    words = [b"One.", b"Two.", b"Three."]
    events = [event(f"{word.decode()} ") for word in words]
    steps = [step for pair in zip(events, gates, strict=True) for step in pair]
    async with upstream(handler=paced(*steps, event(finish="stop") + DONE, b"")) as up:
        async with house(strict, up.address) as it:
            connection = await Connection.open(it.address)
            await connection.send(asking())
            for word, gate in zip(words, gates, strict=True):
                await asyncio.wait_for(connection.reader.readuntil(word), 5)
                gate.set()
            await asyncio.wait_for(connection.reader.readuntil(b"0\r\n\r\n"), 5)
            connection.close()


@on_loop
async def test_a_deadline_releases_or_cuts(
    strict: Screener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Held-back text is bounded in time, also while the model server says nothing."""
    rules = """
rules:
  - id: no-mail
    stage: output
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: block
    max_hold_ms: 100
    on_stall: block
"""
    mine = screener(tmp_path_factory.mktemp("stall"), tmp_path_factory.getbasetemp() / "cache", rules)
    never = asyncio.Event()
    async with upstream(handler=paced(event("Hello. Write to quokka@exam"), never)) as up:
        async with house(mine, up.address) as it:
            seen = await ask(it.address, asking())
            assert (seen.whole, finish_of(seen)) == (True, ["content_filter"])
            assert b"quokka" not in seen.body
            assert it.final.outcome is Outcome.REFUSED


@pytest.mark.parametrize("begun", [False, True])
@on_loop
async def test_a_model_server_that_dies_half_way(strict: Screener, begun: bool) -> None:
    """What was held back and is harmless leaves; then the caller sees the break."""
    steps = [event("Hello. Write to quokka@exam")] if begun else []
    async with upstream(handler=paced(*steps)) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking())
        if begun:
            assert (seen.status, seen.whole) == (200, False)
            assert text_of(seen) == "Hello. Write to quokka@exam"
        else:
            assert (seen.status, seen.whole) == (502, True)
        assert (it.final.outcome, it.final.error_type) == (Outcome.UPSTREAM_ERROR, "upstream")


@on_loop
async def test_a_caller_that_leaves(strict: Screener) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(answer(200, b"", SSE, "Transfer-Encoding: chunked", length=False))
        writer.write(b"%x\r\n%s\r\n" % (len(event("Hello. ")), event("Hello. ")))
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(strict, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(asking())
        await connection.reader.readuntil(b"Hello")
        connection.drop()
        await asyncio.wait_for(up.ended.wait(), 5)
        await it.kept.ended.wait()
        assert (it.final.outcome, it.final.grpc_code) == (Outcome.CANCELLED, "499")
        assert it.final.output_screened is Screened.YES
        assert it.final.released_chars == 7


@on_loop
async def test_no_first_byte_without_a_record(strict: Screener) -> None:
    async with upstream(streaming(saying("secret"))) as up, house(strict, up.address) as it:
        it.kept.refuse = True
        seen = await ask(it.address, asking())
        assert (seen.status, b"secret" in seen.body) == (503, False)


@on_loop
async def test_a_slow_reader_slows_the_model_server(strict: Screener) -> None:
    sent = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_message(reader)
        writer.write(answer(200, b"", SSE, "Transfer-Encoding: chunked", length=False))
        piece = event("All work and no play. ") * 100
        while True:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            sent += len(piece)

    async with upstream(handler=handler) as up, house(strict, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(asking())
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.5)
        assert 0 < sent < 64 << 20
        connection.drop()
