"""Streams about whose sentences the model plane is asked, through each way in."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import grpc
import pytest

from sentinel.core.background import Passage
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Finds
from sentinel.core.record import Outcome, Phase
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.screener import Screener, load_screener
from sentinel.pb import open_inference_pb2 as infer
from tests.proxy.envoy_house import Reply, envoy_house
from tests.proxy.grpc_house import Context, all_of, asking, grpc_house, heard, saying
from tests.proxy.http_house import house, on_loop
from tests.proxy.test_ext_proc import SSE, chat
from tests.proxy.test_http_stream import CHAT, DONE, event, finish_of, paced, read, streaming, text_of
from tests.proxy.test_http_stream import asking as asking_chat
from tests.proxy.test_http_stream import saying as chat_saying
from tests.proxy.test_streamed import heard as heard_tgis
from tests.proxy.test_streamed import saying as tgis_saying
from tests.rawhttp import Connection, ask, upstream

RULES = """
rules:
  - {id: deep, stage: output, detect: {detector: depth}, action: ACTION, message: too deep}
"""


class Served:
    detectors = by_sentence = frozenset({"depth"})
    by_model: Mapping[str, frozenset[str]] = {}
    finds: Finds = {}
    versions: Mapping[str, str] = {}


class Plane:
    """Finds `bad`; answers at once, or about `slow` when it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.slow = asyncio.Event()
        self.cancelled = False

    async def __call__(
        self, passages: Sequence[Passage], detectors: frozenset[str], deadline_ms: int | None
    ) -> list[Inspection]:
        said = [passage.text[passage.start :] for passage in passages]
        self.asked += said
        if any("slow" in text for text in said):
            self.slow.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return [self._about(passage) for passage in passages]

    def _about(self, passage: Passage) -> Inspection:
        at = passage.text.find("bad", passage.start)
        return Inspection((Finding("depth", "DEEP", at, at + 3, 0.9),) if at >= 0 else (), {"depth": 0.5})


Build = Callable[[str], Screener]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    def screener(action: str) -> Screener:
        file = tmp_path_factory.mktemp("rules") / "rules.yaml"
        file.write_text(RULES.replace("ACTION", action))
        cache = tmp_path_factory.getbasetemp() / "cache"
        return load_screener([file], DetectorsConfig(), cache, models=Served())

    return screener


def planned(it: Any) -> Plane:
    """The plane behind a house."""
    it.driver.ask = plane = Plane()
    return plane


SLOW = event("This slow one is bad.\n")
LINE = "This slow one is <DEEP>.\n"
END = event(finish="stop") + DONE


async def heard_until(connection: Connection, data: str) -> None:
    """Returns when that has come."""
    await asyncio.wait_for(connection.reader.readuntil(data.encode()), 10)


@on_loop
async def test_sentences_pass_over_http_while_the_model_goes_on(build: Build) -> None:
    gate, never = asyncio.Event(), asyncio.Event()
    steps = (event("All is well.\n"), gate, SLOW, event("And fine"), never)
    async with upstream(handler=paced(*steps)) as up, house(build("redact"), up.address) as it:
        plane, connection = planned(it), await Connection.open(it.address)
        await connection.send(asking_chat())
        await heard_until(connection, "All is well.")
        gate.set()
        await plane.slow.wait()
        assert plane.asked == ["All is well.", "This slow one is bad."]
        plane.go.set()
        await heard_until(connection, "<DEEP>")  # the model says nothing meanwhile
        assert [record.phase for record in it.kept.records] == [Phase.OPEN, Phase.EDIT]
        connection.drop()
        await it.kept.ended.wait()
    assert it.final.outcome is Outcome.CANCELLED


@pytest.mark.parametrize("size", [1, 40, 100_000])
@on_loop
async def test_the_end_waits_for_what_is_asked(build: Build, size: int) -> None:
    body = chat_saying("Fine. This ", "slow one is b", "ad. So what?", " The en", "d")
    async with upstream(streaming(body, size)) as up, house(build("redact"), up.address) as it:
        plane = planned(it)
        asyncio.get_running_loop().call_later(0.2, plane.go.set)
        seen = await ask(it.address, asking_chat())
        assert text_of(seen) == "Fine. This slow one is <DEEP>. So what? The end"
        assert (finish_of(seen), read(seen)[-1]) == (["stop"], "data: [DONE]")
    assert (it.final.action, it.final.outcome) == ("redact", Outcome.ANSWERED)
    assert it.final.released_chars == it.final.output_chars


@on_loop
async def test_an_answer_of_the_plane_cuts_while_the_model_says_nothing(build: Build) -> None:

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await paced(event("All is well. This slow one is bad. And so"), event(" on"))(reader, writer)
        await up.until_closed(reader)

    async with upstream(handler=handler) as up, house(build("block"), up.address) as it:
        plane = planned(it)
        asyncio.get_running_loop().call_later(0.2, plane.go.set)
        seen = await ask(it.address, asking_chat())
        assert (seen.whole, text_of(seen), finish_of(seen)) == (
            True,
            "All is well. This slow one is ",
            ["content_filter"],
        )
        await asyncio.wait_for(up.ended.wait(), 5)
    assert (it.final.outcome, it.final.rule) == (Outcome.REFUSED, "deep")


@contextlib.asynccontextmanager
async def while_asked(build: Build) -> AsyncIterator[tuple[Any, Plane, Connection]]:
    """The house, its plane, and a caller whose answer waits for what the plane is asked."""
    gate, never = asyncio.Event(), asyncio.Event()
    async with upstream(handler=paced(event("Well.\n"), gate, SLOW, never)) as up:
        async with house(build("redact"), up.address) as it:
            plane, connection = planned(it), await Connection.open(it.address)
            await connection.send(asking_chat())
            await heard_until(connection, "Well.")
            gate.set()
            await plane.slow.wait()
            yield it, plane, connection


@on_loop
async def test_an_edit_that_cannot_be_recorded_ends_the_stream(build: Build) -> None:
    async with while_asked(build) as (it, plane, connection):
        it.kept.refuse = True
        plane.go.set()
        rest = await connection.ended()
        assert not rest.endswith(b"0\r\n\r\n") and b"slow" not in rest
        connection.close()


@on_loop
async def test_nothing_is_asked_for_a_caller_that_left(build: Build) -> None:
    async with while_asked(build) as (it, plane, connection):
        connection.drop()
        await it.kept.ended.wait()
        assert plane.cancelled
    (decision,) = it.final.decisions
    assert decision.failed == {"depth": "the answer ended before it was read"}


@on_loop
async def test_sentences_pass_over_grpc(build: Build) -> None:
    async with grpc_house(
        build("redact"), tgis_saying("Fine. This ", "slow one is bad", ". The", " end")
    ) as it:
        plane = planned(it)
        asyncio.get_running_loop().call_later(0.2, plane.go.set)
        messages = await heard_tgis(it, "how?")
    assert "".join(message.text for message in messages) == "Fine. This slow one is <DEEP>. The end"
    assert plane.asked == ["Fine.", " This slow one is bad.", " The end"]
    (record,) = it.finals()
    assert (record.action, record.outcome) == ("redact", Outcome.ANSWERED)


async def pauses(requests: AsyncIterator[bytes], context: Context) -> None:
    """Says two sentences to each request, then nothing."""
    async for data in requests:
        id = infer.ModelInferRequest.FromString(data).id
        await context.write(saying(f"All is well. This {id} one is bad. And so", id))
    await asyncio.sleep(30)


@on_loop
async def test_requests_of_one_call_wait_each_for_its_own(build: Build) -> None:
    async with grpc_house(build("block"), pauses) as it:
        plane, call = planned(it), it.call()
        for id in ("slow", "quick"):
            await call.write(asking("how?", id))
        messages = []
        while not messages or b"too deep" not in messages[-1]:
            message = await call.read()
            assert isinstance(message, bytes)
            messages.append(message)
        assert heard(messages) == {"quick": "All is well. This quick one is too deep"}
        plane.go.set()
        while len(it.finals()) < 2:
            await call.read()
        call.cancel()
    assert {(record.outcome, record.rule) for record in it.finals()} == {(Outcome.REFUSED, "deep")}


@on_loop
async def test_a_call_of_several_requests_ends_when_an_edit_cannot_be_recorded(build: Build) -> None:
    async with grpc_house(build("redact"), pauses) as it:
        plane, call = planned(it), it.call()
        await call.write(asking("how?", "slow"))
        await plane.slow.wait()
        it.kept.refuse = True
        plane.go.set()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(call)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@on_loop
async def test_a_call_of_one_request_ends_when_an_edit_cannot_be_recorded(build: Build) -> None:
    async with grpc_house(build("redact"), tgis_saying("This slow one is bad. And", end=False)) as it:
        plane = planned(it)
        asked = asyncio.create_task(heard_tgis(it, "how?"))
        await plane.slow.wait()
        it.kept.refuse = True
        plane.go.set()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asked
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@on_loop
async def test_a_plane_that_raises_is_a_fault_of_ours(build: Build) -> None:
    async def broken(*_: object) -> list[Inspection]:
        raise ZeroDivisionError

    async with grpc_house(build("redact"), tgis_saying("This is bad. ", "And")) as it:
        it.driver.ask = broken
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await heard_tgis(it, "how?")
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    (record,) = it.finals()
    assert (record.outcome, record.error_type) == (Outcome.REJECTED, "ZeroDivisionError")


@on_loop
async def test_sentences_pass_through_envoy(build: Build) -> None:
    reply = Reply(200, [SSE], [event("All is well.\n"), None, SLOW, event("And"), END])
    async with envoy_house(build("redact")) as it:
        plane = planned(it)
        plane.go.set()
        seen = await it.exchange(chat(), reply, path=CHAT)
    said = "".join(
        json.loads(line[6:])["choices"][0]["delta"].get("content", "")
        for line in seen.downstream.body.decode().splitlines()
        if line.startswith("data: {")
    )
    assert said == f"All is well.\n{LINE}And"
    assert it.final.action == "redact"
