"""OpenAI over HTTP: /v1/chat/completions, /v1/completions and /v1/responses, as OpenAI, vLLM, SGLang,
llama.cpp, Ollama and many others speak them; whole answers and server-sent events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from sentinel.adapters import _openai_completions as completions
from sentinel.adapters import _openai_responses as responses
from sentinel.adapters._json_message import (
    JsonRequest,
    JsonResponse,
    MessageWalker,
    identifier,
    read_error,
    read_object,
    streaming,
    taken,
)
from sentinel.adapters._openai_requests import walk_request
from sentinel.adapters._openai_schema import wanted_schema
from sentinel.adapters._templates import Templates
from sentinel.adapters.base import AnswerStream, Decoded, DecodedRequest, MethodKind
from sentinel.core.exchange import Role

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
_MOST_CHOICES = 128

# What our reasons are called by OpenAI: https://platform.openai.com/docs/guides/error-codes.
_ERRORS = {
    "blocked": ("invalid_request_error", "content_filter"),
    "malformed": ("invalid_request_error", "invalid_request"),
    "unsupported": ("invalid_request_error", "unsupported"),
    "too_large": ("invalid_request_error", "too_large"),
    "unknown_path": ("invalid_request_error", "unknown_path"),
    "overloaded": ("server_error", "server_overloaded"),
    "upstream": ("server_error", "upstream_error"),
}


class OpenAIConfig(BaseModel):
    """`adapters.openai:`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_ids: Literal["refuse", "pass"] = Field(
        "refuse",
        description="Prompts that are token ids, which no rule can read: refuse them or let them pass.",
    )
    max_event_bytes: int = Field(
        4 << 20,
        ge=1024,
        description="Longest event of a stream; a longer one ends the answer, which bounds memory.",
    )
    max_texts: int = Field(
        10_000, ge=1, description="Most texts in one message; more are refused, which bounds memory."
    )


class OpenAI:
    """The adapter. Its state is the templates that all streams share; it is safe to share."""

    name = "openai"
    methods: Mapping[str, MethodKind] = {
        CHAT: MethodKind.ASKED,
        COMPLETIONS: MethodKind.ASKED,
        RESPONSES: MethodKind.ASKED,
    }

    def __init__(self, config: OpenAIConfig) -> None:
        self._config = config
        self._templates = Templates()

    def decode_request(self, method: str, data: bytes) -> JsonRequest:
        text, root = read_object(data)
        walk = MessageWalker(text, Role.PROMPT, self._config.max_texts)
        walk_request(root, walk, token_ids=self._config.token_ids == "pass")
        return JsonRequest(
            **taken(data, root, walk),
            method=method,
            streaming=streaming(root),
            choices=min(max(root.number("n", 1), 1), _MOST_CHOICES),
            schema=wanted_schema(text, root),
        )

    def decode_response(self, method: str, data: bytes, request: DecodedRequest) -> JsonResponse:
        text, root = read_object(data)
        walk = MessageWalker(text, Role.ANSWER, self._config.max_texts)
        if method == RESPONSES:
            responses.walk_response(root, walk)
            told, said = responses.tokens_of(root)
        else:
            completions.walk_answer(root, walk)
            told, said = completions.tokens_of(root)
        return JsonResponse(
            **taken(data, root, walk),
            response_id=identifier(root, "id"),
            input_tokens=told,
            output_tokens=said,
        )

    def open_stream(self, method: str, request: DecodedRequest) -> AnswerStream:
        assert isinstance(request, JsonRequest)
        shared = (request, self._templates, self._config.max_event_bytes)
        if method == RESPONSES:
            return responses.ResponsesStream(*shared)
        return completions.CompletionStream(*shared, chat=method == CHAT)

    def refusal_response(self, request: DecodedRequest, text: str) -> bytes:
        """An answer of our own that says `text`, in the form that the requester reads."""
        assert isinstance(request, JsonRequest)
        if request.method == RESPONSES:
            return responses.refusal(request, text)
        return completions.refusal(request, text, chat=request.method == CHAT)

    def decode_error(self, method: str, data: bytes) -> Decoded:
        return read_error(data, self._config.max_texts)

    def error_body(self, message: str, kind: str, facts: Mapping[str, str]) -> bytes:
        error_type, code = _ERRORS.get(kind, ("server_error", kind))
        error = {"message": message, "type": error_type, "param": None, "code": code, "sentinel": facts}
        return msgspec.json.encode({"error": error})
