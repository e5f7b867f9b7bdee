"""Open Inference messages for tests."""

from __future__ import annotations

from typing import Any

from sentinel.pb import open_inference_pb2 as pb

Tensor = tuple[str, *tuple[str | bytes, ...]]  # name, elements


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field as it lies on the wire."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def framed(*elements: bytes) -> bytes:
    """A raw BYTES tensor."""
    return b"".join(len(each).to_bytes(4, "little") + each for each in elements)


def request(
    *tensors: Tensor, raw: bool = False, shape: list[int] | None = None, model: str = "model"
) -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(model_name=model, id="id-1")
    _fill(message.inputs, message.raw_input_contents, tensors, raw, shape)
    return message


def response(*tensors: Tensor, raw: bool = False, model: str = "model") -> pb.ModelInferResponse:
    message = pb.ModelInferResponse(model_name=model, id="id-1")
    _fill(message.outputs, message.raw_output_contents, tensors, raw, None)
    return message


def _fill(messages: Any, entries: Any, tensors: Any, raw: bool, shape: list[int] | None) -> None:
    for name, *texts in tensors:
        elements = [text.encode() if isinstance(text, str) else text for text in texts]
        tensor = messages.add(name=name, datatype="BYTES", shape=shape or [len(elements)])
        if raw:
            entries.append(framed(*elements))
        else:
            tensor.contents.bytes_contents.extend(elements)


def triton(message: pb.ModelInferResponse, error: str = "") -> pb.ModelStreamInferResponse:
    """The message as Triton streams it."""
    return pb.ModelStreamInferResponse(error_message=error, infer_response=message)


def final(message: pb.ModelInferResponse, last: bool) -> pb.ModelInferResponse:
    """A copy that tells whether it is the last."""
    copied = pb.ModelInferResponse()
    copied.CopyFrom(message)
    copied.parameters["triton_final_response"].bool_param = last
    return copied
