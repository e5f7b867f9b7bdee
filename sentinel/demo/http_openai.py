"""The stand-in model as OpenAI's chat completions and completions; `reasoning_content`, `echo` and
`documents` as vLLM has them. Only what callers commonly ask for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.demo.http_asked import (
    Asked,
    Event,
    Invalid,
    arguments,
    check_model,
    documents_in,
    first_argument,
    how_many,
    identifier,
    last_turn,
    pieces,
    words,
)
from sentinel.demo.model import MODEL


class Chat:
    """One request of /v1/chat/completions and its answer."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        check_model(request)
        prompt, told, asking = last_turn(request.get("messages"), ("tool", "function"))
        self.asked = Asked(
            prompt,
            told,
            documents_in(request),
            _tool(request) if asking else None,
            how_many(request),
            "reasoning_effort" in request,
        )
        self._logprobs = bool(request.get("logprobs"))
        self._usage = bool((request.get("stream_options") or {}).get("include_usage"))
        self._id, self._created = identifier("chatcmpl"), int(time.time())
        self._call = identifier("call")

    def whole(self, answer: str) -> dict[str, Any]:
        choices = []
        for index in range(self.asked.choices):
            message: dict[str, Any] = {"role": "assistant", "content": answer, "refusal": None}
            if self.asked.thinks:
                message["reasoning_content"] = self.asked.thought
            if self.asked.tool:
                message |= {"content": None, "tool_calls": [self._tool_call(arguments(self.asked, answer))]}
            logprobs = _token_logprobs(answer) if self._logprobs and not self.asked.tool else None
            choice = {"index": index, "message": message, "logprobs": logprobs}
            choices.append(choice | {"finish_reason": self._finish})
        return self._head("chat.completion") | {"choices": choices, "usage": self._tokens(answer)}

    def events(self, answer: str) -> Iterator[Event]:
        for index in range(self.asked.choices):
            yield self._chunk(index, {"role": "assistant", "content": None if self.asked.tool else ""})
        if self.asked.tool:
            yield from self._every({"tool_calls": [{"index": 0, **self._tool_call("")}]})
            for piece in pieces(arguments(self.asked, answer)):
                yield from self._every({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        else:
            for piece in pieces(self.asked.thought):
                yield from self._every({"reasoning_content": piece})
            for piece in pieces(answer):
                yield from self._every({"content": piece}, piece if self._logprobs else "")
        for index in range(self.asked.choices):
            yield self._chunk(index, {}, self._finish)
        if self._usage:
            yield "", self._head("chat.completion.chunk") | {"choices": [], "usage": self._tokens(answer)}

    @property
    def _finish(self) -> str:
        return "tool_calls" if self.asked.tool else "stop"

    def _tool_call(self, text: str) -> dict[str, Any]:
        assert self.asked.tool
        return {
            "id": self._call,
            "type": "function",
            "function": {"name": self.asked.tool[0], "arguments": text},
        }

    def _every(self, delta: dict[str, Any], token: str = "") -> Iterator[Event]:
        for index in range(self.asked.choices):
            yield self._chunk(index, delta, None, _token_logprobs(token) if token else None)

    def _chunk(self, index: int, delta: Any, finish: str | None = None, logprobs: Any = None) -> Event:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return "", self._head("chat.completion.chunk") | {"choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": MODEL}

    def _tokens(self, answer: str) -> dict[str, int]:
        return _usage(words(self.asked.prompt), self.asked.choices * words(answer))


class Completion:
    """One request of /v1/completions and its answer; a list of prompts has an answer for each."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        check_model(request)
        prompt = request.get("prompt")
        prompts = [prompt] if isinstance(prompt, str) else prompt
        if not isinstance(prompts, list) or not all(isinstance(each, str) for each in prompts):
            raise Invalid("prompt must be a string or a list of strings")
        self.prompts: list[str] = prompts
        self._choices = how_many(request)
        self._echo, self._logprobs = bool(request.get("echo")), request.get("logprobs") is not None
        self._id, self._created = identifier("cmpl"), int(time.time())
        self._usage = bool((request.get("stream_options") or {}).get("include_usage"))

    def whole(self, answers: list[str]) -> dict[str, Any]:
        choices = [self._choice(index, text, "stop") for index, text in enumerate(self._texts(answers))]
        return self._head() | {"choices": choices, "usage": self._tokens(answers)}

    def events(self, answers: list[str]) -> Iterator[Event]:
        texts = self._texts(answers)
        for index, text in enumerate(texts):
            for piece in pieces(text):
                yield "", self._head() | {"choices": [self._choice(index, piece, None)]}
            yield "", self._head() | {"choices": [self._choice(index, "", "stop")]}
        if self._usage:
            yield "", self._head() | {"choices": [], "usage": self._tokens(answers)}

    def _texts(self, answers: list[str]) -> list[str]:
        both = zip(self.prompts, answers, strict=True)
        said = [f"{prompt} {answer}" if self._echo else answer for prompt, answer in both]
        return [text for text in said for _ in range(self._choices)]

    def _choice(self, index: int, text: str, finish: str | None) -> dict[str, Any]:
        logprobs = None
        if self._logprobs and text:
            tokens = pieces(text)
            logprobs = {
                "tokens": tokens,
                "token_logprobs": [-0.5] * len(tokens),
                "top_logprobs": [{token: -0.5} for token in tokens],
                "text_offset": [sum(map(len, tokens[:count])) for count in range(len(tokens))],
            }
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}

    def _head(self) -> dict[str, Any]:
        return {"id": self._id, "object": "text_completion", "created": self._created, "model": MODEL}

    def _tokens(self, answers: list[str]) -> dict[str, int]:
        return _usage(words(*self.prompts), self._choices * words(*answers))


def error_body(message: str, status: int) -> dict[str, Any]:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _tool(request: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first function that the caller offers is the one that is called."""
    if request.get("tool_choice") == "none" or not request.get("tools"):
        return None
    function = request["tools"][0].get("function") or {}
    return str(function.get("name", "")), first_argument(function.get("parameters"))


def _token_logprobs(text: str) -> dict[str, Any]:
    def one(token: str) -> dict[str, Any]:
        return {"token": token, "logprob": -0.5, "bytes": list(token.encode())}

    return {
        "content": [one(token) | {"top_logprobs": [one(token)]} for token in pieces(text)],
        "refusal": None,
    }


def _usage(given: int, made: int) -> dict[str, int]:
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
