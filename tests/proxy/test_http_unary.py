"""The life of a screened call over HTTP, with a protocol of the test's own."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from functools import partial
from typing import Any

import brotli
import pytest

from sentinel.core.record import Outcome, Screened
from sentinel.guard.screener import Screener
from sentinel.proxy.http_call import Call
from sentinel.proxy.status import RefusalConfig
from tests.proxy.http_house import ECHO, house, on_loop
from tests.rawhttp import Connection, Message, answer, ask, chunked, read_message, request, upstream

MAIL = "quokka@example.com"
ADDRESS = "192.0.2.7"
JSON = "Content-Type: application/json"


def asking(text: str, *fields: str, path: str = ECHO, **more: Any) -> bytes:
    return request("POST", path, json.dumps({"ask": text, "model": "m", **more}).encode(), JSON, *fields)


def saying(text: str, *fields: str, status: int = 200, key: str = "say") -> bytes:
    return answer(status, json.dumps({key: text, "kept": 1}).encode(), JSON, *fields)


def told(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.body)
    return found


@on_loop
async def test_what_no_rule_minds_passes_unchanged(strict: Screener) -> None:
    reply = saying("fine", "Set-Cookie: a=1", "ETag: x")
    async with upstream(reply) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking("hello", "X-Tenant: t", "X-A: 1"))
        assert (seen.status, seen.body) == (200, reply.partition(b"\r\n\r\n")[2])
        assert (seen.get("set-cookie"), seen.get("etag")) == ("a=1", "x")
        assert seen.get("sentinel-action") == "allow"
        (arrived,) = up.seen
        assert (arrived.body, arrived.get("x-a")) == (asking("hello").partition(b"\r\n\r\n")[2], "1")
    final = it.final
    assert (final.exchange_id, final.outcome, final.grpc_code) == (
        seen.get("sentinel-exchange-id"),
        Outcome.ANSWERED,
        "200",
    )
    assert (final.method, final.protocol, final.model, final.tenant) == (ECHO, "echo", "m", "t")
    assert (final.input_screened, final.output_screened) == (Screened.YES, Screened.YES)
    assert (final.input_chars, final.output_chars) == (5, 4)
    assert final.output_bytes == len(seen.body)
    assert (final.input_tokens, final.output_tokens) == (3, 5)
    assert final.upstream_ns > 0


@on_loop
async def test_a_blocked_prompt_never_reaches_the_model(strict: Screener) -> None:
    async with upstream() as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking(f"write to {MAIL}"))
        assert (seen.status, seen.get("content-type")) == (403, "application/json")
        assert told(seen) == {
            "error": "No mail addresses, please.",
            "kind": "blocked",
            "rule": "no-mail",
            "stage": "input",
            "policy": strict.policy.digest,
            "exchange_id": seen.get("sentinel-exchange-id"),
            "decision_id": seen.get("sentinel-decision-id"),
        }
        assert seen.get("sentinel-action") == "block"
        assert up.connections == 0
    final = it.final
    assert (final.outcome, final.grpc_code, final.rule) == (Outcome.REFUSED, "403", "no-mail")
    assert MAIL not in str(final) + str(seen)


@on_loop
async def test_another_status(strict: Screener) -> None:
    async with house(strict, "127.0.0.1:1") as it:
        it.settle(refusal=RefusalConfig(http_status=400))
        assert (await ask(it.address, asking(MAIL))).status == 400


@pytest.mark.parametrize("form", ["error", "replace"])
@on_loop
async def test_a_blocked_answer(strict: Screener, form: Any) -> None:
    async with upstream(saying(f"write to {MAIL}")) as up, house(strict, up.address) as it:
        it.settle(refusal=RefusalConfig(answer=form))
        seen = await ask(it.address, asking("who?"))
        if form == "error":
            assert (seen.status, told(seen)["stage"]) == (403, "output")
        else:
            assert (seen.status, told(seen)) == (200, {"say": "No mail addresses, please."})
        assert seen.get("sentinel-action") == "block"
        assert MAIL not in str(seen)
    assert it.final.outcome is Outcome.REFUSED


@on_loop
async def test_edits_both_ways(strict: Screener) -> None:
    """What tells of the old bytes goes with them."""
    old = ("ETag: x", "Content-MD5: y", "X-Other: z")
    async with upstream(saying(f"at {ADDRESS}", *old)) as up, house(strict, up.address) as it:
        seen = await ask(it.address, asking(f"is it {ADDRESS}?"))
        assert told(seen) == {"say": "at <IP_ADDRESS>", "kept": 1}
        assert (seen.get("etag"), seen.get("content-md5"), seen.get("x-other")) == ("", "", "z")
        assert json.loads(up.seen[0].body) == {"ask": "is it <IP_ADDRESS>?", "model": "m"}
        assert seen.get("sentinel-action") == "redact"


@pytest.mark.parametrize("path", [f"{ECHO}/", "/v1/%65cho", "//v1/./echo", "/V1/ECHO", "/x/../v1/echo?a=b"])
@on_loop
async def test_no_spelling_of_the_path_leads_around_the_rules(strict: Screener, path: str) -> None:
    async with upstream() as up, house(strict, up.address) as it:
        assert (await ask(it.address, asking(MAIL, path=path))).status == 403
        assert (await ask(it.address, asking("hello", path=path))).status == 403, "no answer of this protocol"
        assert up.seen[0].target == path


class TestUpstreamErrors:
    @on_loop
    async def test_their_texts_are_screened(self, strict: Screener) -> None:
        reply = saying(f"{ADDRESS} is no model", status=404, key="error")
        async with upstream(reply) as up, house(strict, up.address) as it:
            seen = await ask(it.address, asking("hello"))
            assert (seen.status, told(seen)["error"]) == (404, "<IP_ADDRESS> is no model")
        assert (it.final.outcome, it.final.grpc_code, it.final.error_type) == (
            Outcome.UPSTREAM_ERROR,
            "404",
            "404",
        )

    @on_loop
    async def test_a_blocked_one(self, strict: Screener) -> None:
        async with upstream(saying(MAIL, status=500, key="error")) as up, house(strict, up.address) as it:
            seen = await ask(it.address, asking("hello"))
            assert (seen.status, MAIL in str(seen)) == (403, False)

    @pytest.mark.parametrize("status", [400, 429, 500, 503])
    @on_loop
    async def test_without_a_body(self, strict: Screener, status: int) -> None:
        reply = answer(status, b"", "Retry-After: 7")
        async with upstream(reply) as up, house(strict, up.address) as it:
            seen = await ask(it.address, asking("hello"))
            assert (seen.status, seen.body, seen.get("retry-after")) == (status, b"", "7")

    @on_loop
    async def test_the_model_server_is_away(self, strict: Screener) -> None:
        async with house(strict, "127.0.0.1:1") as it:
            seen = await ask(it.address, asking("hello"))
            assert (seen.status, told(seen)["kind"]) == (502, "upstream")
            assert seen.get("sentinel-exchange-id") == it.final.exchange_id
        assert (it.final.outcome, it.final.input_screened) == (Outcome.UPSTREAM_ERROR, Screened.YES)

    @on_loop
    async def test_half_an_answer_is_none(self, strict: Screener) -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_message(reader)
            writer.write(saying("fine")[:-4])

        async with upstream(handler=handler) as up, house(strict, up.address) as it:
            assert (await ask(it.address, asking("hello"))).status == 502


class TestUnreadable:
    @pytest.mark.parametrize(
        ("status", "data"),
        [
            (400, request("POST", ECHO, b"{", JSON)),
            (400, request("POST", ECHO, f'{{"to": "{MAIL}"}}'.encode(), JSON)),
            (400, request("POST", ECHO, b"", JSON)),
            (400, request("POST", ECHO, gzip.compress(b"{}")[:-5], JSON, "Content-Encoding: gzip")),
            (415, request("POST", ECHO, b"{}", JSON, "Content-Encoding: zstd")),
            (415, request("POST", ECHO, b"{}", "Content-Type: text/plain")),
            (415, request("POST", ECHO, b"{}", JSON, "Content-Type: text/plain")),
            (415, request("POST", ECHO, b"{}", "Content-Type: application/json; charset=utf-16")),
            (413, request("POST", ECHO, gzip.compress(b"{}" + b" " * 9999), JSON, "Content-Encoding: gzip")),
            (413, request("POST", ECHO, b"x" * 5000, JSON)),
            (
                413,
                request("POST", ECHO, b"", JSON, "Transfer-Encoding: chunked")
                + chunked(b"x" * 3000, b"x" * 3000),
            ),
        ],
        ids=[
            "no JSON",
            "no text",
            "empty",
            "gzip cut short",
            "zstd",
            "media type",
            "two media types",
            "charset",
            "bomb",
            "announced too large",
            "too large",
        ],
    )
    @on_loop
    async def test_requests(self, lenient: Screener, status: int, data: bytes) -> None:
        async with upstream() as up, house(lenient, up.address, limits={"max_message_bytes": 4096}) as it:
            seen = await ask(it.address, data)
            assert seen.status == status
            assert MAIL not in str(seen)
            if b"Content-Length: 5000" not in data:  # turned away before it is anybody's call
                assert ECHO in told(seen)["error"] or status == 413
                final = it.final
                assert (final.outcome, final.grpc_code) == (Outcome.REJECTED, str(status))
                assert final.input_screened in (Screened.MALFORMED, Screened.TOO_LARGE)
            assert up.connections == 0

    REPLIES = {
        "no JSON": answer(200, b"<html>", JSON),
        "zstd": answer(200, b"{}", JSON, "Content-Encoding: zstd"),
        "gzip cut short": answer(200, gzip.compress(b"{}")[:-5], JSON, "Content-Encoding: gzip"),
        "bomb": answer(200, gzip.compress(b"{}" + b" " * 99999), JSON, "Content-Encoding: gzip"),
        "error page": answer(500, b"<html>", "Content-Type: text/html"),
    }

    @pytest.mark.parametrize("name", REPLIES)
    @on_loop
    async def test_answers_are_for_the_rules_to_let_pass(
        self, strict: Screener, lenient: Screener, name: str
    ) -> None:
        reply = self.REPLIES[name]
        async with upstream(reply) as up:
            async with house(strict, up.address, limits={"max_message_bytes": 4096}) as it:
                assert (await ask(it.address, asking("hello"))).status == 403
                assert it.final.output_screened in (Screened.MALFORMED, Screened.TOO_LARGE)
            async with house(lenient, up.address, limits={"max_message_bytes": 4096}) as it:
                seen = await ask(it.address, asking("hello"))
                assert seen.body == reply.partition(b"\r\n\r\n")[2]

    @on_loop
    async def test_an_answer_beyond_the_limit(self, lenient: Screener) -> None:
        async with upstream(saying("x" * 5000)) as up:
            async with house(lenient, up.address, limits={"max_message_bytes": 4096}) as it:
                assert (await ask(it.address, asking("hello"))).status == 502

    @on_loop
    async def test_more_text_than_is_screened(self, strict: Screener) -> None:
        async with upstream() as up, house(strict, up.address, limits={"max_text_chars": 1024}) as it:
            assert (await ask(it.address, asking("x" * 1025))).status == 403
            assert it.final.input_screened is Screened.TOO_LARGE


# The time of packing stands in gzip's header: fixed, so that the same bytes come out twice.
PACK = {"gzip": partial(gzip.compress, mtime=0), "br": brotli.compress, "deflate": zlib.compress}


class TestCodings:
    @pytest.mark.parametrize("name", PACK)
    @on_loop
    async def test_requests_are_screened_and_go_on_unpacked(self, strict: Screener, name: str) -> None:
        async with upstream(saying("fine")) as up, house(strict, up.address) as it:
            for text, status in (("hello", 200), (MAIL, 403)):
                body = json.dumps({"ask": text}).encode()
                data = request("POST", ECHO, PACK[name](body), JSON, f"Content-Encoding: {name}")
                assert (await ask(it.address, data)).status == status
            (arrived,) = up.seen
            assert (arrived.body, arrived.get("content-encoding")) == (b'{"ask": "hello"}', "")

    @pytest.mark.parametrize("name", PACK)
    @on_loop
    async def test_answers(self, strict: Screener, name: str) -> None:
        """Packed as they came, unless a rule changed them."""

        def packed(text: str) -> bytes:
            body = PACK[name](json.dumps({"say": text}).encode())
            return answer(200, body, JSON, f"Content-Encoding: {name}")

        async with (
            upstream(packed("fine"), packed(ADDRESS), packed(MAIL)) as up,
            house(strict, up.address) as it,
        ):
            first = await ask(it.address, asking("hello"))
            assert first.body == packed("fine").partition(b"\r\n\r\n")[2]
            assert first.get("content-encoding") == name
            second = await ask(it.address, asking("hello"))
            assert (told(second), second.get("content-encoding")) == ({"say": "<IP_ADDRESS>"}, "")
            assert (await ask(it.address, asking("hello"))).status == 403

    @on_loop
    async def test_the_model_server_is_offered_what_can_be_read(self, strict: Screener) -> None:
        async with upstream(saying("fine")) as up, house(strict, up.address) as it:
            await ask(it.address, asking("hello", "Accept-Encoding: zstd, br, gzip"))
            await ask(it.address, asking("hello"))
            assert [arrived.get("accept-encoding") for arrived in up.seen] == ["br, gzip", ""]

    @on_loop
    async def test_connection_cannot_hide_the_coding(self, strict: Screener) -> None:
        body = gzip.compress(json.dumps({"ask": "hello"}).encode())
        fields = (JSON, "Content-Encoding: gzip", "Connection: content-encoding")
        async with upstream() as up, house(strict, up.address) as it:
            assert (await ask(it.address, request("POST", ECHO, body, *fields))).status == 400
            assert up.connections == 0


@on_loop
async def test_the_record_comes_before_the_answer(strict: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    start = Call.start

    async def noted(call: Call, status: int, headers: Any) -> None:
        order.append("answer")
        await start(call, status, headers)

    monkeypatch.setattr(Call, "start", noted)
    async with upstream(saying("fine")) as up, house(strict, up.address) as it:
        it.kept.on_write.append(lambda record: order.append("record"))
        for text in ("hello", MAIL):
            await ask(it.address, asking(text))
    assert order == ["record", "answer"] * 2


@on_loop
async def test_no_answer_without_a_record(strict: Screener) -> None:
    async with upstream(saying("secret")) as up, house(strict, up.address) as it:
        it.kept.refuse = True
        for text in ("hello", MAIL):
            seen = await ask(it.address, asking(text))
            assert (seen.status, seen.get("retry-after"), told(seen)["kind"]) == (503, "1", "overloaded")
            assert b"secret" not in seen.body


@on_loop
async def test_a_fault_of_ours_keeps_the_message_back(
    strict: Screener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError(MAIL)

    async with upstream(saying("fine")) as up, house(strict, up.address) as it:
        monkeypatch.setattr(it.driver, "screen", fail)
        seen = await ask(it.address, asking("hello"))
        assert (seen.status, told(seen)["kind"]) == (500, "internal")
        assert MAIL not in str(seen) + caplog.text
        assert "RuntimeError" in caplog.text
    assert (it.final.outcome, it.final.error_type) == (Outcome.REJECTED, "RuntimeError")


@on_loop
async def test_a_caller_that_leaves_while_the_model_thinks(strict: Screener) -> None:
    asked = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        asked.set()
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(strict, up.address) as it:
        connection = await Connection.open(it.address)
        await connection.send(asking("hello"))
        await asked.wait()
        connection.drop()
        await asyncio.wait_for(up.ended.wait(), 5)
        await it.kept.ended.wait()
        assert (it.final.outcome, it.final.grpc_code) == (Outcome.CANCELLED, "499")


@on_loop
async def test_long_bodies_are_read_on_a_thread(strict: Screener) -> None:
    async with upstream(saying("fine")) as up, house(strict, up.address, limits={"inline_chars": 100}) as it:
        assert (await ask(it.address, asking("x " * 1000))).status == 200
        assert (await ask(it.address, asking("x " * 1000 + MAIL))).status == 403
