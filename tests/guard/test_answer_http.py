"""Streamed answers over HTTP, from the model server's bytes to the caller's: however texts are cut into
events and escaped, and events into pieces, they say what screening of the whole answer says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.adapters.anthropic import MESSAGES
from sentinel.adapters.openai import CHAT, COMPLETIONS, RESPONSES
from sentinel.guard.answer import open_answer
from sentinel.guard.commands import Answer, Cut, Send, StreamCommand
from sentinel.guard.events import ResponseRead
from sentinel.guard.screener import Screener
from tests.adapters.answers import PROMPTS, adapter_of
from tests.guard.test_answer import MARGIN, RULES, Build, build, played, session_of, told
from tests.guard.texts import cuts, texts

__all__ = ["build"]  # a fixture

# The channels of an answer in the order in which models fill them; arguments are JSON text around a text.
CHANNELS = {
    CHAT: ["reasoning", "content", "arguments", "other"],
    COMPLETIONS: ["content", "other"],
    RESPONSES: ["reasoning", "content", "arguments"],
    MESSAGES: ["reasoning", "content", "arguments"],
}
Texts = Mapping[str, str]
Cuts = Mapping[str, Sequence[str]]


def tokens(piece: str) -> dict[str, Any]:
    listed = [{"token": char, "logprob": -0.5} for char in piece]
    return {"content": listed}


def chat_choices(said: Texts, member: str) -> list[dict[str, Any]]:
    """The choices of a whole chat completion or of one chunk."""
    first: dict[str, Any] = {}
    if "reasoning" in said:
        first["reasoning_content"] = said["reasoning"]
    if "content" in said:
        first["content"] = said["content"]
    if "arguments" in said:
        call = {"name": "f", "arguments": said["arguments"]}
        first["tool_calls"] = [{"index": 0, "id": "c", "type": "function", "function": call}]
    choices = [{"index": 0, member: first, "logprobs": tokens(said.get("content", ""))}] if first else []
    if "other" in said:
        second = {"content": said["other"]}
        choices.append({"index": 1, member: second, "logprobs": tokens(said["other"])})
    return choices


def completion_choices(said: Texts) -> list[dict[str, Any]]:
    numbered = [(0, "content"), (1, "other")]
    return [{"index": number, "text": said[name]} for number, name in numbered if name in said]


def items(said: Texts) -> list[dict[str, Any]]:
    summary = [{"type": "summary_text", "text": said["reasoning"]}]
    content = [{"type": "output_text", "text": said["content"], "annotations": []}]
    return [
        {"type": "reasoning", "id": "r", "summary": summary},
        {"type": "message", "id": "m", "role": "assistant", "content": content},
        {"type": "function_call", "id": "f", "call_id": "c", "name": "f", "arguments": said["arguments"]},
    ]


def whole_answer(method: str, said: Texts) -> dict[str, Any]:
    head = {"id": "1", "model": "m"}
    if method == CHAT:
        return {**head, "choices": chat_choices(said, "message")}
    if method == COMPLETIONS:
        return {**head, "choices": completion_choices(said)}
    if method == RESPONSES:
        return {**head, "object": "response", "output": items(said)}
    blocks = [
        {"type": "thinking", "thinking": said["reasoning"], "signature": ""},
        {"type": "text", "text": said["content"]},
        {"type": "tool_use", "id": "t", "name": "f", "input": json.loads(said["arguments"])},
    ]
    return {**head, "type": "message", "role": "assistant", "content": blocks}


def response_events(said: Cuts) -> Iterator[dict[str, Any]]:
    names = {
        "reasoning": ("reasoning_summary_text", {"output_index": 0, "summary_index": 0}, "text"),
        "content": ("output_text", {"output_index": 1, "content_index": 0}, "text"),
        "arguments": ("function_call_arguments", {"output_index": 2}, "arguments"),
    }
    full = items({name: "".join(pieces) for name, pieces in said.items()})
    for (name, pieces), item in zip(said.items(), full, strict=True):
        kind, place, member = names[name]
        for piece in pieces:
            yield {"type": f"response.{kind}.delta", **place, "delta": piece}
        yield {"type": f"response.{kind}.done", **place, member: "".join(pieces)}
        yield {"type": "response.output_item.done", "output_index": place["output_index"], "item": item}
    yield {"type": "response.completed", "response": {"id": "1", "object": "response", "output": full}}


def message_events(said: Cuts) -> Iterator[dict[str, Any]]:
    started = {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": []}
    yield {"type": "message_start", "message": started}
    blocks = [
        ({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking"),
        ({"type": "text", "text": ""}, "text_delta", "text"),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {}}, "input_json_delta", "partial_json"),
    ]
    for index, (pieces, (block, kind, member)) in enumerate(zip(said.values(), blocks, strict=True)):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for piece in pieces:
            yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: piece}}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}


def events(method: str, said: Cuts) -> Iterator[dict[str, Any]]:
    if method == RESPONSES:
        yield from response_events(said)
    elif method == MESSAGES:
        yield from message_events(said)
    else:
        for name, pieces in said.items():
            for piece in pieces:
                one = {name: piece}
                choices = chat_choices(one, "delta") if method == CHAT else completion_choices(one)
                yield {"id": "1", "model": "m", "choices": choices}


def heard_whole(method: str, data: bytes) -> dict[str, str]:
    answer = json.loads(data)
    if method == MESSAGES:
        thinking, text, use = answer["content"]
        said = {"reasoning": thinking["thinking"], "content": text["text"]}
        return {**said, "arguments": json.dumps(use["input"])}
    if method == RESPONSES:
        return heard_items(answer["output"])
    said = {}
    for choice in answer["choices"]:
        hear_choice(method, choice, choice.get("message"), said)
    return said


def heard_items(output: list[dict[str, Any]]) -> dict[str, str]:
    reasoning, message, call = output
    return {
        "reasoning": reasoning["summary"][0]["text"],
        "content": message["content"][0]["text"],
        "arguments": call["arguments"],
    }


def hear_choice(
    method: str, choice: dict[str, Any], part: dict[str, Any] | None, said: dict[str, str]
) -> None:
    if method == COMPLETIONS:
        part = {"content": choice["text"]}
    assert part is not None
    content = "other" if choice["index"] else "content"
    found = {"reasoning": part.get("reasoning_content"), content: part.get("content")}
    found["arguments"] = "".join(call["function"]["arguments"] for call in part.get("tool_calls", ()))
    for name, text in found.items():
        if text:
            said[name] = said.get(name, "") + text
    if choice.get("logprobs") is not None:  # the tokens are of text that has left by then
        told_tokens = "".join(each["token"] for each in choice["logprobs"]["content"])
        assert said.get(content, "").endswith(told_tokens)


def hear(method: str, event: dict[str, Any], said: dict[str, str]) -> None:
    """Add what an event says, and check what it repeats."""
    kind = event.get("type", "")
    if method in (CHAT, COMPLETIONS):
        for choice in event["choices"]:
            hear_choice(method, choice, choice.get("delta"), said)
    elif kind == "content_block_delta":
        name = CHANNELS[MESSAGES][event["index"]]
        said[name] = said.get(name, "") + str(list(event["delta"].values())[-1])
    elif kind.endswith(".delta"):
        name = CHANNELS[RESPONSES][event["output_index"]]
        said[name] = said.get(name, "") + event["delta"]
    elif kind == "response.completed":
        assert plain(heard_items(event["response"]["output"])) == plain(said)
    elif kind.endswith("text.done"):
        assert event["text"] == said.get(CHANNELS[RESPONSES][event["output_index"]], "")


def plain(said: Texts) -> dict[str, str]:
    """The texts that a reader finds, the one inside of arguments too."""
    read = {name: text for name, text in said.items() if text}
    if "arguments" in read:
        read["arguments"] = json.loads(read["arguments"])["text"]
    return read


def whole(screener: Screener, method: str, said: Texts, prompt: str) -> dict[str, str] | None:
    """What screening of the whole answer makes of it; None where it is refused."""
    adapter = adapter_of(method)
    request = adapter.decode_request(method, json.dumps({**PROMPTS[method], "stream": False}).encode())
    data = json.dumps(whole_answer(method, said)).encode()
    decoded = adapter.decode_response(method, data, request)
    command = told(session_of(screener, prompt), ResponseRead(decoded.parts))
    if not isinstance(command, Answer):
        return None
    return heard_whole(method, data if command.texts is None else decoded.encode(command.texts))


def streamed(
    screener: Screener, method: str, pieces: Sequence[bytes], prompt: str
) -> tuple[list[StreamCommand], list[dict[str, str]]]:
    """What is done, and what a caller has read after each event."""
    adapter = adapter_of(method)
    request = adapter.decode_request(method, json.dumps(PROMPTS[method]).encode())
    screen = open_answer(session_of(screener, prompt), adapter.open_stream(method, request))
    assert screen is not None
    commands = played(screen, pieces)
    moments: list[dict[str, str]] = [{}]
    for command in commands:
        if isinstance(command, Send):
            for line in command.data.decode().splitlines():
                if line.startswith("data: {"):
                    moments.append(dict(moments[-1]))
                    hear(method, json.loads(line.removeprefix("data: ")), moments[-1])
    return commands, moments


@st.composite
def answers(draw: Callable[..., Any], method: str) -> tuple[dict[str, str], list[bytes]]:
    """Texts by channel, and the bytes of a stream that says them: texts cut into events, escapes chosen, the
    bytes cut anywhere."""
    said: dict[str, str] = {}
    cut: dict[str, list[str]] = {}
    for name in CHANNELS[method]:
        text = draw(texts(3))
        if name == "arguments":
            text = json.dumps({"text": text}, ensure_ascii=draw(st.booleans()))
        said[name] = text
        cut[name] = draw(cuts(text))
    data = b"".join(
        b"data: " + json.dumps(event, ensure_ascii=draw(st.booleans())).encode() + b"\n\n"
        for event in events(method, cut)
    )
    size = draw(st.sampled_from([3, 50, 700, len(data)]))
    return said, [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("method", CHANNELS)
@settings(MARGIN, max_examples=30)
@given(data=st.data())
def test_a_stream_says_what_the_whole_answer_says(build: Build, method: str, data: st.DataObject) -> None:
    """S1, S2 and S5 on the wire."""
    said, pieces = data.draw(answers(method))
    prompt = data.draw(st.sampled_from(["hi", "write to joe@mail.example"]))
    screener = build(RULES.replace("ACTION", "redact"))
    expected = whole(screener, method, said, prompt)
    assert expected is not None
    _, moments = streamed(screener, method, pieces, prompt)
    assert plain(moments[-1]) == plain(expected)
    for moment in moments:
        for name, text in moment.items():
            assert moments[-1][name].startswith(text)
            assert name == "arguments" or expected[name].startswith(text)


@pytest.mark.parametrize("method", CHANNELS)
@settings(MARGIN, max_examples=20)
@given(data=st.data())
def test_a_blocked_stream_has_told_a_beginning_of_the_rest(
    build: Build, method: str, data: st.DataObject
) -> None:
    said, pieces = data.draw(answers(method))
    expected = whole(build(RULES.replace("ACTION", "block")), method, said, "hi")
    unblocked = whole(build(RULES.replace("ACTION", "flag")), method, said, "hi")
    assert unblocked is not None
    commands, moments = streamed(build(RULES.replace("ACTION", "block")), method, pieces, "hi")
    if expected is not None:
        assert plain(moments[-1]) == plain(expected)
        return
    assert isinstance(commands[-1], Cut)
    for name, text in moments[-1].items():
        assert name == "arguments" or unblocked[name].startswith(text)
