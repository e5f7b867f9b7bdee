"""Open Inference v2 over gRPC (KServe's protocol, which Triton and MLServer speak too).

Names of tensors come from the servers' own sources and samples: Triton's vLLM and TensorRT-LLM backends,
MLServer's and KServe's Hugging Face runtimes. `open_inference_stream` reads the streaming method.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.adapters._infer_dialects import Dialect, MessageReader
from sentinel.adapters._parameters import Spot, read_parameters, write_parameters
from sentinel.adapters._tensors import Naming, Place, Reading, join_elements, remove, tensor_of, write
from sentinel.adapters.base import DecodedRequest, MethodKind
from sentinel.adapters.open_inference_stream import InferAnswer, InferCall, StreamRules
from sentinel.core.errors import WireError
from sentinel.core.exchange import Role, TextPart

if TYPE_CHECKING:
    from sentinel.adapters._parameters import Message
    from sentinel.pb.open_inference_pb2 import ModelInferResponse

_SERVICE = "/inference.GRPCInferenceService/"
_STREAM = f"{_SERVICE}ModelStreamInfer"
_CONTROL = (
    *("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelConfig"),
    *("ModelStatistics", "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"),
    *("SystemSharedMemoryStatus", "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister"),
    *("CudaSharedMemoryStatus", "CudaSharedMemoryRegister", "CudaSharedMemoryUnregister"),
    *("TraceSetting", "LogSettings"),
)
_MAX_ANSWERS = 1024
_MAX_REMEMBERED = 1024


class OpenInferenceConfig(BaseModel):
    """`adapters.open_inference:`. Tensors are named without regard to case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: tuple[str, ...] = Field(
        (
            *("text_input", "prompt", "prompts", "text", "texts", "input", "inputs", "input-0", "input_text"),
            *("query", "question", "messages", "args", "array_inputs", "decoder_text_input"),
        ),
        description="Input tensors that hold what the user says.",
    )
    system: tuple[str, ...] = Field(
        ("system", "system_prompt", "system_message", "instructions"),
        description="Input tensors that hold instructions to the model.",
    )
    context: tuple[str, ...] = Field(
        ("context", "contexts", "document", "documents", "passages", "retrieved_documents"),
        description="Input tensors that hold documents handed to the model.",
    )
    answer: tuple[str, ...] = Field(
        (
            *("text_output", "output", "outputs", "output-0", "output_text", "generated_text", "predict"),
            *("predictions", "answer", "response", "completion"),
        ),
        description="Output tensors that hold what the model says; the first names an answer of our own when "
        "the request names no output.",
    )
    ignore: tuple[str, ...] = Field(
        (
            *("sampling_parameters", "stream", "stop_words", "bad_words", "embedding_bias_words"),
            *("guided_decoding_guide", "guided_decoding_guide_type", "image", "images", "audio", "video"),
            "finish_reason",
        ),
        description="BYTES tensors that are neither: never read, never edited.",
    )
    unnamed_bytes: Literal["screen", "ignore"] = Field(
        "screen",
        description="BYTES tensors named nowhere above: read them as prompt or answer, or leave them alone.",
    )
    unnamed_binary: Literal["pass", "refuse"] = Field(
        "pass",
        description="Elements of such tensors that are not UTF-8 (a picture, say): pass them unread, or "
        "refuse the message. Tensors listed as prompt, system, context or answer must be UTF-8.",
    )
    shared_memory: Literal["refuse", "pass"] = Field(
        "refuse", description="Text tensors that lie in shared memory, where nothing here can read them."
    )
    max_texts: int = Field(
        10_000, ge=1, description="Most texts in one message; more are refused, which bounds memory."
    )
    side: tuple[str, ...] = Field(
        (
            *("*token_ids*", "output_ids", "input_ids", "*logprob*", "*log_prob*", "*logits*", "token"),
            *("tokens", "*_token", "output_tokens", "generated_tokens", "top_tokens", "*token_text*"),
        ),
        description="Outputs that describe the tokens of the text beside them (`*` stands for any letters): "
        "left out of an answer whose text was edited, for they tell the text that the edit removed, and in a "
        "stream where they come ahead of their text.",
    )
    stream_dialect: Literal["auto", "triton", "mlserver"] = Field(
        "auto",
        description="How the model server writes the messages of ModelStreamInfer; `auto` sees it from them. "
        "With `triton` one request of a stream can be refused from the start, and the others go on.",
    )
    stream_text: Literal["delta", "cumulative"] = Field(
        "delta",
        description="Whether each message of a stream continues the text, or repeats it from the beginning.",
    )
    input_tokens: str = Field("num_input_tokens", description="Output tensor that counts prompt tokens.")
    output_tokens: str = Field("num_output_tokens", description="Output tensor that counts answer tokens.")

    @model_validator(mode="after")
    def _one_meaning_for_a_name(self) -> OpenInferenceConfig:
        if not self.answer:
            raise ValueError("answer needs at least one name, which answers of our own bear")
        seen: dict[str, str] = {}
        for key in ("prompt", "system", "context", "ignore"):
            for name in getattr(self, key):
                if seen.setdefault(name.lower(), key) != key:
                    raise ValueError(f"{name!r} stands in {seen[name.lower()]} and in {key}: keep one")
        both = {name.lower() for name in self.answer} & {name.lower() for name in self.ignore}
        if both:
            raise ValueError(f"{min(both)!r} stands in answer and in ignore: keep one")
        return self


class InferMessage(msgspec.Struct):
    """A decoded message. `data` is as it came; an edit is made on a fresh parse of it."""

    data: bytes
    model: str
    parts: list[TextPart]
    unread: tuple[str, ...]
    places: list[Place]
    spots: list[Spot]
    parse: Any  # the generated message's FromString
    side: ClassVar[str]
    raw: ClassVar[str]

    def encode(self, texts: Sequence[str]) -> bytes:
        edits: list[tuple[Place, bytes]] = []
        parameters: list[tuple[Spot, str]] = []
        count = len(self.places)
        for number, (part, text) in enumerate(zip(self.parts, texts, strict=True)):
            if text == part.text:
                continue
            if number < count:
                edits.append((self.places[number], text.encode()))
            else:
                parameters.append((self.spots[number - count], text))
        if not edits and not parameters:
            return self.data
        message = self.parse(self.data)
        tensors, raw = getattr(message, self.side), getattr(message, self.raw)
        write(tensors, raw, edits)
        write_parameters(message, tensors, parameters)
        self.strip(tensors, raw, [place for place, _ in edits])
        return bytes(message.SerializeToString())

    def strip(self, tensors: Any, raw: Any, edited: Sequence[Place]) -> None:
        """Take out what else tells the old texts of the edited places."""


class InferRequest(InferMessage):
    side: ClassVar[str] = "inputs"
    raw: ClassVar[str] = "raw_input_contents"
    request_id: str
    streaming: bool = False


class InferResponse(InferMessage):
    side: ClassVar[str] = "outputs"
    raw: ClassVar[str] = "raw_output_contents"
    response_id: str
    input_tokens: int
    output_tokens: int
    is_side: Callable[[str], bool]

    def strip(self, tensors: Any, raw: Any, edited: Sequence[Place]) -> None:
        sides = {index for index, tensor in enumerate(tensors) if self.is_side(tensor.name)}
        if sides and any(tensor_of(tensors, raw, place) not in sides for place in edited):
            remove(tensors, raw, sides)


class OpenInference:
    """The adapter. Holds settings only and is safe to share."""

    name = "open_inference"
    methods: Mapping[str, MethodKind] = {
        **{f"{_SERVICE}{method}": MethodKind.CONTROL for method in _CONTROL},
        f"{_SERVICE}ModelInfer": MethodKind.UNARY,
        _STREAM: MethodKind.BIDI_STREAM,
    }

    def __init__(self, config: OpenInferenceConfig) -> None:
        # Here and not above: sentinel.pb says why.
        from sentinel.pb import open_inference_pb2 as pb

        self._config = config
        self._request = pb.ModelInferRequest.FromString
        self._response = pb.ModelInferResponse.FromString
        self._pb = pb
        self._counts = {config.input_tokens, config.output_tokens}
        given = [(config.prompt, Role.PROMPT), (config.system, Role.SYSTEM), (config.context, Role.CONTEXT)]
        self._inputs = self._naming("inputs", given, Role.PROMPT)
        self._outputs = self._naming("outputs", [(config.answer, Role.ANSWER)], Role.ANSWER)
        self._is_side = _matcher(config.side, self._counts)
        self._stream_rules = StreamRules(
            read=MessageReader(),
            naming=self._outputs,
            answers=frozenset(name.lower() for name in config.answer),
            is_side=self._is_side,
            counts=self._stream_counts,
            dialect=None if config.stream_dialect == "auto" else Dialect(config.stream_dialect),
            cumulative=config.stream_text == "cumulative",
        )

    def _naming(
        self, side: str, named: Iterable[tuple[Iterable[str], Role | None]], other: Role | None
    ) -> Naming:
        config = self._config
        everything = [*named, (config.ignore, None)]
        return Naming(
            side=side,
            roles={name.lower(): role for names, role in everything for name in names},
            other=other if config.unnamed_bytes == "screen" else None,
            strict=config.unnamed_binary == "refuse",
            max_texts=config.max_texts,
            shared_memory=config.shared_memory == "pass",
        )

    def decode_request(self, method: str, data: bytes) -> InferRequest:
        try:
            message = self._request(data)
        except DecodeError:
            raise WireError("not a ModelInferRequest: the bytes do not parse") from None
        reading = Reading(self._inputs, message.inputs, message.raw_input_contents)
        return InferRequest(
            data=data,
            model=message.model_name,
            spots=_more_texts(reading, message, Role.PROMPT),
            parts=reading.parts,
            unread=reading.unread,
            places=reading.places,
            request_id=message.id,
            streaming=method == _STREAM,
            parse=self._request,
        )

    def decode_response(self, method: str, data: bytes, request: DecodedRequest) -> InferResponse:
        try:
            message = self._response(data)
        except DecodeError:
            raise WireError("not a ModelInferResponse: the bytes do not parse") from None
        reading = Reading(self._outputs, message.outputs, message.raw_output_contents)
        counts = self._token_counts(message) if len(reading.tensors) > 1 else {}  # an answer and a count
        return InferResponse(
            data=data,
            model=message.model_name,
            spots=_more_texts(reading, message, Role.ANSWER),
            parts=reading.parts,
            unread=reading.unread,
            places=reading.places,
            response_id=message.id,
            input_tokens=counts.get(self._config.input_tokens, 0),
            output_tokens=counts.get(self._config.output_tokens, 0),
            parse=self._response,
            is_side=self._is_side,
        )

    def open_call(self, method: str, metadata: Mapping[str, str]) -> InferCall:
        return InferCall(self._stream_rules, metadata)

    def open_stream(self, method: str, request: DecodedRequest) -> InferAnswer:
        return self.open_call(method, {}).open(request, b"")[0]

    def _stream_counts(self, message: ModelInferResponse) -> tuple[int, int]:
        counts, config = self._token_counts(message), self._config
        return _count(counts.get(config.input_tokens, 0)), _count(counts.get(config.output_tokens, 0))

    def _token_counts(self, message: ModelInferResponse) -> dict[str, int]:
        return {
            output.name: _count(_sum(message, index))
            for index, output in enumerate(message.outputs)
            if output.name in self._counts
        }

    def refusal_response(self, request: DecodedRequest, text: str) -> bytes:
        """One answer for each element of the request's first text tensor, in a tensor of the same shape:
        raw when the request came raw, else typed. Its name is that of the first output the request names.
        """
        assert isinstance(request, InferRequest)
        asked = self._request(request.data)
        shape = _shape_of_answers(asked, request.places)
        answer = self._pb.ModelInferResponse(
            model_name=asked.model_name, model_version=asked.model_version, id=asked.id
        )
        name = asked.outputs[0].name if asked.outputs else self._config.answer[0]
        output = answer.outputs.add(name=name, datatype="BYTES", shape=shape)
        texts = [text.encode()] * math.prod(shape)
        if asked.raw_input_contents:
            answer.raw_output_contents.append(join_elements(texts))
        else:
            output.contents.bytes_contents.extend(texts)
        return answer.SerializeToString()


def _more_texts(reading: Reading, message: Message, role: Role) -> list[Spot]:
    """Add to what was read in the tensors the texts in parameters, of which most messages have none."""
    if not reading.parametrised and not message.parameters:
        return []
    more, spots = read_parameters(message, reading.tensors, role)
    reading.parts += more
    return spots


def _shape_of_answers(asked: Any, places: Sequence[Place]) -> list[int]:
    """The shape of the first text tensor where it fits its elements, else one answer."""
    if not places:
        return [1]
    raw, index, _ = first = places[0]
    if raw and len(asked.raw_input_contents) != len(asked.inputs):
        return [1]  # tensors in shared memory: entry and tensor do not share an index
    texts = sum(place[:2] == first[:2] for place in places)
    shape = list(asked.inputs[index].shape)
    fits = bool(shape) and min(shape) > 0 and math.prod(shape) == texts <= _MAX_ANSWERS
    return shape if fits else [1]


def _matcher(patterns: Iterable[str], never: Collection[str]) -> Callable[[str], bool]:
    """Whether a tensor's name matches; callers and models choose the names, so few are remembered."""
    matches = re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)", re.IGNORECASE).match
    known: dict[str, bool] = {}

    def is_side(name: str) -> bool:
        found = known.get(name)
        if found is None:
            found = name not in never and bool(matches(name))
            if len(known) < _MAX_REMEMBERED:
                known[name] = found
        return found

    return is_side


_WIDTHS = {"UINT32": (4, False), "INT32": (4, True), "UINT64": (8, False), "INT64": (8, True)}


def _count(told: int) -> int:
    """What a record can hold of the model's word: 0 for "unknown" told as -1, and for what is no count."""
    return told if 0 <= told < 1 << 63 else 0


def _sum(message: ModelInferResponse, index: int) -> int:
    """Sum of an integer output, typed or raw; 0 where it is neither."""
    output = message.outputs[index]
    if output.HasField("contents"):
        typed = output.contents
        fields = (typed.uint_contents, typed.int_contents, typed.uint64_contents, typed.int64_contents)
        return sum(map(sum, fields))
    if output.datatype not in _WIDTHS or len(message.raw_output_contents) != len(message.outputs):
        return 0
    width, signed = _WIDTHS[output.datatype]
    raw = message.raw_output_contents[index]
    chunks = (raw[start : start + width] for start in range(0, len(raw), width))
    return sum(int.from_bytes(chunk, "little", signed=signed) for chunk in chunks)
