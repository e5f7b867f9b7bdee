"""OpenAI's and Anthropic's own clients, checking every answer and event against their types, through Sentinel
to the stand-in model server over HTTP: by its own front, and by Envoy whose exchanges it processes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import eventually
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.peers.envoy import envoy
from tests.peers.running import Client, Server

pytestmark = pytest.mark.peers

RULES = """
rules:
  - id: mail
    stage: input
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
    operator: pseudonymise
  - id: account
    stage: output
    detect: {detector: pii, type: IBAN_CODE}
    action: redact
  - id: network
    stage: output
    detect: {detector: pii, type: IP_ADDRESS}
    action: block
    message: Addresses of machines stay inside.
  - id: card
    stage: input
    detect: {detector: pii, type: CREDIT_CARD}
    action: block
    message: No cards, please.
"""
MAIL = "jane.doe@example.org"
CARD = "4111 1111 " + "1111 1111"
ACCOUNT = "GB82WEST12345698765432"
HELLO = f'"Zoë" wrote to {MAIL} \\ {MAIL}\nand left'
SECRET = f"The account is {ACCOUNT}, as ever"
REDACTED = "The account is <IBAN_CODE>, as ever"
BLOCKED = "All is well at the quay; the machine has 192.0.2.44 and more"
# What the stand-in's tokens of the account are, and their bytes as log-probabilities tell them.
LEAKS = ["GB82", "ST1234", "WEST", "71,66,56,50", "83,84,49,50"]
MODEL = "ferry-office"
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


@dataclass(frozen=True)
class Way:
    """A way in: where clients connect, and the sidecar that screens."""

    http: str
    sidecar: Sidecar


@pytest.fixture(scope="module", params=["front", "envoy"])
def way(
    request: pytest.FixtureRequest, http_model: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("http-clients")
    if request.param == "front":
        with before(http_model.address, folder) as sidecar:
            yield Way(sidecar.http, sidecar)
        return
    (folder / "rules.yaml").write_text(RULES)
    listen = {"grpc": None, "ext_proc": "127.0.0.1:0"}
    rules = {"paths": [str(folder / "rules.yaml")]}
    with start_sidecar(folder, "127.0.0.1:1", listen=listen, rules=rules) as sidecar:
        with envoy(folder, http_model.address, str(sidecar.info()["ext_proc"])) as it:
            yield Way(it.address, sidecar)


def before(address: str, folder: Path, **config: Any) -> Any:
    rules = folder / "rules.yaml"
    rules.write_text(RULES)
    return start_sidecar(
        folder,
        "127.0.0.1:1",
        listen={"grpc": None, "http": "127.0.0.1:0"},
        upstream={"http": f"http://{address}"},
        rules={"paths": [str(rules)]},
        until_ready=False,
        **config,
    )


class Caller:
    """A client that asks one sidecar."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address

    def ask(self, op: str, path: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
        arguments = {"model": MODEL, **arguments}
        told = {"address": self._address, "strict": True, "path": path, "arguments": arguments} | more
        return self._client.ask(op, **told)

    def value(self, path: str, **arguments: Any) -> dict[str, Any]:
        told = self.ask("create", path, arguments)
        assert "error" not in told, told
        value: dict[str, Any] = told["value"] | {"heard": told["heard"]}
        return value

    def events(self, path: str, *, strict: bool = True, **arguments: Any) -> tuple[list[dict[str, Any]], str]:
        """The events, and the answer's bytes."""
        told = self.ask("create", path, {**arguments, "stream": True}, strict=strict)
        assert "error" not in told, told
        return told["events"], told["heard"]

    def followed(self, path: str, final: str, **arguments: Any) -> dict[str, Any]:
        """What the client's own helper for streams has gathered."""
        told = self.ask("stream", path, arguments, final=final)
        assert "error" not in told, told
        value: dict[str, Any] = told["value"] | {"heard": told["heard"]}
        return value

    def refused(self, path: str, **arguments: Any) -> dict[str, Any]:
        told = self.ask("create", path, arguments)
        assert told.get("error"), told
        return told


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Repeat: {text}"}]


def quiet(heard: str) -> bool:
    return not any(leak in heard for leak in LEAKS)


class TestChatCompletions:
    path, final = "chat.completions.stream", "get_final_completion"

    @pytest.fixture(scope="class")
    @classmethod
    def openai(cls, openai_client: Client, way: Way) -> Caller:
        return Caller(openai_client, way.http)

    def streamed(self, openai: Caller, text: str, **more: Any) -> tuple[dict[int, str], list[Any], str]:
        """Text of each choice, the choices of all events, and the answer's bytes."""
        events, heard = openai.events("chat.completions.create", messages=user(text), **more)
        choices = [choice for event in events for choice in event["choices"]]
        texts: dict[int, str] = {}
        for choice in choices:
            texts[choice["index"]] = texts.get(choice["index"], "") + (choice["delta"]["content"] or "")
        return texts, choices, heard

    def test_whole(self, openai: Caller) -> None:
        told = openai.value("chat.completions.create", messages=user(HELLO), n=2, logprobs=True)
        assert [choice["message"]["content"] for choice in told["choices"]] == [HELLO, HELLO]
        assert told["usage"]["completion_tokens"] > 0

    def test_streamed(self, openai: Caller) -> None:
        options = {"include_usage": True}
        texts, choices, _ = self.streamed(openai, HELLO, n=2, logprobs=True, stream_options=options)
        assert texts == {0: HELLO, 1: HELLO}
        assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop", "stop"]

    def test_the_helper_for_streams(self, openai: Caller) -> None:
        told = openai.followed(self.path, self.final, messages=user(HELLO), n=2)
        assert [choice["message"]["content"] for choice in told["choices"]] == [HELLO, HELLO]

    def test_tool_calls(self, openai: Caller) -> None:
        tools = [{"type": "function", "function": {"name": "send", "parameters": SCHEMA, "strict": False}}]
        told = openai.value("chat.completions.create", messages=user(HELLO), tools=tools)
        calls = told["choices"][0]["message"]["tool_calls"]
        told = openai.followed(self.path, self.final, messages=user(HELLO), tools=tools)
        assert told["choices"][0]["finish_reason"] == "tool_calls"
        for call in (*calls, *told["choices"][0]["message"]["tool_calls"]):
            assert call["function"]["name"] == "send"
            assert json.loads(call["function"]["arguments"]) == {"text": HELLO}

    def test_tool_calls_are_redacted(self, openai: Caller) -> None:
        tools = [{"type": "function", "function": {"name": "send", "parameters": SCHEMA, "strict": False}}]
        told = openai.followed(self.path, self.final, messages=user(SECRET), tools=tools)
        (call,) = told["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == {"text": REDACTED}
        assert quiet(told["heard"])

    def test_reasoning(self, openai: Caller) -> None:
        _, choices, _ = self.streamed(openai, HELLO, reasoning_effort="low")
        thought = "".join(choice["delta"].get("reasoning_content") or "" for choice in choices)
        assert thought == f"The question is: Repeat: {HELLO}"

    @pytest.mark.parametrize("more", [{}, {"logprobs": True, "top_logprobs": 1}, {"reasoning_effort": "low"}])
    def test_what_is_redacted_is_nowhere(self, openai: Caller, more: dict[str, Any]) -> None:
        told = openai.value("chat.completions.create", messages=user(SECRET), **more)
        assert told["choices"][0]["message"]["content"] == REDACTED
        assert quiet(told["heard"])
        texts, _, heard = self.streamed(openai, SECRET, n=2, **more)
        assert texts == {0: REDACTED, 1: REDACTED}
        assert quiet(heard)

    def test_a_blocked_answer(self, openai: Caller) -> None:
        told = openai.refused("chat.completions.create", messages=user(BLOCKED))
        check_refusal(told, "network", "Addresses of machines stay inside.", "output")

    def test_a_blocked_stream(self, openai: Caller) -> None:
        texts, choices, heard = self.streamed(openai, BLOCKED, n=2)
        assert "All is well".startswith(texts[0][:11]) and BLOCKED.startswith(texts[0])
        ended = [choice["index"] for choice in choices if choice["finish_reason"] == "content_filter"]
        assert ended == [0, 1]
        assert choices[-1]["delta"]["refusal"] == "Addresses of machines stay inside."
        assert "192.0" not in heard
        told = openai.ask("stream", self.path, {"messages": user(BLOCKED)}, final=self.final)
        assert told["error"] == "ContentFilterFinishReasonError"  # the helper's own way to tell it

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_blocked_prompt(self, openai: Caller, stream: bool) -> None:
        told = openai.refused("chat.completions.create", messages=user(CARD), stream=stream)
        check_refusal(told, "card", "No cards, please.", "input")
        assert told["body"]["code"] == "content_filter"

    def test_errors_of_the_model_server(self, openai: Caller) -> None:
        told = openai.refused("chat.completions.create", messages=user("x"), n=99)
        assert (told["error"], told["status"]) == ("BadRequestError", 400)
        told = openai.refused("chat.completions.create", messages=user("x"), model="other", stream=True)
        assert (told["error"], told["status"]) == ("NotFoundError", 404)

    def test_the_caller_leaves(self, openai: Caller, way: Way) -> None:
        gone = way.sidecar.total("sentinel_calls_total", code="499")
        arguments = {"messages": user("word " * 2000), "stream": True}
        told = openai.ask("create", "chat.completions.create", arguments, take=5)
        assert len(told["events"]) == 5
        eventually(lambda: way.sidecar.total("sentinel_calls_total", code="499"), lambda now: now == gone + 1)


def check_refusal(told: dict[str, Any], rule: str, message: str, stage: str) -> None:
    assert (told["error"], told["status"]) == ("PermissionDeniedError", 403)
    facts = json.loads(told["heard"])["sentinel" if "type" in json.loads(told["heard"]) else "error"]
    facts = facts.get("sentinel", facts)
    assert (facts["rule"], facts["stage"]) == (rule, stage)
    assert facts["decision_id"] == told["headers"]["sentinel-decision-id"]
    assert message in told["message"]


class TestCompletions:
    @pytest.fixture(scope="class")
    @classmethod
    def openai(cls, openai_client: Client, way: Way) -> Caller:
        return Caller(openai_client, way.http)

    def streamed(self, openai: Caller, text: str, **more: Any) -> tuple[str, str, str]:
        # The type of a whole completion is the chunks' too, which have no reason to finish but at the end.
        events, heard = openai.events("completions.create", strict=False, prompt=f"Repeat: {text}", **more)
        choices = [choice for event in events for choice in event["choices"]]
        return "".join(choice["text"] for choice in choices), choices[-1]["finish_reason"], heard

    def test_whole_and_streamed(self, openai: Caller) -> None:
        told = openai.value("completions.create", prompt=f"Repeat: {HELLO}", echo=True, logprobs=1)
        assert told["choices"][0]["text"] == f"Repeat: {HELLO} {HELLO}"
        assert self.streamed(openai, HELLO, logprobs=1)[:2] == (HELLO, "stop")

    @pytest.mark.parametrize("more", [{}, {"logprobs": 1}, {"echo": True}])
    def test_what_is_redacted_is_nowhere(self, openai: Caller, more: dict[str, Any]) -> None:
        said, _, heard = self.streamed(openai, SECRET, **more)
        assert said == (f"Repeat: {REDACTED} {REDACTED}" if "echo" in more else REDACTED)
        assert quiet(heard)

    def test_blocked(self, openai: Caller) -> None:
        said, ended, heard = self.streamed(openai, BLOCKED)
        assert BLOCKED.startswith(said) and len(said) > 10
        assert ended == "content_filter"
        assert "192.0" not in heard
        told = openai.refused("completions.create", prompt=f"Repeat: {CARD}", stream=True)
        check_refusal(told, "card", "No cards, please.", "input")


class TestResponses:
    path, final = "responses.stream", "get_final_response"

    @pytest.fixture(scope="class")
    @classmethod
    def openai(cls, openai_client: Client, way: Way) -> Caller:
        return Caller(openai_client, way.http)

    @staticmethod
    def text(response: dict[str, Any]) -> str:
        parts = [part for item in response["output"] for part in item.get("content") or []]
        return "".join(part["text"] for part in parts)

    def test_whole(self, openai: Caller) -> None:
        assert self.text(openai.value("responses.create", input=f"Repeat: {HELLO}")) == HELLO

    def test_streamed(self, openai: Caller) -> None:
        events, _ = openai.events("responses.create", input=f"Repeat: {HELLO}")
        said = "".join(each["delta"] for each in events if each["type"] == "response.output_text.delta")
        assert said == self.text(events[-1]["response"]) == HELLO
        assert self.text(openai.followed(self.path, self.final, input=f"Repeat: {HELLO}")) == HELLO

    def test_tool_calls(self, openai: Caller) -> None:
        tools = [{"type": "function", "name": "send", "parameters": SCHEMA, "strict": False}]
        for text, said in ((HELLO, HELLO), (SECRET, REDACTED)):
            told = openai.followed(self.path, self.final, input=f"Repeat: {text}", tools=tools)
            (call,) = told["output"]
            assert json.loads(call["arguments"]) == {"text": said}
            assert quiet(told["heard"])

    def test_what_is_redacted_is_nowhere(self, openai: Caller) -> None:
        told = openai.value("responses.create", input=f"Repeat: {SECRET}")
        assert self.text(told) == REDACTED
        assert quiet(told["heard"])
        told = openai.followed(self.path, self.final, input=f"Repeat: {SECRET}")
        assert self.text(told) == REDACTED
        assert quiet(told["heard"])

    def test_a_blocked_stream(self, openai: Caller) -> None:
        events, heard = openai.events("responses.create", input=f"Repeat: {BLOCKED}")
        assert events[-1]["type"] == "response.incomplete"
        assert events[-1]["response"]["incomplete_details"] == {"reason": "content_filter"}
        assert "192.0" not in heard
        told = openai.ask("stream", self.path, {"input": f"Repeat: {BLOCKED}"}, final=self.final)
        assert told["events"][-1] == "response.incomplete"

    def test_blocked(self, openai: Caller) -> None:
        told = openai.refused("responses.create", input=f"Repeat: {CARD}")
        check_refusal(told, "card", "No cards, please.", "input")
        told = openai.refused("responses.create", input=f"Repeat: {BLOCKED}")
        check_refusal(told, "network", "Addresses of machines stay inside.", "output")


class TestMessages:
    @pytest.fixture(scope="class")
    @classmethod
    def anthropic(cls, anthropic_client: Client, way: Way) -> Caller:
        return Caller(anthropic_client, way.http)

    tools = [{"name": "send", "input_schema": SCHEMA}]
    thinks = {"type": "enabled", "budget_tokens": 1024}

    def whole(self, anthropic: Caller, text: str, **more: Any) -> dict[str, Any]:
        return anthropic.value("messages.create", messages=user(text), max_tokens=2000, **more)

    def followed(self, anthropic: Caller, text: str, **more: Any) -> dict[str, Any]:
        return anthropic.followed(
            "messages.stream", "get_final_message", messages=user(text), max_tokens=2000, **more
        )

    @pytest.mark.parametrize("ask", [whole, followed])
    def test_text(self, anthropic: Caller, ask: Any) -> None:
        told = ask(self, anthropic, HELLO)
        assert [block["text"] for block in told["content"]] == [HELLO]
        assert told["stop_reason"] == "end_turn"

    def test_events(self, anthropic: Caller) -> None:
        events, _ = anthropic.events("messages.create", messages=user(HELLO), max_tokens=2000)
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        assert "".join(delta["text"] for delta in deltas) == HELLO
        assert events[-1]["type"] == "message_stop"

    @pytest.mark.parametrize("ask", [whole, followed])
    def test_thinking(self, anthropic: Caller, ask: Any) -> None:
        thought, said = ask(self, anthropic, HELLO, thinking=self.thinks)["content"]
        assert thought["thinking"] == f"The question is: Repeat: {HELLO}"
        assert said["text"] == HELLO

    @pytest.mark.parametrize("ask", [whole, followed])
    @pytest.mark.parametrize(("text", "said"), [(HELLO, HELLO), (SECRET, REDACTED)])
    def test_a_use_of_a_tool(self, anthropic: Caller, ask: Any, text: str, said: str) -> None:
        told = ask(self, anthropic, text, tools=self.tools)
        (use,) = told["content"]
        assert (use["name"], use["input"], told["stop_reason"]) == ("send", {"text": said}, "tool_use")
        assert quiet(told["heard"])

    @pytest.mark.parametrize("ask", [whole, followed])
    @pytest.mark.parametrize("more", [{}, {"thinking": thinks}])
    def test_what_is_redacted_is_nowhere(self, anthropic: Caller, ask: Any, more: dict[str, Any]) -> None:
        told = ask(self, anthropic, SECRET, **more)
        assert told["content"][-1]["text"] == REDACTED
        assert quiet(told["heard"])

    def test_a_blocked_stream(self, anthropic: Caller) -> None:
        told = self.followed(anthropic, BLOCKED)
        (block,) = told["content"]
        assert BLOCKED.startswith(block["text"]) and len(block["text"]) > 10
        assert told["stop_reason"] == "refusal"
        assert "192.0" not in told["heard"]

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_blocked_prompt(self, anthropic: Caller, stream: bool) -> None:
        told = anthropic.refused("messages.create", messages=user(CARD), max_tokens=9, stream=stream)
        check_refusal(told, "card", "No cards, please.", "input")

    def test_a_blocked_answer(self, anthropic: Caller) -> None:
        told = anthropic.refused("messages.create", messages=user(BLOCKED), max_tokens=9)
        check_refusal(told, "network", "Addresses of machines stay inside.", "output")

    def test_errors_of_the_model_server(self, anthropic: Caller) -> None:
        told = anthropic.refused("messages.create", messages=user("x"), max_tokens=9, model="other")
        assert (told["error"], told["status"]) == ("NotFoundError", 404)

    def test_the_caller_leaves(self, anthropic: Caller, way: Way) -> None:
        gone = way.sidecar.total("sentinel_calls_total", code="499")
        arguments = {"messages": user("word " * 2000), "max_tokens": 9, "stream": True}
        assert len(anthropic.ask("create", "messages.create", arguments, take=5)["events"]) == 5
        eventually(lambda: way.sidecar.total("sentinel_calls_total", code="499"), lambda now: now == gone + 1)


def test_answers_of_our_own_in_place_of_blocked_ones(
    openai_client: Client, anthropic_client: Client, http_model: Server, tmp_path: Path
) -> None:
    message = "Addresses of machines stay inside."
    with before(http_model.address, tmp_path, refusal={"answer": "replace"}) as sidecar:
        openai, anthropic = Caller(openai_client, sidecar.http), Caller(anthropic_client, sidecar.http)
        told = openai.value("chat.completions.create", messages=user(BLOCKED), n=2)
        for choice in told["choices"]:
            assert (choice["message"]["content"], choice["finish_reason"]) == (message, "content_filter")
        told = openai.value("completions.create", prompt=f"Repeat: {BLOCKED}")
        assert told["choices"][0]["text"] == message
        told = openai.value("responses.create", input=f"Repeat: {BLOCKED}")
        assert message in json.dumps(told["output"])
        told = anthropic.value("messages.create", messages=user(BLOCKED), max_tokens=99)
        assert (told["content"][0]["text"], told["stop_reason"]) == (message, "refusal")


@pytest.mark.parametrize("ask", ["create", "stream"])
def test_a_stream_that_is_blocked_from_the_start(
    openai_client: Client, anthropic_client: Client, http_model: Server, tmp_path: Path, ask: str
) -> None:
    """Nothing of the answer could leave before our own."""
    text = "192.0.2.44 is where it is"
    calls = [
        (openai_client, "chat.completions", "get_final_completion", {"messages": user(text)}),
        (openai_client, "responses", "get_final_response", {"input": f"Repeat: {text}"}),
        (anthropic_client, "messages", "get_final_message", {"messages": user(text), "max_tokens": 99}),
    ]
    # How the helpers tell that there is no complete answer, once they have read the stream to its end.
    incomplete = {"chat.completions": "ContentFilterFinishReasonError", "responses": "RuntimeError"}
    with before(http_model.address, tmp_path, refusal={"answer": "replace"}) as sidecar:
        for client, path, final, arguments in calls:
            caller = Caller(client, sidecar.http)
            if ask == "create":
                arguments["stream"] = True
            told = caller.ask(ask, f"{path}.{ask}", arguments, final=final)
            assert told.get("error") == (incomplete.get(path) if ask == "stream" else None), told
            assert "Addresses of machines stay inside." in told["heard"]
            assert "192.0" not in told["heard"]


def test_the_model_server_is_down(openai_client: Client, anthropic_client: Client, tmp_path: Path) -> None:
    with before("127.0.0.1:1", tmp_path) as sidecar:
        for client, path in (
            (openai_client, "chat.completions.create"),
            (anthropic_client, "messages.create"),
        ):
            caller = Caller(client, sidecar.http)
            for stream in (False, True):
                told = caller.refused(path, messages=user("x"), max_tokens=9, stream=stream)
                assert (told["error"], told["status"]) == ("InternalServerError", 502)
                assert re.search("model server", told["message"])
