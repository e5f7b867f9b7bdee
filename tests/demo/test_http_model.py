"""The stand-in model server over HTTP: what is streamed is what the whole answer says. Its agreement with the
official clients is in tests/peers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from sentinel.demo.http_model import start_http_model
from sentinel.demo.model import MODEL

WEEKEND = "When does the first ferry leave at weekends?"
ANSWER = "At weekends the first ferry leaves at 08:00 and the last one at 17:00."
UNICODE = 'Repeat: Zoë said "hi" \\ \t and 🙂'


def ask(path: str, request: dict[str, Any] | bytes, method: str = "POST") -> tuple[int, str, str]:
    """Status, media type, body."""

    async def run() -> tuple[int, str, str]:
        runner, address = await start_http_model("127.0.0.1:0")
        data = request if isinstance(request, bytes) else json.dumps(request).encode()
        try:
            async with aiohttp.ClientSession() as session:
                async with session.request(method, f"http://{address}{path}", data=data) as answer:
                    return answer.status, answer.content_type, await answer.text()
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def whole(path: str, **request: Any) -> Any:
    status, kind, body = ask(path, {"model": MODEL, **request})
    assert (status, kind) == (200, "application/json")
    return json.loads(body)


def events(path: str, **request: Any) -> list[Any]:
    """The data of each event; "[DONE]" as it is."""
    status, kind, body = ask(path, {"model": MODEL, "stream": True, **request})
    assert (status, kind) == (200, "text/event-stream")
    found = []
    for event in body.removesuffix("\n\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.split("\n"))
        data = lines["data"] if lines["data"] == "[DONE]" else json.loads(lines["data"])
        if "event" in lines:
            assert lines["event"] == data["type"]
        found.append(data)
    return found


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "system", "content": "be brief"}, {"role": "user", "content": text}]


TOOL = {"type": "function", "function": {"name": "note", "parameters": {"properties": {"body": {}}}}}


class TestChat:
    PATH = "/v1/chat/completions"

    @pytest.mark.parametrize("text", [WEEKEND, UNICODE, "Repeat:"])
    @pytest.mark.parametrize("n", [1, 3])
    def test_streamed_is_whole(self, text: str, n: int) -> None:
        request = {"messages": user(text), "n": n, "reasoning_effort": "low", "logprobs": True}
        said = whole(self.PATH, **request)
        *chunks, done = events(self.PATH, stream_options={"include_usage": True}, **request)
        assert done == "[DONE]"
        assert chunks[-1]["usage"] == said["usage"]
        for index in range(n):
            of = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
            message = said["choices"][index]["message"]
            for key in ("content", "reasoning_content"):
                assert "".join(choice["delta"].get(key) or "" for choice in of) == message[key]
            told = [
                token["token"]
                for choice in of
                if choice["logprobs"]
                for token in choice["logprobs"]["content"]
            ]
            assert "".join(told) == message["content"]
            assert [choice["finish_reason"] for choice in of][-2:] == [None, "stop"]

    def test_it_answers_from_its_documents(self) -> None:
        assert ANSWER in whole(self.PATH, messages=user(WEEKEND))["choices"][0]["message"]["content"]
        parts = [{"role": "user", "content": [{"type": "text", "text": WEEKEND}]}]
        given = whole(self.PATH, messages=parts, documents=[{"text": "The weekend ferry leaves at noon."}])
        assert given["choices"][0]["message"]["content"] == "The weekend ferry leaves at noon."

    def test_tools(self) -> None:
        """Called first; then it answers from what they say."""
        request = {"messages": user(UNICODE), "tools": [TOOL]}
        (call,) = whole(self.PATH, **request)["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == {"body": UNICODE.removeprefix("Repeat: ")}
        deltas = [chunk["choices"][0]["delta"] for chunk in events(self.PATH, **request)[:-1]]
        told = [delta["tool_calls"][0]["function"]["arguments"] for delta in deltas if "tool_calls" in delta]
        assert "".join(told) == call["function"]["arguments"]
        result = {"role": "tool", "tool_call_id": call["id"], "content": "The tool knows of a ferry."}
        said = whole(self.PATH, messages=[*user("What of the ferry?"), result], tools=[TOOL])
        assert said["choices"][0]["message"]["content"] == "The tool knows of a ferry."


class TestCompletions:
    PATH = "/v1/completions"

    @pytest.mark.parametrize("echo", [False, True])
    def test_streamed_is_whole(self, echo: bool) -> None:
        request = {"prompt": [WEEKEND, "Repeat: x y"], "n": 2, "echo": echo, "logprobs": 1}
        said = whole(self.PATH, **request)
        *chunks, done = events(self.PATH, **request)
        assert done == "[DONE]"
        texts = [choice["text"] for choice in said["choices"]]
        assert texts[2:] == ["Repeat: x y x y" if echo else "x y"] * 2
        for index, text in enumerate(texts):
            of = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == index]
            assert "".join(choice["text"] for choice in of) == text
            assert "".join(said["choices"][index]["logprobs"]["tokens"]) == text


class TestResponses:
    PATH = "/v1/responses"

    def test_streamed_is_whole(self) -> None:
        said = whole(self.PATH, input=UNICODE, instructions="be brief")
        told = events(self.PATH, input=UNICODE)
        assert [event["sequence_number"] for event in told] == list(range(len(told)))
        text = said["output"][0]["content"][0]["text"]
        assert "".join(event["delta"] for event in told if event["type"].endswith("text.delta")) == text
        assert told[-1]["type"] == "response.completed"
        assert told[-1]["response"]["output"][0]["content"] == said["output"][0]["content"]

    def test_tools(self) -> None:
        tool = {"type": "function", "name": "note", "parameters": {"properties": {"body": {}}}}
        request = {
            "input": [{"role": "user", "content": [{"type": "input_text", "text": UNICODE}]}],
            "tools": [tool],
        }
        call = whole(self.PATH, **request)["output"][0]
        assert json.loads(call["arguments"]) == {"body": UNICODE.removeprefix("Repeat: ")}
        told = events(self.PATH, **request)
        assert "".join(event["delta"] for event in told if "delta" in event) == call["arguments"]
        output = {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": "A ferry, says the tool.",
        }
        asked = [{"role": "user", "content": "What of the ferry?"}, call, output]
        said = whole(self.PATH, input=asked, tools=[tool])
        assert said["output"][0]["content"][0]["text"] == "A ferry, says the tool."


class TestMessages:
    PATH = "/v1/messages"

    def test_streamed_is_whole(self) -> None:
        thinking = {"type": "enabled", "budget_tokens": 1024}
        request = {
            "messages": user(UNICODE)[1:],
            "max_tokens": 99,
            "system": "be brief",
            "thinking": thinking,
        }
        said = whole(self.PATH, **request)
        told = events(self.PATH, **request)
        for index, (kind, key) in enumerate([("thinking_delta", "thinking"), ("text_delta", "text")]):
            deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
            text = "".join(delta[key] for delta in deltas if delta["type"] == kind)
            assert text == said["content"][index][key]
        assert told[-2]["delta"]["stop_reason"] == said["stop_reason"] == "end_turn"

    def test_tools(self) -> None:
        tool = {
            "name": "note",
            "input_schema": {"type": "object", "properties": {"body": {"type": "string"}}},
        }
        request = {"messages": user(UNICODE)[1:], "max_tokens": 99, "tools": [tool]}
        said = whole(self.PATH, **request)
        assert said["content"][0]["input"] == {"body": UNICODE.removeprefix("Repeat: ")}
        told = events(self.PATH, **request)
        deltas = [event["delta"]["partial_json"] for event in told if event["type"] == "content_block_delta"]
        assert json.loads("".join(deltas)) == said["content"][0]["input"]
        result = {"type": "tool_result", "tool_use_id": "x", "content": "A ferry, says the tool."}
        asked = [
            {"role": "user", "content": "What of the ferry?"},
            {"role": "assistant", "content": said["content"]},
            {"role": "user", "content": [result]},
        ]
        answer = whole(self.PATH, messages=asked, max_tokens=99, tools=[tool])
        assert answer["content"] == [{"type": "text", "text": "A ferry, says the tool."}]


@pytest.mark.parametrize(
    ("path", "request_", "status"),
    [
        ("/v1/chat/completions", b"{", 400),
        ("/v1/chat/completions", {"model": MODEL}, 400),
        ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "system", "content": "x"}]}, 400),
        ("/v1/chat/completions", {"model": MODEL, "messages": user("x"), "n": 99}, 400),
        ("/v1/chat/completions", {"model": "other", "messages": user("x")}, 404),
        ("/v1/completions", {"model": MODEL, "prompt": [1, 2]}, 400),
        ("/v1/responses", {"model": MODEL}, 400),
        ("/v1/messages", {"model": MODEL, "messages": user("x")}, 400),
        ("/v1/messages", {"model": "other", "messages": user("x"), "max_tokens": 1}, 404),
    ],
)
def test_what_it_cannot_answer(path: str, request_: Any, status: int) -> None:
    seen, kind, body = ask(path, request_)
    assert (seen, kind) == (status, "application/json")
    assert json.loads(body)["error"]["message"]


def test_health_and_models() -> None:
    assert ask("/health", b"", "GET")[0] == 200
    assert json.loads(ask("/v1/models", b"", "GET")[2])["data"][0]["id"] == MODEL
