"""Calls through Envoy itself, whose exchanges Sentinel processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from sentinel.cli.envoy_config import bootstrap
from sentinel.pb import ext_proc_pb2 as pb
from sentinel.proxy.ext_proc import METHOD
from tests.e2e.client import eventually
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.peers.environments import XDS, ensure
from tests.peers.envoy import accepted, envoy
from tests.proxy.http_house import on_loop
from tests.proxy.test_http_stream import asking, event, finish_of, read, saying, streaming, text_of
from tests.rawhttp import Connection, Message, answer, ask, read_message, request, upstream

pytestmark = pytest.mark.peers

RULES = """
rules:
  - id: no-mail
    stage: both
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: block
    message: No mail addresses, please.
  - id: hide-address
    stage: both
    detect: {detector: pii, type: IP_ADDRESS}
    action: redact
    operator: replace
"""
MAIL = "quokka@example.com"
MIB = 1 << 20
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("envoy-rules") / "rules.yaml"
    path.write_text(RULES)
    return {"paths": [str(path)]}


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory, rules: dict[str, Any]) -> Iterator[Sidecar]:
    """For Envoy alone."""
    listen = {"grpc": None, "ext_proc": "127.0.0.1:0"}
    folder = tmp_path_factory.mktemp("envoy-sidecar")
    with start_sidecar(folder, "127.0.0.1:1", listen=listen, rules=rules) as it:
        yield it


def ext_proc(sidecar: Sidecar) -> str:
    return str(sidecar.info()["ext_proc"])


def said(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return answer(200, json.dumps(body).encode(), JSON)


def content(message: Message) -> str:
    return str(json.loads(message.body)["choices"][0]["message"]["content"])


class TestBootstrap:
    @pytest.mark.parametrize(
        ("upstream", "ext_proc", "tls"),
        [
            ("http://127.0.0.1:8000", "127.0.0.1:8082", False),
            ("https://api.example.com/v1", "unix:/run/sentinel.sock", False),
            ("http://model:8000/prefix", "sentinel:8082", True),
            ("http://[::1]:8000", "[::1]:8082", True),
        ],
    )
    def test_envoy_accepts_it(self, tmp_path: Path, upstream: str, ext_proc: str, tls: bool) -> None:
        authority = tmp_path / "ca.pem"
        trustme.CA().cert_pem.write_to_path(authority)
        value = bootstrap("127.0.0.1:10000", upstream, ext_proc, "127.0.0.1:9901", authority if tls else None)
        (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(value))
        told = accepted(tmp_path / "envoy.yaml")
        assert not told or "ca-certificates.crt" in told  # Debian may lack it

    def test_our_messages_are_envoy_s(self) -> None:
        """Every field that we declare has the number, type and label that it has in Envoy's; the code of a
        status is an enumeration there, and a number here."""
        script = Path(__file__).parent / "clients" / "envoy_schema.py"
        theirs = json.loads(subprocess.run([ensure(XDS), script], capture_output=True, check=True).stdout)
        assert METHOD in theirs["methods"]
        assert dict(pb.BodySendMode.items()) == theirs["modes"]
        for name, message in pb.DESCRIPTOR.message_types_by_name.items():
            for each in message.fields:
                told = [each.number, each.type, int(each.is_repeated)]
                expected = theirs["fields"][name][each.name]
                assert told[::2] == expected[::2], each.full_name
                assert told == expected or (name, each.name) == ("HttpStatus", "code")


class TestWholeAnswers:
    @on_loop
    async def test_both_ways(self, tmp_path: Path, sidecar: Sidecar) -> None:
        async with upstream(said("fine"), said("at 192.0.2.7"), said(f"to {MAIL}"), said("fine")) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                first = await ask(it.address, asking("hello", "X-A: 1", stream=False))
                assert (first.status, content(first)) == (200, "fine")
                assert first.get("sentinel-action") == "allow"
                (arrived,) = up.seen
                assert (arrived.get("x-a"), arrived.get("host")) == ("1", "sidecar")
                assert arrived.get("traceparent") and json.loads(arrived.body)["model"] == "m"
                second = await ask(it.address, asking("at 192.0.2.7", stream=False))
                assert content(second) == "at <IP_ADDRESS>"
                assert json.loads(up.seen[1].body)["messages"][0]["content"] == "at <IP_ADDRESS>"
                third = await ask(it.address, asking("hi", stream=False))
                assert (third.status, third.get("sentinel-action")) == (403, "block")
                assert json.loads(third.body)["error"]["sentinel"]["stage"] == "output"
                refused = await ask(it.address, asking(MAIL, stream=False))
                assert (refused.status, len(up.seen)) == (403, 3)
                assert it.stat("http.callers.ext_proc.streams_failed") == 0
                assert it.stat("http.callers.ext_proc.spurious_msgs_received") == 0

    @on_loop
    async def test_large_bodies(self, tmp_path: Path, sidecar: Sidecar) -> None:
        text = "word " * 200_000
        async with upstream(said(text)) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                seen = await ask(it.address, asking(text, stream=False))
                assert content(seen) == json.loads(up.seen[0].body)["messages"][0]["content"] == text

    @on_loop
    async def test_a_model_that_thinks_before_and_after_its_answer_s_head(
        self, tmp_path: Path, sidecar: Sidecar
    ) -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_message(reader)
            await asyncio.sleep(0.5)  # Envoy waits for 0.2 by default
            head, _, body = said("fine").partition(b"\r\n\r\n")
            writer.write(head + b"\r\n\r\n")
            await asyncio.sleep(0.5)
            writer.write(body)

        async with upstream(handler=handler) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                assert content(await ask(it.address, asking(stream=False))) == "fine"
                assert it.stat("http.callers.ext_proc.message_timeouts") == 0

    @on_loop
    async def test_no_model_server(self, tmp_path: Path, sidecar: Sidecar) -> None:
        with envoy(tmp_path, "127.0.0.1:1", ext_proc(sidecar)) as it:
            seen = await ask(it.address, asking(stream=False))
            assert (seen.status, json.loads(seen.body)["error"]["type"]) == (503, "server_error")


class TestStreams:
    @on_loop
    async def test_elements_leave_as_they_come(self, tmp_path: Path, sidecar: Sidecar) -> None:
        async with upstream(handler=two_steps(event("one "), saying("two"), heard := asyncio.Event())) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                connection = await Connection.open(it.address)
                await connection.send(asking())
                await asyncio.wait_for(connection.reader.readuntil(b"one "), 20)
                heard.set()
                rest = await asyncio.wait_for(connection.reader.readuntil(b"[DONE]"), 20)
                assert b"two" in rest
                connection.close()

    @on_loop
    async def test_an_edit(self, tmp_path: Path, sidecar: Sidecar) -> None:
        body = saying("I am at 192.0", ".2.", "7 or so", ", yes.")
        async with upstream(streaming(body, 50)) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                seen = await ask(it.address, asking())
                assert (text_of(seen), finish_of(seen)) == ("I am at <IP_ADDRESS> or so, yes.", ["stop"])

    @on_loop
    async def test_a_block_after_the_first_byte(self, tmp_path: Path, sidecar: Sidecar) -> None:
        """The answer ends in the protocol's own words, as a whole; the connection serves the next call, and
        the model server is told to stop."""
        async with upstream(handler=endless(event("one "), event(f"to {MAIL}, and"))) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                connection = await Connection.open(it.address)
                await connection.send(asking())
                seen = await connection.answer()
                assert (seen.status, seen.whole, finish_of(seen)) == (200, True, ["content_filter"])
                assert read(seen)[-1] == "data: [DONE]"
                assert "one to ".startswith(text_of(seen)) and b"quokka" not in seen.body
                await asyncio.wait_for(up.ended.wait(), 20)
                await connection.send(asking(MAIL))
                assert (await connection.answer()).status == 403
                connection.close()

    @on_loop
    async def test_a_block_before_the_first_byte(self, tmp_path: Path, sidecar: Sidecar) -> None:
        async with upstream(handler=endless(event(f"{MAIL}, and"))) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                seen = await ask(it.address, asking())
                assert (seen.status, seen.get("sentinel-action")) == (403, "block")

    @on_loop
    async def test_a_caller_that_leaves_ends_the_call_at_the_model_server(
        self, tmp_path: Path, sidecar: Sidecar
    ) -> None:
        before = sidecar.total("sentinel_calls_total", code="499")
        async with upstream(handler=endless(event("one "))) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                connection = await Connection.open(it.address)
                await connection.send(asking())
                await asyncio.wait_for(connection.reader.readuntil(b"one "), 20)
                connection.drop()
                await asyncio.wait_for(up.ended.wait(), 20)
                told = lambda: sidecar.total("sentinel_calls_total", code="499")  # noqa: E731
                assert await asyncio.to_thread(eventually, told, lambda now: now == before + 1)


def two_steps(first: bytes, rest: bytes, heard: asyncio.Event) -> Any:
    """An event stream whose second part waits for `heard`."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(answer(200, first, "Content-Type: text/event-stream", length=False))
        await heard.wait()
        writer.write(rest)
        await writer.drain()

    return handler


def endless(*parts: bytes) -> Any:
    """An event stream that says this, and then the same word again and again."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_message(reader)
        writer.write(answer(200, b"", "Content-Type: text/event-stream", length=False))
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.2)
        while True:
            writer.write(event("word "))
            await writer.drain()
            await asyncio.sleep(0.01)

    return handler


class TestUnread:
    @on_loop
    async def test_other_paths_pass_as_they_come(self, tmp_path: Path, sidecar: Sidecar) -> None:
        before = sidecar.total("sentinel_unscreened_total", reason="unknown_method")
        body = bytes(range(256)) * 4_000
        async with upstream(answer(200, body, "X-B: 1"), answer(204)) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                seen = await ask(it.address, request("PUT", "/files/1?x=%2F", body, "X-A: 1"))
                assert (seen.status, seen.body, seen.get("x-b")) == (200, body, "1")
                (arrived,) = up.seen
                assert (arrived.body, arrived.target, arrived.get("x-a")) == (body, "/files/1?x=%2F", "1")
                assert (await ask(it.address, request("DELETE", "/files/1"))).status == 204
                assert (await ask(it.address, request("HEAD", "/files/1"))).body == b""
        assert sidecar.total("sentinel_unscreened_total", reason="unknown_method") == before + 3

    @on_loop
    async def test_a_slow_caller_slows_the_model_server(self, tmp_path: Path, sidecar: Sidecar) -> None:
        """Through all of it: what nobody takes is not read on and on."""
        sent = [0]

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_message(reader)
            writer.write(answer(200, b"", "Content-Type: application/octet-stream", length=False))
            while sent[0] < 400 * MIB:
                writer.write(bytes(MIB))
                await writer.drain()
                sent[0] += MIB

        async with upstream(handler=handler) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                connection = await Connection.open(it.address)
                await connection.send(request("GET", "/files/1"))
                seen = -1
                while seen != sent[0]:
                    seen = sent[0]
                    await asyncio.sleep(1)
                connection.drop()
        assert 0 < sent[0] < 100 * MIB


class TestFailures:
    @on_loop
    async def test_without_sentinel_nothing_passes(self, tmp_path: Path) -> None:
        async with upstream(said("fine")) as up:
            with envoy(tmp_path, up.address, "127.0.0.1:1") as it:
                for data in (asking(stream=False), request("GET", "/other")):
                    assert (await ask(it.address, data)).status >= 500
            assert not up.seen

    @on_loop
    async def test_a_sentinel_that_dies_ends_the_streams_that_it_reads(
        self, tmp_path: Path, rules: dict[str, Any]
    ) -> None:
        """What is left of an answer does not pass unread."""
        listen = {"grpc": None, "ext_proc": "127.0.0.1:0"}
        async with upstream(handler=endless(event("one "))) as up:
            with start_sidecar(tmp_path, "127.0.0.1:1", listen=listen, rules=rules) as sidecar:
                with envoy(tmp_path, up.address, ext_proc(sidecar)) as it:
                    connection = await Connection.open(it.address)
                    await connection.send(asking())
                    await asyncio.wait_for(connection.reader.readuntil(b"one "), 20)
                    await asyncio.to_thread(sidecar.kill9)
                    rest = await connection.ended()
                    connection.close()
                    assert not rest.endswith(b"0\r\n\r\n")
                    await asyncio.wait_for(up.ended.wait(), 20)

    @pytest.mark.parametrize("side", ["request", "response"])
    @on_loop
    async def test_another_body_mode(self, tmp_path: Path, sidecar: Sidecar, side: str) -> None:
        def buffered(value: dict[str, Any]) -> None:
            manager = value["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
            filter_ = manager["typed_config"]["http_filters"][0]["typed_config"]
            filter_["processing_mode"][f"{side}_body_mode"] = "BUFFERED"

        async with upstream(said("fine")) as up:
            with envoy(tmp_path, up.address, ext_proc(sidecar), buffered) as it:
                seen = await ask(it.address, asking(stream=False))
            told = json.loads(seen.body)["error"]["message"]
            assert (seen.status, f"{side}_body_mode" in told) == (500, True)
            assert not up.seen


@on_loop
async def test_over_tls(tmp_path: Path, rules: dict[str, Any]) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    listen = {
        "grpc": None,
        "ext_proc": "127.0.0.1:0",
        "tls": {"certificate": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")},
    }
    async with upstream(said("fine")) as up:
        with start_sidecar(tmp_path, "127.0.0.1:1", listen=listen, rules=rules) as sidecar:
            with envoy(tmp_path, up.address, ext_proc(sidecar), ca=tmp_path / "ca.pem") as it:
                assert content(await ask(it.address, asking(stream=False))) == "fine"
            (tmp_path / "other.pem").write_bytes(trustme.CA().cert_pem.bytes())
            with envoy(tmp_path, up.address, ext_proc(sidecar), ca=tmp_path / "other.pem") as it:
                assert (await ask(it.address, asking(stream=False))).status >= 500


@on_loop
async def test_over_a_unix_socket(tmp_path: Path, rules: dict[str, Any]) -> None:
    listen = {"grpc": None, "ext_proc": f"unix:{tmp_path}/s.sock"}
    async with upstream(said("fine")) as up:
        with start_sidecar(tmp_path, "127.0.0.1:1", listen=listen, rules=rules):
            with envoy(tmp_path, up.address, listen["ext_proc"] or "") as it:
                assert content(await ask(it.address, asking(stream=False))) == "fine"
