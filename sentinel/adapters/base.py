"""What an adapter is: the only reader and writer of a protocol's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

from sentinel.core.exchange import TextPart


class MethodKind(Enum):
    """What the proxy does with a method."""

    UNARY = "unary"  # one message each way, screened
    STREAM = "stream"  # carries prompts and answers in a way that no screener reads
    CONTROL = "control"  # never carries prompts: readiness, metadata, administration


class Decoded(Protocol):
    """A message and its texts, in the order in which they stand in it.

    `unread` names the places that hold bytes which are not text (images, audio), at most 16 of them; nothing
    has read those.
    """

    parts: list[TextPart]
    unread: tuple[str, ...]

    def encode(self, texts: Sequence[str]) -> bytes:
        """The message with `texts[i]` in the place of `parts[i].text`; the same texts give the same bytes.

        Raises ValueError when the number of texts differs.
        """
        ...


class DecodedRequest(Decoded, Protocol):
    """A request. `request_id` is what the caller calls it, or ""."""

    model: str
    request_id: str


class DecodedResponse(Decoded, Protocol):
    """A response. Token counts are 0 where the model does not tell them."""

    model: str
    response_id: str
    input_tokens: int
    output_tokens: int


class Adapter(Protocol):
    """A protocol. Errors never quote the message."""

    name: str
    methods: Mapping[str, MethodKind]

    def decode_request(self, method: str, data: bytes) -> DecodedRequest:
        """Raises WireError on bytes that are not such a request, or that hide text from us."""
        ...

    def decode_response(self, method: str, data: bytes, request: DecodedRequest) -> DecodedResponse:
        """Raises WireError on bytes that are not such a response, or that hide text from us."""
        ...

    def refusal_response(self, request: DecodedRequest, text: str) -> bytes:
        """An answer of our own that says `text`, in the form that the requester reads."""
        ...
