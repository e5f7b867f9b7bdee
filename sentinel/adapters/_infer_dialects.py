"""Which of two protocols a message of `ModelStreamInfer` is written in. They share the method's path.

    field               1 string        2 string or message   3 ... 6
    Triton's            error_message   infer_response        -
    MLServer's          model_name      model_version         id, parameters, outputs, raw_output_contents

- A message with a field from 3 on is MLServer's: Triton's readers would not see it.
- A message with field 2 and none from 3 on is Triton's, if what is in it reads as a response.
- A message with field 1 alone may be either. Its text counts as an error's, which is screened, unless it is
  the name of the model that was asked.
- A message that contradicts the dialect of its stream is refused: its texts would be looked for in the wrong
  places.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from sentinel.adapters._tensors import PLAIN_NAME
from sentinel.core.errors import WireError

if TYPE_CHECKING:
    from sentinel.pb.open_inference_pb2 import ModelInferResponse, ModelStreamInferResponse


class Dialect(StrEnum):
    TRITON = "triton"
    MLSERVER = "mlserver"


FINAL = "triton_final_response"
_KEY = "adapters.open_inference.stream_dialect"
_BROKEN = "not an answer of ModelStreamInfer: the bytes do not parse"
_SECOND = 1 << 2
_BEYOND = 1 << 3
_TAGS = {0x0A: 1 << 1, 0x12: _SECOND, 0x1A: _BEYOND, 0x22: _BEYOND, 0x2A: _BEYOND, 0x32: _BEYOND}


class StreamMessage(msgspec.Struct, frozen=True, gc=False):
    """A parsed message: `whole` as it travels, `response` the part with the tensors. `dialect` is None while
    the message may be either's. `said` is the text in field 1, `last` says that nothing follows for its
    request, `parametrised` that it has parameters besides that."""

    dialect: Dialect | None
    whole: ModelStreamInferResponse | ModelInferResponse
    response: ModelInferResponse
    said: str
    last: bool
    parametrised: bool


class MessageReader:
    """Holds the generated messages' parsers and is safe to share."""

    def __init__(self) -> None:
        # Here and not above: sentinel.pb says why.
        from sentinel.pb import open_inference_pb2 as pb

        self._wrapped = pb.ModelStreamInferResponse.FromString
        self._bare = pb.ModelInferResponse.FromString

    def __call__(self, data: bytes, known: Dialect | None) -> StreamMessage:
        """`known` is what the stream's earlier messages, or the settings, say. Raises WireError on bytes that
        are no message of it."""
        fields = _fields(data)
        dialect = known
        if fields & _BEYOND:
            if known is Dialect.TRITON:
                raise WireError(f"a message in MLServer's dialect in a stream of Triton's: see {_KEY}")
            dialect = Dialect.MLSERVER
        elif fields & _SECOND:
            if known is Dialect.MLSERVER:
                raise WireError(f"a message in Triton's dialect in a stream of MLServer's: see {_KEY}")
            dialect = Dialect.TRITON
        try:
            if dialect is not Dialect.MLSERVER:
                return _wrapped(self._wrapped(data), dialect, known)
        except DecodeError:
            if known is not None:
                raise WireError(_BROKEN) from None
        try:
            return _bare(self._bare(data))  # at the least a name and a version
        except DecodeError:
            raise WireError(_BROKEN) from None


def _wrapped(
    whole: ModelStreamInferResponse, dialect: Dialect | None, known: Dialect | None
) -> StreamMessage:
    response, error = whole.infer_response, whole.error_message
    if known is None and dialect and error and len(UnknownFieldSet(response)):
        raise WireError(f"an answer of ModelStreamInfer in neither dialect: set {_KEY}")
    parameters = response.parameters
    # Every message of Triton's tells whether it is the last, but an error before the model was reached.
    told = FINAL in parameters and not parameters[FINAL].string_param
    last = parameters[FINAL].bool_param if told else bool(error) and dialect is Dialect.TRITON
    return StreamMessage(dialect, whole, response, error, last, len(parameters) > told)


def _bare(response: ModelInferResponse) -> StreamMessage:
    if response.model_version and not PLAIN_NAME.fullmatch(response.model_version):
        raise WireError(f"model_version is not the name of a version: see {_KEY}")
    parametrised = bool(response.parameters)
    return StreamMessage(Dialect.MLSERVER, response, response, response.model_name, False, parametrised)


def _fields(data: bytes) -> int:
    """The fields that stand in a message, as bits. What is written in no usual way counts as beyond."""
    found = position = 0
    end = len(data)
    while position < end:
        bit = _TAGS.get(data[position], 0)
        if not bit:
            return found | _BEYOND
        found |= bit
        if found & _BEYOND:
            return found
        position += 1
        length = shift = 0
        while position < end:
            byte = data[position]
            position += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        position += length
    return found
