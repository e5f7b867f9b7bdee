"""The stand-in model's own reading and writing of tensors: strict as a model server's, and apart from the
adapter, so that one of them can catch the other's mistake."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.pb import open_inference_pb2 as pb


class InvalidRequest(Exception):
    """What the caller sent is not a request for this model."""


def texts(request: pb.ModelInferRequest, name: str) -> list[str]:
    """The elements of a BYTES input; none when the request has no such input."""
    for index, tensor in enumerate(request.inputs):
        if tensor.name == name:
            elements = (
                _unframed(_entry(request, index))
                if request.raw_input_contents
                else list(tensor.contents.bytes_contents)
            )
            try:
                return [element.decode() for element in elements]
            except UnicodeDecodeError:
                raise InvalidRequest(f"the input {name} is not UTF-8") from None
    return []


def flag(request: pb.ModelInferRequest, name: str) -> bool | None:
    """The value of a BOOL input; None when the request has no such input."""
    for index, tensor in enumerate(request.inputs):
        if tensor.name == name:
            if request.raw_input_contents:
                return _entry(request, index) == b"\x01"
            return list(tensor.contents.bool_contents) == [True]
    return None


def reply(request: pb.ModelInferRequest, answers: Sequence[str]) -> pb.ModelInferResponse:
    """`answers` as text_output, in the request's form; counts of words where it asks for counts of tokens."""
    response = pb.ModelInferResponse(model_name=request.model_name, model_version="1", id=request.id)
    output = response.outputs.add(name="text_output", datatype="BYTES", shape=[len(answers)])
    encoded = [answer.encode() for answer in answers]
    if request.raw_input_contents:
        response.raw_output_contents.append(
            b"".join(len(each).to_bytes(4, "little") + each for each in encoded)
        )
    else:
        output.contents.bytes_contents.extend(encoded)
    _count(request, response, "num_input_tokens", texts(request, "text_input"))
    _count(request, response, "num_output_tokens", answers)
    return response


def _count(
    request: pb.ModelInferRequest, response: pb.ModelInferResponse, name: str, counted: Sequence[str]
) -> None:
    if not flag(request, f"return_{name}"):
        return
    output = response.outputs.add(name=name, datatype="UINT32", shape=[len(counted)])
    numbers = [len(text.split()) for text in counted]
    if request.raw_input_contents:
        response.raw_output_contents.append(b"".join(number.to_bytes(4, "little") for number in numbers))
    else:
        output.contents.uint_contents.extend(numbers)


def _entry(request: pb.ModelInferRequest, index: int) -> bytes:
    if len(request.raw_input_contents) != len(request.inputs):
        raise InvalidRequest("raw_input_contents needs one entry for each input")
    return request.raw_input_contents[index]


def _unframed(raw: bytes) -> list[bytes]:
    elements = []
    position = 0
    while position < len(raw):
        start = position + 4
        position = start + int.from_bytes(raw[position:start], "little")
        if position > len(raw):
            raise InvalidRequest("an element is longer than its raw contents")
        elements.append(raw[start:position])
    return elements
