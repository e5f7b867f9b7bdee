"""TGIS over gRPC: `fmaas.GenerationService`, which IBM's text generation inference server and vLLM's adapter
of the same name serve (https://github.com/IBM/text-generation-inference/blob/main/proto/generation.proto).

An answer may name its tokens, with log-probabilities and candidates. They are told with the text that they
spell, and with no other. Tokens of the prompt, and those of a tokenization, are read as the one text that
they spell; where it is edited they are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field

from sentinel.adapters.base import DecodedRequest, Element, MethodKind, Slot
from sentinel.core.errors import WireError
from sentinel.core.exchange import Channel, Role, TextPart

if TYPE_CHECKING:
    from sentinel.pb.tgis_pb2 import GenerationResponse

_SERVICE = "/fmaas.GenerationService/"
GENERATE = f"{_SERVICE}Generate"
GENERATE_STREAM = f"{_SERVICE}GenerateStream"
TOKENIZE = f"{_SERVICE}Tokenize"

_ANSWER = Channel()
_STOP = Channel(kind="stop_sequence")
_PROMPT = Channel(kind="input_tokens")
_NO_WORD = re.compile(r"[\W_]+")
_MARKER = re.compile(r"<\|[a-z_]{1,32}\|>|</?s>|<pad>|<unk>")  # tokens that stand for no text
# Byte-level tokenizers write each byte as a letter: itself where it is visible, else one from U+0100 on
# (bytes_to_unicode in github.com/openai/gpt-2/blob/master/src/encoder.py).
_VISIBLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_BYTE_LEVEL = {0x100 + place: byte for place, byte in enumerate(sorted(set(range(0x100)) - _VISIBLE))}
_SPACES = str.maketrans("▁ĠĊĉ", "  \n\t")


class TgisConfig(BaseModel):
    """`adapters.tgis:`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_texts: int = Field(
        100_000,
        ge=1,
        description="Most texts in one message, with the tokens of a Tokenize answer; more are refused, "
        "which bounds memory.",
    )


class TgisMessage(msgspec.Struct):
    """A message with texts. `data` is as it came; an edit is made on a fresh parse of it."""

    data: bytes
    method: str
    model: str
    parts: list[TextPart]
    parse: Any  # the generated message's FromString
    unread: tuple[str, ...] = ()
    request_id: str = ""
    streaming: bool = False
    response_id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0

    def encode(self, texts: Sequence[str]) -> bytes:
        old = [part.text for part in self.parts]
        if len(old) != len(texts):
            raise ValueError(f"{len(texts)} texts for {len(old)}")
        if old == list(texts):
            return self.data
        message = self.parse(self.data)
        if isinstance(message, _pb().BatchedTokenizeResponse):
            for response, before, text in zip(_tokenized(message), old, texts, strict=True):
                if text != before:
                    response.ClearField("tokens")
                    response.ClearField("offsets")
        else:
            for (holder, field), before, text in zip(_texts(_holders(message)), old, texts, strict=True):
                if text != before:
                    _write(holder, field, text)
        return bytes(message.SerializeToString())


class Tgis:
    """The adapter. Holds settings only and is safe to share."""

    name = "tgis"
    methods: Mapping[str, MethodKind] = {
        GENERATE: MethodKind.UNARY,
        GENERATE_STREAM: MethodKind.SERVER_STREAM,
        TOKENIZE: MethodKind.UNARY,
        f"{_SERVICE}ModelInfo": MethodKind.CONTROL,
    }

    def __init__(self, config: TgisConfig) -> None:
        pb = _pb()
        self._pb = pb
        self._most = config.max_texts
        self._requests = {
            GENERATE: pb.BatchedGenerationRequest.FromString,
            GENERATE_STREAM: pb.SingleGenerationRequest.FromString,
            TOKENIZE: pb.BatchedTokenizeRequest.FromString,
        }
        self._responses = {
            GENERATE: pb.BatchedGenerationResponse.FromString,
            TOKENIZE: pb.BatchedTokenizeResponse.FromString,
        }

    def decode_request(self, method: str, data: bytes) -> TgisMessage:
        message = _parsed(self._requests[method], data, f"a request of {method}")
        holders = _holders(message)
        self._bound(len(holders))
        single = method == GENERATE_STREAM
        parts = [
            TextPart(Role.PROMPT, holder.text, "request.text" if single else f"requests[{number}].text")
            for number, holder in enumerate(holders)
        ]
        return TgisMessage(data, method, message.model_id, parts, self._requests[method], streaming=single)

    def decode_response(self, method: str, data: bytes, request: DecodedRequest) -> TgisMessage:
        message = _parsed(self._responses[method], data, f"an answer of {method}")
        responses = message.responses[:]
        if method == TOKENIZE:
            self._bound(sum([len(response.tokens) for response in responses]))
            parts = [
                TextPart(Role.ANSWER, _spelled(response.tokens), f"responses[{number}].tokens")
                for number, response in enumerate(responses)
                if response.tokens
            ]
            asked, made = sum([response.token_count for response in responses]), 0
        else:
            self._bound(len(responses))
            parts = [
                TextPart(Role.ANSWER, _read(response, field), f"responses[{number}].{field}")
                for number, response in enumerate(responses)
                for _, field in _texts([response])
            ]
            asked = sum([response.input_token_count for response in responses])
            made = sum([response.generated_token_count for response in responses])
        return TgisMessage(
            data,
            method,
            request.model,
            parts,
            self._responses[method],
            input_tokens=asked,
            output_tokens=made,
        )

    def refusal_response(self, request: DecodedRequest, text: str) -> bytes:
        """`text` in the place of every answer; a tokenization has no place for it."""
        assert isinstance(request, TgisMessage)
        pb = self._pb
        if request.method == TOKENIZE:
            answer = pb.BatchedTokenizeResponse(responses=[pb.TokenizeResponse()] * len(request.parts))
        else:
            each = pb.GenerationResponse(text=text, stop_reason=pb.EOS_TOKEN)
            answer = pb.BatchedGenerationResponse(responses=[each] * len(request.parts))
        return bytes(answer.SerializeToString())

    def open_stream(self, method: str, request: DecodedRequest) -> TgisStream:
        return TgisStream(request.model)

    def _bound(self, texts: int) -> None:
        if texts > self._most:
            raise WireError(f"the message has more than {self._most} texts")


class TgisStream:
    """The answer of GenerateStream: a message about the prompt, then text piece by piece."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.response_id = ""
        self.input_tokens = 0
        self.output_tokens = 0
        self.unread: tuple[str, ...] = ()
        self._parse = _pb().GenerationResponse.FromString

    def feed(self, data: bytes) -> list[Element]:
        message = _parsed(self._parse, data, "an answer of GenerateStream")
        self.input_tokens = max(self.input_tokens, message.input_token_count)
        self.output_tokens = max(self.output_tokens, message.generated_token_count)
        if message.tokens and not _spells(message):
            # They lead the text (a stop sequence may have begun): they would tell what is not decided.
            message.ClearField("tokens")
            data = message.SerializeToString()
        return [TgisElement(data, message)]

    def close(self) -> list[Element]:
        return []

    def cut(self, message: str, decision_id: str) -> bytes:
        return b""


class TgisElement:
    """One message of a stream."""

    __slots__ = ("_data", "_message", "_told", "ends", "slots")

    def __init__(self, data: bytes, message: GenerationResponse) -> None:
        self.slots: Sequence[Slot] = (Slot(_ANSWER, message.text),) if message.text else ()
        self.ends: Sequence[Channel] = (_ANSWER,) if message.stop_reason else ()
        if message.stop_sequence or message.input_tokens:
            # Each is complete in its message, and leaves as a whole.
            told = [(_STOP, message.stop_sequence), (_PROMPT, _spelled(message.input_tokens))]
            more = [Slot(channel, text, whole=True) for channel, text in told if text]
            self.slots = (*self.slots, *more)
            self.ends = (*self.ends, *[slot.channel for slot in more])
        self._data = data
        self._message = message
        self._told = ""  # by heads, of the answer

    def encode(self, texts: Sequence[str] | None = None) -> bytes:
        slots, told = self.slots, self._told
        if texts is None:
            texts = [slot.text for slot in slots]
        elif len(texts) != len(slots):
            raise ValueError("one text for each slot is needed")
        wanted = [text if slot.whole else told + text for slot, text in zip(slots, texts, strict=True)]
        edited = [slot.text != text for slot, text in zip(slots, wanted, strict=True)]
        if not told and not any(edited):
            return self._data
        message = type(self._message).FromString(self._data)
        for slot, text, differs in zip(slots, texts, edited, strict=True):
            if differs:
                _write(message, _FIELDS[slot.channel], text)
            elif not slot.whole:
                message.text = text
        return message.SerializeToString()

    def head(self, texts: Sequence[str]) -> bytes:
        if len(texts) != len(self.slots):
            raise ValueError("one text for each slot is needed")
        text = "".join([text for slot, text in zip(self.slots, texts, strict=True) if not slot.whole])
        self._told += text
        return type(self._message)(text=text).SerializeToString()


_FIELDS = {_ANSWER: "text", _STOP: "stop_sequence", _PROMPT: "input_tokens"}


def _pb() -> Any:
    # Here and not above: sentinel.pb says why.
    from sentinel.pb import tgis_pb2

    return tgis_pb2


def _parsed(parse: Any, data: bytes, what: str) -> Any:
    try:
        return parse(data)
    except DecodeError:
        raise WireError(f"not {what}: the bytes do not parse") from None


def _holders(message: Any) -> Sequence[Any]:
    """The parts of a message that have a text each."""
    fields = message.DESCRIPTOR.fields_by_name
    if "request" in fields:
        return [message.request]
    holders: Sequence[Any] = (message.requests if "requests" in fields else message.responses)[:]
    return holders


def _tokenized(message: Any) -> list[Any]:
    """The parts of a tokenization that name tokens."""
    return [response for response in message.responses if response.tokens]


def _texts(holders: Sequence[Any]) -> list[tuple[Any, str]]:
    """Where the texts of requests or answers lie, as holders and their fields. The first is there if empty
    too."""
    found: list[tuple[Any, str]] = []
    for holder in holders:
        found.append((holder, "text"))
        if "stop_sequence" in holder.DESCRIPTOR.fields_by_name:
            found += [
                (holder, field) for field in ("stop_sequence", "input_tokens") if getattr(holder, field)
            ]
    return found


def _read(holder: Any, field: str) -> str:
    value = getattr(holder, field)
    return value if isinstance(value, str) else _spelled(value)


def _write(holder: Any, field: str, text: str) -> None:
    """Tokens tell what was edited and are left out; requests have none."""
    if field != "input_tokens":
        setattr(holder, field, text)
    if "tokens" in holder.DESCRIPTOR.fields_by_name:
        holder.ClearField("tokens")
        holder.ClearField("input_tokens")


def _spelled(tokens: Sequence[Any]) -> str:
    """The text of tokens, which tokenizers write with marks for white space, or as bytes."""
    joined = "".join([token if isinstance(token, str) else token.text for token in tokens])
    try:
        return _bytes_of(joined).decode()
    except UnicodeError:
        return joined.translate(_SPACES)


def _bytes_of(tokens: str) -> bytes:
    """Of byte-level tokens. Raises UnicodeError where they are others."""
    return tokens.translate(_BYTE_LEVEL).encode("latin-1")


def _spells(message: GenerationResponse) -> bool:
    """Whether the tokens are those of the message's text, spaces and punctuation aside."""
    tokens = _MARKER.sub("", "".join([token.text for token in message.tokens]))
    text = _NO_WORD.sub("", _MARKER.sub("", message.text))
    if text == _NO_WORD.sub("", tokens):
        return True
    try:
        return text == _NO_WORD.sub("", _bytes_of(tokens).decode())
    except UnicodeError:
        return False
