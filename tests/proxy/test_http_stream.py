"""A streamed answer over HTTP, with a protocol of the test's own."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import brotli
import pytest

from sentinel.core.decision import Cause
from sentinel.core.record import Outcome, Phase, Record, Screened
from sentinel.guard.screener import Screener
from sentinel.proxy.http_call import Call
from tests.guard.streams import element, texts_of
from tests.proxy.http_house import House, house, on_loop
from tests.proxy.test_http_unary import ADDRESS, asking
from tests.rawhttp import Connection, answer, ask, chunked, read_message, upstream

EVENTS = "Content-Type: text/event-stream"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def events(*texts: str) -> bytes:
    return b"".join(map(element, texts))


def content(body: bytes) -> str:
    return texts_of(body).get((0, "content"), "")


def phases(it: House) -> list[Phase]:
    return [record.phase for record in it.kept.records]


@on_loop
async def test_a_stream_is_edited_on_its_way(strict: Screener) -> None:
    reply = answer(200, events("at ", "192.0", ".2.7 they", " say"), EVENTS, "X-Kept: 1", "ETag: old")
    async with upstream(reply) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking("where?", stream=True))
        assert (seen.status, seen.get("x-kept"), seen.get("etag")) == (200, "1", "")
        assert content(seen.body) == "at <IP_ADDRESS> they say"
        assert ADDRESS.encode() not in seen.body
        assert seen.get("sentinel-exchange-id") == it.final.exchange_id
    final = it.final
    assert phases(it) == [Phase.OPEN, Phase.EDIT, Phase.FINAL]
    assert (final.outcome, final.action, final.output_screened) == (Outcome.ANSWERED, "redact", Screened.YES)
    assert (final.streaming, final.output_chars, final.released_chars) == (True, 21, 21)
    (edit,) = [record for record in it.kept.records if record.phase is Phase.EDIT]
    assert [(row.type, row.start, row.end) for row in edit.findings] == [("IP_ADDRESS", 3, 12)]
    assert edit.findings[0].value_hmac == final.findings[0].value_hmac != ""
    assert ADDRESS not in str(it.kept.records)


@on_loop
async def test_what_no_rule_minds_passes_unchanged(strict: Screener) -> None:
    said = events("all", " is", " well")
    async with upstream(answer(200, said, EVENTS)) as up, house(strict, up.address) as it:
        assert (await ask(it.address, asking("how?", stream=True))).body == said
    assert phases(it) == [Phase.OPEN, Phase.FINAL]


@on_loop
async def test_one_that_comes_unasked_is_screened_too(strict: Screener) -> None:
    async with upstream(answer(200, events(f"at {ADDRESS} now"), EVENTS)) as up:
        async with house(strict, up.address) as it:
            assert content((await ask(it.address, asking("where?"))).body) == "at <IP_ADDRESS> now"


@on_loop
async def test_records_come_before_what_they_are_about(
    strict: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    start, write, end = Call.start, Call.write, Call.end

    async def starts(call: Call, status: int, headers: Any) -> None:
        order.append("head")
        await start(call, status, headers)

    async def writes(call: Call, data: bytes) -> None:
        order.append("edited" if b"IP_ADDRESS" in data else "text")
        await write(call, data)

    async def ends(call: Call, data: bytes = b"") -> None:
        order.append("end")
        await end(call, data)

    monkeypatch.setattr(Call, "start", starts)
    monkeypatch.setattr(Call, "write", writes)
    monkeypatch.setattr(Call, "end", ends)

    def kept(record: Record) -> None:
        order.append(str(record.phase))

    reply = answer(200, events("see ", f"{ADDRESS}", " there"), EVENTS)
    async with upstream(reply) as up, house(strict, up.address) as it:
        it.kept.on_write.append(kept)
        await ask(it.address, asking("where?", stream=True))
    assert order.index("open") < order.index("head")
    assert order.index("edit") < order.index("edited")
    assert order[-2:] == ["final", "end"]


@on_loop
async def test_a_blocked_stream_ends_as_its_protocol_says(strict: Screener) -> None:
    reply = answer(200, events("write to ", "quokka@exam", "ple.com", " soon"), EVENTS)
    async with upstream(reply) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking("whom?", stream=True))
        assert content(seen.body) == "write to "
        assert seen.body.endswith(b'{"cut": "No mail addresses, please."}\n')
    final = it.final
    assert (final.outcome, final.action, final.rule) == (Outcome.REFUSED, "block", "no-mail")
    assert final.released_chars == len("write to ")


@on_loop
async def test_what_cannot_be_read_is_cut_where_a_rule_minds(strict: Screener, lenient: Screener) -> None:
    reply = answer(200, events("all well") + b"{broken", EVENTS)
    async with upstream(reply) as up:
        async with house(strict, up.address) as it:
            seen = await ask(it.address, asking("how?", stream=True))
            assert seen.body.endswith(b"}\n") and b"broken" not in seen.body
            assert (it.final.outcome, it.final.output_screened) == (Outcome.REFUSED, Screened.MALFORMED)
        async with house(lenient, up.address) as it:
            await ask(it.address, asking("how?", stream=True))
            assert it.final.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("coding", ["gzip", "br"])
@on_loop
async def test_a_packed_stream_is_unpacked(strict: Screener, coding: str) -> None:
    said = events(*(["word "] * 50), f"at {ADDRESS} now")
    packed = gzip.compress(said) if coding == "gzip" else brotli.compress(said)
    reply = answer(200, packed, EVENTS, f"Content-Encoding: {coding}")
    async with upstream(reply) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking("where?", f"Accept-Encoding: {coding}", stream=True))
        assert (seen.status, seen.get("content-encoding")) == (200, "")
        assert content(seen.body) == "word " * 50 + "at <IP_ADDRESS> now"


@on_loop
async def test_a_coding_that_cannot_be_read_is_for_the_rules(strict: Screener, lenient: Screener) -> None:
    async with upstream(answer(200, b"packed", EVENTS, "Content-Encoding: zstd")) as up:
        async with house(strict, up.address) as it:
            assert (await ask(it.address, asking("where?", stream=True))).status == 403
        async with house(lenient, up.address) as it:
            assert (await ask(it.address, asking("where?", stream=True))).body == b"packed"


@on_loop
async def test_an_answer_that_breaks_off_is_broken_off(strict: Screener) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(HEAD + chunked(events("all is ", "well and"))[:-5])
        await writer.drain()
        writer.close()

    async with upstream(handler=handler) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking("how?", stream=True))
        assert (seen.status, seen.whole) == (200, False)
        await it.kept.ended.wait()
    assert it.final.outcome is Outcome.UPSTREAM_ERROR
    assert it.final.output_chars == len("all is well and")


@on_loop
async def test_a_caller_that_leaves_in_the_middle(strict: Screener) -> None:
    gone = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(HEAD + chunked(events("all is ", "well and"))[:-5])
        await writer.drain()
        await up.until_closed(reader)
        gone.set()

    async with upstream(handler=handler) as up, house(strict, up.address) as it:
        caller = await Connection.open(it.address)
        await caller.send(asking("how?", stream=True))
        await caller.reader.readuntil(b"\r\n\r\n")
        caller.drop()
        await gone.wait()
        await it.kept.ended.wait()
    assert (it.final.outcome, it.final.error_type) == (Outcome.CANCELLED, "cancelled")
    assert it.final.output_screened is Screened.YES


@on_loop
async def test_text_that_waits_too_long_leaves_as_the_rule_says(hasty: Screener) -> None:
    """The model pauses in the middle of what may be an address, for ever."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(HEAD + chunked(events("it is at 192.0.2"))[:-5])
        await writer.drain()
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(hasty, up.address) as it:
        seen = await ask(it.address, asking("where?", stream=True))
        assert content(seen.body) == "it is at "
        assert b'"cut"' in seen.body
        await it.kept.ended.wait()
    assert it.final.outcome is Outcome.REFUSED
    assert [hit[3] for hit in it.final.decisions[-1].hits] == [Cause.STALLED]


@on_loop
async def test_no_stream_without_a_record(strict: Screener) -> None:
    async with upstream(answer(200, events("all well"), EVENTS)) as up, house(strict, up.address) as it:
        it.kept.refuse = True
        assert (await ask(it.address, asking("how?", stream=True))).status == 503
