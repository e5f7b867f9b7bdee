"""OpenAI's client talks through Sentinel, by its own front and by Envoy, under the bundled rules, to a model
server of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.sidecar import start_sidecar
from tests.peers.envoy import envoy
from tests.peers.running import Client, Server

pytestmark = pytest.mark.peers

PROMPT = "write to jane@example.org now"
ARRIVES = "write to <EMAIL_ADDRESS_1> now"
ANSWER = f"You said {PROMPT} Ask <EMAIL_ADDRESS> for more."


@pytest.fixture(scope="module", params=["front", "envoy"])
def way(
    request: pytest.FixtureRequest, litserve_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the client connects."""
    folder, model = tmp_path_factory.mktemp("litserve-screened"), litserve_server.address
    if request.param == "front":
        listen, http = {"grpc": None, "http": "127.0.0.1:0"}, {"http": f"http://{model}"}
        with start_sidecar(folder, "127.0.0.1:1", listen=listen, upstream=http) as it:
            yield it.http
        return
    listen = {"grpc": None, "ext_proc": "127.0.0.1:0"}
    with start_sidecar(folder, "127.0.0.1:1", listen=listen) as it:
        with envoy(folder, model, str(it.info()["ext_proc"])) as before:
            yield before.address


def ask(client: Client, address: str, text: str, *, stream: bool) -> dict[str, object]:
    arguments = {"model": "words", "messages": [{"role": "user", "content": text}], "stream": stream}
    # Its chunks have no more than the client needs to read them.
    return client.ask(
        "create", address=address, strict=False, path="chat.completions.create", arguments=arguments
    )


def said(told: dict[str, object]) -> str:
    events = told["events"]
    assert isinstance(events, list)
    choices = [choice for event in events for choice in event["choices"]]
    return "".join(choice["delta"]["content"] or "" for choice in choices)


def test_a_whole_answer(openai_client: Client, litserve_server: Server, way: str) -> None:
    litserve_server.seen()
    told = ask(openai_client, way, PROMPT, stream=False)
    assert told["value"]["choices"][0]["message"]["content"] == ANSWER  # type: ignore[index]
    assert litserve_server.seen() == [ARRIVES]


def test_a_stream(openai_client: Client, litserve_server: Server, way: str) -> None:
    litserve_server.seen()
    told = ask(openai_client, way, PROMPT, stream=True)
    assert "error" not in told
    assert said(told) == ANSWER
    assert "ottilie" not in str(told["heard"])
    assert litserve_server.seen() == [ARRIVES]


def test_a_stream_that_fails_in_the_middle(openai_client: Client, litserve_server: Server, way: str) -> None:
    """What came before the failure is had. The error stands in a line without an end, which is no event."""
    direct = ask(openai_client, litserve_server.address, "stumble, then go on", stream=True)
    through = ask(openai_client, way, "stumble, then go on", stream=True)
    assert said(through) == said(direct)
    assert said(through).startswith("You said stumble, then go on Ask ")
    assert through.get("error") == direct.get("error")
