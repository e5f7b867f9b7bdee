"""Streamed answers of the stand-in model through the sidecar over HTTP, many at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import pytest

from tests.e2e.client import eventually
from tests.e2e.processes import end, start
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.rawhttp import Connection, Message, request

RULES = """
rules:
  - id: hide-mail
    stage: output
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
    operator: replace
  - id: no-card
    stage: output
    detect: {detector: pii, type: CREDIT_CARD}
    action: block
"""
CARD = "4111 1111 " + "1111 1111"
MODEL = "ferry-office"
PATHS = {
    "/v1/chat/completions": lambda text: {"messages": [{"role": "user", "content": text}]},
    "/v1/completions": lambda text: {"prompt": text},
}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    directory = tmp_path_factory.mktemp("streams")
    (directory / "rules.yaml").write_text(RULES)
    log = directory / "model.log"
    model = start(["-m", "sentinel.demo.http_model", "--listen", "127.0.0.1:0", "--delay-ms", "1"], log)
    try:
        told = eventually(lambda: re.search(r"listening on (\S+)", log.read_text()), bool)
        assert told
        with start_sidecar(
            directory,
            "127.0.0.1:1",
            workers=2,
            listen={"grpc": None, "http": "127.0.0.1:0"},
            upstream={"http": f"http://{told[1]}"},
            rules={"paths": [str(directory / "rules.yaml")]},
        ) as it:
            yield it
    finally:
        end(model)


async def stream(address: str, path: str, text: str) -> Message:
    body = {"model": MODEL, "stream": True, **PATHS[path](text)}
    connection = await Connection.open(address)
    try:
        await connection.send(
            request("POST", path, json.dumps(body).encode(), "Content-Type: application/json")
        )
        return await connection.answer()
    finally:
        connection.close()


def read(answer: Message) -> tuple[str, list[str]]:
    """The text and the finish reasons."""
    assert answer.whole and answer.body.endswith(b"data: [DONE]\n\n")
    events = [json.loads(block[6:]) for block in answer.body.decode().split("\n\n")[:-2]]
    choices = [event["choices"][0] for event in events]
    texts = [choice.get("text") or choice.get("delta", {}).get("content") or "" for choice in choices]
    return "".join(texts), [choice["finish_reason"] for choice in choices if choice["finish_reason"]]


@pytest.mark.parametrize("path", PATHS)
def test_an_edit_and_a_block(front: Sidecar, path: str) -> None:
    async def both() -> tuple[Message, Message]:
        edited = await stream(front.http, path, "Repeat: write to quokka@example.com, please")
        return edited, await stream(front.http, path, f"Repeat: my card is {CARD}, so there")

    edited, blocked = asyncio.run(both())
    assert read(edited) == ("write to <EMAIL_ADDRESS>, please", ["stop"])
    text, finish = read(blocked)
    assert "my card is ".startswith(text.rstrip() + " ") and finish == ["content_filter"]


def test_streams_never_mix(front: Sidecar) -> None:
    """200 at once, each with values of its own: every caller gets its own words, and nobody a mail
    address."""
    count = 200

    async def all_at_once() -> list[Message]:
        texts = [
            f"Repeat: number {n:03} asked for mail{n:03}@example.com and number {n:03} only"
            for n in range(count)
        ]
        paths = list(PATHS)
        return await asyncio.gather(*[stream(front.http, paths[n % 2], text) for n, text in enumerate(texts)])

    answers = asyncio.run(all_at_once())
    expected = [
        (f"number {n:03} asked for <EMAIL_ADDRESS> and number {n:03} only", ["stop"]) for n in range(count)
    ]
    assert [read(answer) for answer in answers] == expected
