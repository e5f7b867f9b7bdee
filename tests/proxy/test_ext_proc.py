"""Exchanges that Envoy shows us: what the model server gets, what the caller gets, and what is recorded."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import grpc
import pytest

from sentinel.core.record import Outcome, Phase, Screened
from sentinel.guard.screener import Screener
from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy import envoy_exchange
from tests.proxy.envoy_house import DUPLEX, JSON, EnvoyHouse, Exchange, Reply, envoy_house, head, header_map
from tests.proxy.http_house import on_loop
from tests.proxy.test_http_stream import CHAT, event, saying
from tests.proxy.test_http_stream import DONE as STREAM_END

MAIL = "quokka@example.com"
ADDRESS = "192.0.2.7"
SSE = ("content-type", "text/event-stream")


def asking(text: str, **more: Any) -> bytes:
    return json.dumps({"ask": text, "model": "m", **more}).encode()


def chat(text: str = "hello") -> bytes:
    return json.dumps(
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}
    ).encode()


def answering(text: str, *fields: tuple[str, str], status: int = 200, key: str = "say") -> Reply:
    body = json.dumps({key: text, "kept": 1}).encode()
    return Reply(status, [JSON, *fields], [body[:7], body[7:]])


@on_loop
async def test_what_no_rule_minds_passes_unchanged(strict: Screener) -> None:
    reply = answering("fine", ("etag", "x"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))
    async with envoy_house(strict) as house:
        it = await house.exchange([asking("hello")[:9], asking("hello")[9:]], reply, ("x-a", "1"))
        assert (it.status, it.immediate) == (200, None)
        assert it.upstream.body == asking("hello")
        assert it.downstream.body == b"".join(piece or b"" for piece in reply.pieces)
        before = head("POST", "/v1/echo", ("x-a", "1"))
        assert it.upstream.headers[: len(before)] == [*before]
        assert [name for name, _ in it.upstream.headers[len(before) :]] == ["traceparent"]
        assert it.downstream.headers[:5] == [(":status", "200"), *reply.headers]
        assert it.downstream.get("sentinel-action") == "allow"
        final = house.final
    assert it.downstream.get("sentinel-exchange-id") == final.exchange_id
    assert (final.outcome, final.grpc_code, final.upstream) == (Outcome.ANSWERED, "200", "envoy")
    assert (final.protocol, final.model) == ("echo", "m")
    assert (final.input_screened, final.output_screened) == (Screened.YES, Screened.YES)
    assert (final.input_bytes, final.output_bytes) == (len(asking("hello")), len(it.downstream.body))


@on_loop
async def test_a_blocked_prompt_never_reaches_the_model(strict: Screener) -> None:
    async with envoy_house(strict) as house:
        it = await house.exchange(asking(f"write to {MAIL}"))
        assert (it.status, it.asked, it.told()["kind"]) == (403, False, "blocked")
        assert it.downstream.get("content-type") == "application/json"
        assert it.downstream.get("sentinel-action") == "block"
        assert it.immediate is not None and it.immediate.details == "sentinel"
        assert (house.final.outcome, house.final.rule) == (Outcome.REFUSED, "no-mail")


@on_loop
async def test_an_edited_prompt(strict: Screener) -> None:
    """Also one that came packed: what leaves is what was read."""
    async with envoy_house(strict) as house:
        for body, fields in (
            (asking(f"at {ADDRESS}"), ()),
            (gzip.compress(asking(f"at {ADDRESS}"), mtime=0), (("content-encoding", "gzip"),)),
        ):
            it = await house.exchange(body, answering("fine"), *fields)
            assert json.loads(it.upstream.body)["ask"] == "at <IP_ADDRESS>"
            assert it.upstream.get("content-encoding") == ""
            assert it.status == 200


@on_loop
async def test_a_prompt_that_is_packed_and_not_edited_leaves_unpacked(strict: Screener) -> None:
    async with envoy_house(strict) as house:
        packed = gzip.compress(asking("hello"))
        it = await house.exchange(packed, answering("fine"), ("content-encoding", "gzip"))
        assert (it.upstream.body, it.upstream.get("content-encoding")) == (asking("hello"), "")


@on_loop
async def test_a_blocked_answer_takes_an_error_s_place(strict: Screener) -> None:
    async with envoy_house(strict) as house:
        it = await house.exchange(asking("who?"), answering(MAIL))
        assert (it.status, it.told()["stage"]) == (403, "output")
        assert it.immediate is not None
        assert MAIL not in str(it.downstream)


@on_loop
async def test_an_edited_answer(strict: Screener) -> None:
    async with envoy_house(strict) as house:
        it = await house.exchange(asking("where?"), answering(ADDRESS, ("etag", "x"), ("x-a", "1")))
        assert (it.status, it.told()["say"]) == (200, "<IP_ADDRESS>")
        assert (it.downstream.get("etag"), it.downstream.get("x-a")) == ("", "1")


@on_loop
async def test_a_long_body_leaves_in_pieces(strict: Screener) -> None:
    text = "word " * 100_000
    async with envoy_house(strict) as house:
        it = await house.exchange(asking(text), answering(text))
        assert it.upstream.body == asking(text)
        assert it.told()["say"] == text
        assert len(it.downstream.pieces) == len(it.upstream.pieces) == 8


@on_loop
async def test_the_error_of_a_model_server_is_read_too(strict: Screener) -> None:
    async with envoy_house(strict) as house:
        it = await house.exchange(asking("hi"), answering(f"no {ADDRESS}", status=400, key="error"))
        assert (it.status, it.told()["error"]) == (400, "no <IP_ADDRESS>")
        assert house.final.outcome is Outcome.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("body", "fields", "status", "kind"),
    [
        (b"{", (), 400, "malformed"),
        (asking("x" * 2000), (), 413, "too_large"),
        (gzip.compress(asking("x" * 2000), mtime=0), (("content-encoding", "gzip"),), 413, "too_large"),
        (asking("x"), (("content-length", "2000"),), 413, "too_large"),
        (asking("x"), (("content-encoding", "zstd"),), 415, "unsupported"),
        (asking("x"), (("content-type", "text/plain"),), 415, "unsupported"),
        (asking("x"), (("x-long", "y" * 2000),), 431, "too_large"),
    ],
)
@on_loop
async def test_requests_that_cannot_be_read(
    strict: Screener, body: bytes, fields: tuple[tuple[str, str], ...], status: int, kind: str
) -> None:
    limits = {"max_message_bytes": 1024, "max_metadata_bytes": 1024}
    async with envoy_house(strict, limits=limits) as house:
        it = await house.exchange(body, None, *fields)
        assert (it.status, it.told()["kind"], it.asked) == (status, kind, False)


class TestStreams:
    @on_loop
    async def test_elements_leave_as_they_come(self, strict: Screener) -> None:
        """Each before the model server says the next."""
        parts = [event("one "), None, event("two "), None, event(finish="stop") + STREAM_END]
        async with envoy_house(strict) as house:
            it = await house.exchange(chat(), Reply(200, [SSE], parts), path=CHAT)
            assert it.downstream.body == b"".join(part or b"" for part in parts)
            assert it.downstream.get("sentinel-exchange-id") == house.final.exchange_id
            assert [record.phase for record in house.kept.records] == [Phase.OPEN, Phase.FINAL]

    @on_loop
    async def test_an_edit(self, strict: Screener) -> None:
        reply = Reply(200, [SSE], [saying("I am at 192.0", ".2.", "7 or so")])
        async with envoy_house(strict) as house:
            it = await house.exchange(chat(), reply, path=CHAT)
            assert b"<IP_ADDRESS>" in it.downstream.body
            assert b"192.0" not in it.downstream.body

    @on_loop
    async def test_a_block_after_the_first_byte_ends_the_answer(self, strict: Screener) -> None:
        """In the protocol's own words, and with the body's end; what the model server still says is nothing
        any more."""
        more = [event("and more ")] * 50
        parts = [event("one "), None, event(f"{MAIL} is it"), *more]
        async with envoy_house(strict) as house:
            it = await house.exchange(chat(), Reply(200, [SSE], parts, ended=False), path=CHAT)
            assert (it.status, it.immediate) == (200, None)
            assert it.downstream.body.startswith(event("one "))
            assert b'"finish_reason":"content_filter"' in it.downstream.body
            assert it.downstream.body.endswith(STREAM_END)
            assert b"quokka" not in it.downstream.body
            assert (house.final.outcome, house.final.released_chars) == (Outcome.REFUSED, 4)

    @on_loop
    async def test_a_block_before_the_first_byte_is_an_error(self, strict: Screener) -> None:
        reply = Reply(200, [SSE], [event(f"{MAIL} is it")], ended=False)
        async with envoy_house(strict) as house:
            it = await house.exchange(chat(), reply, path=CHAT)
            assert it.status == 403
            assert it.told()["error"]["message"] == "No mail addresses, please."

    @on_loop
    async def test_an_answer_that_cannot_be_completed_is_broken_off(self, strict: Screener) -> None:
        """Never with a good status, for Envoy would then let pass what it still holds."""
        packed = gzip.compress(saying("one ", "two "))
        reply = Reply(200, [SSE, ("content-encoding", "gzip")], [packed[:-9], b"?" * 40, b"?"])
        async with envoy_house(strict) as house:
            await house.exchange(chat(), reply, path=CHAT, code=grpc.StatusCode.ABORTED)
            assert house.final.outcome is Outcome.UPSTREAM_ERROR


class TestUnknownPaths:
    @on_loop
    async def test_pass_piece_by_piece(self, strict: Screener) -> None:
        """Nothing is collected: a piece of the request arrives before the next one is sent."""
        async with envoy_house(strict) as house:
            it = house.open(Reply(200, [], [b"a" * 9, None, b"b"]))
            fields = head("POST", "/other/123?x=1", ("content-type", "text/plain"))
            await it.tell(request_headers=pb.HttpHeaders(headers=header_map(fields)), protocol_config=DUPLEX)
            it.upstream.headers = fields
            running = asyncio.create_task(it.run())
            await it.tell(request_body=pb.HttpBody(body=MAIL.encode()))
            await it.upstream.has(MAIL.encode())
            await it.tell(request_body=pb.HttpBody(body=b"!", end_of_stream=True))
            assert await running is grpc.StatusCode.OK
            assert (it.upstream.body, it.downstream.body) == (f"{MAIL}!".encode(), b"a" * 9 + b"b")
            assert it.downstream.headers == [(":status", "200")]
            final = house.final
        assert (final.method, final.input_screened) == ("/other/*", Screened.UNKNOWN_METHOD)
        assert final.output_screened is Screened.UNKNOWN_METHOD
        assert (final.input_bytes, final.output_bytes) == (len(MAIL) + 1, 10)

    @on_loop
    async def test_are_refused_where_told_so(self, strict: Screener) -> None:
        async with envoy_house(strict) as house:
            house.settle(unknown_paths="refuse")
            it = await house.exchange(b"x", path="/other")
            assert (it.status, it.asked, it.told()["error"]["type"]) == (404, False, "unknown_path")

    @on_loop
    async def test_trailers_both_ways(self, strict: Screener) -> None:
        async with envoy_house(strict) as house:
            reply = Reply(200, [], [b"answer"], trailers=True)
            it = await house.exchange(b"request", reply, path="/other", trailers=True)
            assert (it.upstream.body, it.upstream.trailers) == (b"request", True)
            assert (it.downstream.body, it.downstream.trailers) == (b"answer", True)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
    @on_loop
    async def test_without_bodies(self, strict: Screener, method: str) -> None:
        async with envoy_house(strict) as house:
            it = await house.exchange(reply=Reply(204, [("x-a", "1")]), path="/other", method=method)
            assert (it.status, it.downstream.get("x-a"), it.downstream.pieces) == (204, "1", [])


@on_loop
async def test_health_passes_without_a_record(strict: Screener) -> None:
    async with envoy_house(strict) as house:
        it = await house.exchange(path="/v1/models", method="GET", reply=answering("m"))
        assert (it.status, it.told()["say"]) == (200, "m")
        assert house.kept.records == []


@on_loop
async def test_trailers_of_a_screened_exchange(strict: Screener) -> None:
    reply = answering(ADDRESS)
    reply.trailers = True
    async with envoy_house(strict) as house:
        it = await house.exchange(asking("hi"), reply, trailers=True)
        assert it.upstream.trailers and it.downstream.trailers
        assert it.told()["say"] == "<IP_ADDRESS>"


@on_loop
async def test_an_answer_of_envoy_s_own_is_no_model_s(strict: Screener) -> None:
    """No model server could be asked: the caller gets the status in its protocol's form."""
    details = "upstream_reset_before_response_started{connection_failure}"
    reply = Reply(503, [("content-type", "text/plain")], [b"upstream connect error"], details=details)
    async with envoy_house(strict) as house:
        it = await house.exchange(asking("hi"), reply)
        assert (it.status, it.told()["kind"]) == (503, "upstream")
        assert "upstream_reset_before_response_started" in it.told()["error"]
        assert (house.final.outcome, house.final.grpc_code) == (Outcome.UPSTREAM_ERROR, "503")


async def thinking(house: EnvoyHouse) -> Exchange:
    """An exchange whose model server has been asked, and does not answer."""
    it = house.open()
    await it.ask(head("POST", "/v1/echo"), [asking("hi")])
    while not (message := await it.call.read()).HasField("request_body"):
        pass
    assert message.request_body.response.body_mutation.streamed_response.end_of_stream
    return it


class TestLimits:
    @on_loop
    async def test_too_many_calls(self, strict: Screener) -> None:
        async with envoy_house(strict, limits={"max_concurrent_calls": 1}) as house:
            first = await thinking(house)
            it = await house.exchange(asking("hi"))
            assert (it.status, it.downstream.get("retry-after")) == (429, "1")
            first.call.cancel()

    @on_loop
    async def test_no_answer_without_a_record(self, strict: Screener) -> None:
        async with envoy_house(strict) as house:
            house.kept.refuse = True
            it = await house.exchange(asking("hi"), answering("secret"))
            assert (it.status, it.told()["kind"]) == (503, "overloaded")
            assert b"secret" not in it.downstream.body


class TestEnds:
    @pytest.mark.parametrize("how", ["reset", "closed"])
    @on_loop
    async def test_a_caller_that_leaves(self, strict: Screener, how: str) -> None:
        async with envoy_house(strict) as house:
            it = await thinking(house)
            if how == "closed":
                await it.call.done_writing()
            else:
                it.call.cancel()
            await house.kept.ended.wait()
            assert (house.final.outcome, house.final.grpc_code) == (Outcome.CANCELLED, "499")
            await house.service.stop(5)
            assert house.driver.in_flight == 0

    @on_loop
    async def test_a_caller_that_leaves_in_the_middle_of_its_request(self, strict: Screener) -> None:
        async with envoy_house(strict) as house:
            it = house.open()
            fields = header_map(head("POST", "/v1/echo"))
            await it.tell(request_headers=pb.HttpHeaders(headers=fields), protocol_config=DUPLEX)
            await it.tell(request_body=pb.HttpBody(body=b'{"ask'))
            await it.call.done_writing()
            await house.kept.ended.wait()
            assert (house.final.outcome, house.final.grpc_code) == (Outcome.CANCELLED, "499")
            assert await it.code() is not grpc.StatusCode.OK

    @on_loop
    async def test_a_drain_that_takes_too_long_tells_the_caller(self, strict: Screener) -> None:
        async with envoy_house(strict) as house:
            it = await thinking(house)
            await house.service.stop(0.05)
            message = await it.call.read()
            assert message.immediate_response.status.code == 503
            assert (house.final.outcome, house.final.error_type) == (Outcome.CANCELLED, "shutdown")


class TestMisconfigured:
    @pytest.mark.parametrize(
        ("first", "named"),
        [
            (
                {"protocol_config": pb.ProtocolConfiguration(request_body_mode=pb.BUFFERED)},
                "request_body_mode",
            ),
            (
                {
                    "protocol_config": pb.ProtocolConfiguration(
                        request_body_mode=pb.FULL_DUPLEX_STREAMED, response_body_mode=pb.STREAMED
                    )
                },
                "response_body_mode must be FULL_DUPLEX_STREAMED, and is STREAMED",
            ),
            ({}, "version"),
            ({"protocol_config": DUPLEX, "observability_mode": True}, "observability_mode"),
        ],
    )
    @on_loop
    async def test_nothing_passes_and_the_setting_is_named(
        self, strict: Screener, caplog: pytest.LogCaptureFixture, first: dict[str, Any], named: str
    ) -> None:
        envoy_exchange.complain.cache_clear()
        async with envoy_house(strict) as house:
            for _ in range(2):
                it = house.open()
                fields = header_map(head("POST", "/v1/echo"))
                await it.tell(request_headers=pb.HttpHeaders(headers=fields), **first)
                assert await it.run() is grpc.StatusCode.FAILED_PRECONDITION
                assert (it.status, it.asked) == (500, False)
                assert named in it.told()["error"]["message"]
        assert caplog.text.count(named) == 1

    @on_loop
    async def test_a_request_whose_head_is_not_shown(self, strict: Screener) -> None:
        async with envoy_house(strict) as house:
            it = house.open()
            await it.tell(request_body=pb.HttpBody(body=b"x"), protocol_config=DUPLEX)
            assert await it.run() is grpc.StatusCode.FAILED_PRECONDITION
            assert "request_header_mode" in it.told()["error"]["message"]

    @on_loop
    async def test_an_answer_whose_head_is_not_shown(self, strict: Screener) -> None:
        async with envoy_house(strict) as house:
            it = await house.exchange(asking("hi"), Reply(pieces=[b"x"], head=False))
            assert (it.status, house.final.grpc_code) == (500, "500")
            assert "response_header_mode" in it.told()["error"]
