"""The probabilities that a model server tells of its tokens, beside the texts that they spell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel.adapters.openai import CHAT, COMPLETIONS, RESPONSES, OpenAI, OpenAIConfig
from sentinel.core.exchange import TokenProbability
from tests.adapters.answers import PROMPTS, chunk, event, opened

ADAPTER = OpenAI(OpenAIConfig())
TOKENS = (("The", -0.01), (" bridge", -0.5), (" é", -2.25), (".", 0))
SAID = "The bridge é."
PLACED: tuple[TokenProbability, ...] = ((0, 3, -0.01), (3, 10, -0.5), (10, 12, -2.25), (12, 13, 0.0))


def listed(tokens: tuple[tuple[str, float | None], ...]) -> list[dict[str, Any]]:
    return [{"token": token, "logprob": logprob, "bytes": []} for token, logprob in tokens]


def chat(text: str, tokens: tuple[tuple[str, float | None], ...]) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    told = {"content": listed(tokens), "refusal": None}
    return {"id": "c", "choices": [{"index": 0, "logprobs": told, "message": message}]}


def completion(text: str, tokens: tuple[tuple[str, float | None], ...]) -> dict[str, Any]:
    told = {"tokens": [token for token, _ in tokens], "token_logprobs": [logprob for _, logprob in tokens]}
    return {"id": "c", "choices": [{"index": 0, "text": text, "logprobs": told}]}


def response(text: str, tokens: tuple[tuple[str, float | None], ...]) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": listed(tokens)}
    return {"id": "r", "output": [{"type": "message", "role": "assistant", "content": [part]}]}


MAKERS = [(CHAT, chat), (COMPLETIONS, completion), (RESPONSES, response)]


def told(method: str, answer: dict[str, Any]) -> list[tuple[TokenProbability, ...]]:
    request = ADAPTER.decode_request(method, json.dumps(PROMPTS[method]).encode())
    decoded = ADAPTER.decode_response(method, json.dumps(answer).encode(), request)
    return [part.tokens for part in decoded.parts]


@pytest.mark.parametrize(("method", "make"), MAKERS, ids=["chat", "completions", "responses"])
def test_of_a_whole_answer(method: str, make: Any) -> None:
    assert told(method, make(SAID, TOKENS)) == [PLACED]


@pytest.mark.parametrize(("method", "make"), MAKERS, ids=["chat", "completions", "responses"])
def test_tokens_that_do_not_spell_the_text_tell_nothing(method: str, make: Any) -> None:
    assert told(method, make(SAID + " More.", TOKENS)) == [()]


@pytest.mark.parametrize(("method", "make"), MAKERS[:2], ids=["chat", "completions"])
def test_a_token_without_a_probability_leaves_a_gap(method: str, make: Any) -> None:
    assert told(method, make(SAID, (("The", None), *TOKENS[1:]))) == [PLACED[1:]]


def test_of_a_chat_stream() -> None:
    stream = opened(CHAT)
    first = chunk({"content": "The bridge"})
    first["choices"][0]["logprobs"] = {"content": listed(TOKENS[:2])}
    second = chunk({"content": " é."})
    second["choices"][0]["logprobs"] = {"content": listed(TOKENS[2:])}
    (one,), (two,) = (stream.feed(event(each)) for each in (first, second))
    assert [slot.tokens for slot in one.slots] == [PLACED[:2]]
    assert [slot.tokens for slot in two.slots] == [((0, 2, -2.25), (2, 3, 0.0))]


def test_of_a_stream_of_the_responses_api() -> None:
    stream = opened(RESPONSES)
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    delta = {
        "type": "response.output_text.delta",
        **place,
        "logprobs": listed(TOKENS),
        "delta": SAID,
    }
    (element,) = stream.feed(event(delta))
    assert [slot.tokens for slot in element.slots] == [PLACED]
