"""What an adapter is: the only reader and writer of a protocol's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from sentinel.core.exchange import Channel, TextPart, TokenProbability


class MethodKind(Enum):
    """What the proxy does with a method."""

    UNARY = "unary"  # one message each way, screened
    ASKED = "asked"  # one request, which says whether its answer is one message or streamed; screened
    SERVER_STREAM = "server_stream"  # one request, a streamed answer; screened
    BIDI_STREAM = "bidi_stream"  # requests and answers as a stream each way; screened
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
    """A request. `request_id` is what the caller calls it, or ""; `streaming` says that its answer comes as a
    stream. One that asks for JSON may have an attribute `schema`, the JSON Schema as text."""

    model: str
    request_id: str
    streaming: bool


class DecodedResponse(Decoded, Protocol):
    """A response. Token counts are 0 where the model does not tell them."""

    model: str
    response_id: str
    input_tokens: int
    output_tokens: int


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A stretch of text in one element of a streamed answer.

    It continues its channel's text, or, `whole`, repeats that text from the beginning. `quoted` text stands
    inside JSON text (tool-call arguments): `text` has its \\u and control escapes decoded, and what replaces
    a part of it is written as the inside of a JSON string. `tokens` as in `TextPart`, by the slot's offsets.
    """

    channel: Channel
    text: str
    whole: bool = False
    quoted: bool = False
    tokens: tuple[TokenProbability, ...] = ()


class Element(Protocol):
    """One element of a streamed answer: a gRPC message, an SSE event.

    `slots` are its texts in their order, `ends` the channels that it ends. Every text that a receiver could
    read is a slot, but for what only describes slots (token ids, log-probabilities).
    """

    slots: Sequence[Slot]
    ends: Sequence[Channel]

    def encode(self, texts: Sequence[str] | None = None) -> bytes:
        """The element as it came, or with `texts[i]` in the place of `slots[i].text` and without whatever
        else tells the old texts."""
        ...

    def head(self, texts: Sequence[str]) -> bytes:
        """An element of the same kind that says no more than `texts`: the part that may leave early. What
        is told once (finish reason, usage, log-probabilities) stays for `encode`."""
        ...


class AnswerStream(Protocol):
    """The decoder of one streamed answer. Keeps what is cut anywhere (a frame, a character, an escape) until
    the rest is there, so that every slot holds whole characters. Facts are those of the elements so far;
    `unread` is that of `Decoded`."""

    model: str
    response_id: str
    input_tokens: int
    output_tokens: int
    unread: tuple[str, ...]

    def feed(self, data: bytes) -> list[Element]:
        """The elements that `data` completes. Raises WireError on what cannot be read."""
        ...

    def close(self) -> list[Element]:
        """The upstream has ended: what was kept. Raises WireError when it is the beginning of an element."""
        ...

    def cut(self, message: str, decision_id: str) -> bytes:
        """What ends the answer for its reader after a block, in place of everything that has not been sent;
        b"" where the transport's status does."""
        ...


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


class StreamAdapter(Adapter, Protocol):
    """A protocol with streamed answers."""

    def open_stream(self, method: str, request: DecodedRequest) -> AnswerStream:
        """The decoder of the streamed answer to `request`."""
        ...


class Routed(msgspec.Struct, frozen=True, gc=False):
    """What a message from the upstream is: part of the answer of `answer`, whose `last` it may be. `silent`:
    we asked for it and not the caller, so nothing is sent for it."""

    answer: AnswerStream
    elements: Sequence[Element]
    last: bool = False
    silent: bool = False


class AnswerCall(Protocol):
    """The answers to the requests of one call, which come mixed.

    `apart`: whether the protocol tells the answers to different requests apart; None while that is not known.
    """

    @property
    def apart(self) -> bool | None: ...

    def open(self, request: DecodedRequest, payload: bytes) -> tuple[AnswerStream, bytes]:
        """The decoder of its answer, and what to send to the upstream in place of `payload`."""
        ...

    def clashes(self, request: DecodedRequest) -> bool:
        """Whether its answer could not be told from that to a request which is open: one of the two is then
        screened as part of the other."""
        ...

    def feed(self, data: bytes) -> Routed:
        """A message of the upstream's. Raises WireError on what cannot be read or belongs to nobody."""
        ...

    def close(self) -> Sequence[AnswerStream]:
        """The upstream has ended: the answers that are still open, for their own `close`."""
        ...


class BidiAdapter(StreamAdapter, Protocol):
    """A protocol with calls that carry several requests and their answers."""

    def open_call(self, method: str, metadata: Mapping[str, str]) -> AnswerCall:
        """The decoder of a call with the caller's metadata."""
        ...


class HttpAdapter(StreamAdapter, Protocol):
    """A protocol over HTTP; its methods are paths."""

    def decode_error(self, method: str, data: bytes) -> Decoded:
        """The body of an upstream's error: every text in it, for it may quote the request or the answer."""
        ...

    def error_body(self, message: str, kind: str, facts: Mapping[str, str]) -> bytes:
        """An error of our own as the protocol's clients read it. `kind` is the protocol-neutral reason (such
        as `blocked`, `malformed`, `overloaded`, `upstream`), `facts` name exchange, decision and rule."""
        ...
