"""Anthropic over HTTP: /v1/messages, whole answers and server-sent events
(https://docs.anthropic.com/en/api/messages).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from sentinel.adapters._anthropic_answers import MessageStream, refusal, tokens_of, walk_message
from sentinel.adapters._anthropic_requests import walk_request
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
from sentinel.adapters._templates import Templates
from sentinel.adapters.base import AnswerStream, Decoded, DecodedRequest, MethodKind
from sentinel.core.exchange import Role

MESSAGES = "/v1/messages"

# What our reasons are called by Anthropic: https://docs.anthropic.com/en/api/errors.
_ERRORS = {
    "blocked": "invalid_request_error",
    "malformed": "invalid_request_error",
    "unsupported": "invalid_request_error",
    "too_large": "request_too_large",
    "unknown_path": "not_found_error",
    "overloaded": "overloaded_error",
}


class AnthropicConfig(BaseModel):
    """`adapters.anthropic:`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_event_bytes: int = Field(
        4 << 20, ge=1024, description="Longest event of a stream; a longer one ends the answer."
    )
    max_texts: int = Field(
        10_000, ge=1, description="Most texts in one message; more are refused, which bounds memory."
    )


class Anthropic:
    """The adapter. Its state is the templates that all streams share; it is safe to share."""

    name = "anthropic"
    methods: Mapping[str, MethodKind] = {MESSAGES: MethodKind.ASKED}

    def __init__(self, config: AnthropicConfig) -> None:
        self._config = config
        self._templates = Templates()

    def decode_request(self, method: str, data: bytes) -> JsonRequest:
        text, root = read_object(data)
        walk = MessageWalker(text, Role.PROMPT, self._config.max_texts)
        walk_request(root, walk)
        return JsonRequest(**taken(data, root, walk), method=method, streaming=streaming(root))

    def decode_response(self, method: str, data: bytes, request: DecodedRequest) -> JsonResponse:
        text, root = read_object(data)
        walk = MessageWalker(text, Role.ANSWER, self._config.max_texts)
        walk_message(root, walk)
        told, said = tokens_of(root)
        return JsonResponse(
            **taken(data, root, walk),
            response_id=identifier(root, "id"),
            input_tokens=told,
            output_tokens=said,
        )

    def open_stream(self, method: str, request: DecodedRequest) -> AnswerStream:
        return MessageStream(request.model, self._templates, self._config.max_event_bytes)

    def refusal_response(self, request: DecodedRequest, text: str) -> bytes:
        """An answer of our own that says `text`, in the form that the requester reads."""
        return refusal(request.model, text, streamed=request.streaming)

    def decode_error(self, method: str, data: bytes) -> Decoded:
        return read_error(data, self._config.max_texts)

    def error_body(self, message: str, kind: str, facts: Mapping[str, str]) -> bytes:
        error = {"type": _ERRORS.get(kind, "api_error"), "message": message}
        return msgspec.json.encode({"type": "error", "error": error, "sentinel": facts})
