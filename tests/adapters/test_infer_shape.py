"""The short way to read a message finds what the parser finds, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.adapters._infer_shape import shape_of
from sentinel.pb import open_inference_pb2 as pb


def bare(text: str, name: str = "m", more: bytes = b"") -> pb.ModelInferResponse:
    message = pb.ModelInferResponse(model_name=name, id="7")
    message.parameters["triton_final_response"].bool_param = False
    message.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    raw = text.encode()
    message.raw_output_contents.append(len(raw).to_bytes(4, "little") + raw)
    if more:
        message.raw_output_contents.append(more)
    return message


def data(text: str, *, wrapped: bool = True, name: str = "m", more: bytes = b"") -> bytes:
    message = bare(text, name, more)
    return (pb.ModelStreamInferResponse(infer_response=message) if wrapped else message).SerializeToString()


@pytest.mark.parametrize("wrapped", [True, False])
@given(st.text(min_size=1, max_size=300), st.text(max_size=300))
def test_a_message_of_the_same_shape(wrapped: bool, first: str, second: str) -> None:
    """Also where lengths take more bytes than before."""
    shape = shape_of(data(first, wrapped=wrapped), first)
    if shape is not None:
        assert shape.text(data(second, wrapped=wrapped)) == second


def test_an_ordinary_token_has_a_shape() -> None:
    shape = shape_of(data(" the"), " the")
    assert shape is not None
    assert shape.text(data(" " + "x" * 500)) == " " + "x" * 500


@pytest.mark.parametrize(
    "other",
    [
        data("a", name="n"),
        data("a", wrapped=False),
        data("a", more=b"\x01\x00\x00\x00b"),
        data("a") + b"\x0a\x01e",
        data("a")[:-1],
        b"",
        b"\x12",
        b"\x12\xff\xff\xff\xff\xff",
    ],
)
def test_another_message_has_not(other: bytes) -> None:
    shape = shape_of(data(" the"), " the")
    assert shape is not None
    assert shape.text(other) is None


@given(st.binary(max_size=80), st.integers(0, 60))
def test_changed_bytes_are_not_read_otherwise_than_the_parser_does(noise: bytes, at: int) -> None:
    shape = shape_of(data(" the"), " the")
    assert shape is not None
    whole = data(" the")
    text = shape.text(changed := whole[:at] + noise + whole[at + len(noise) :])
    if text is not None:
        parsed = pb.ModelStreamInferResponse.FromString(changed)
        expected = pb.ModelStreamInferResponse(infer_response=bare(text))
        assert parsed == expected


def test_a_text_that_stands_twice_has_no_shape() -> None:
    message = data("a", more=b"\x01\x00\x00\x00a")
    assert shape_of(message, "a") is None


def test_broken_text_is_left_to_the_parser() -> None:
    shape = shape_of(data("ab"), "ab")
    assert shape is not None
    assert shape.text(data("ab").replace(b"ab", b"\xff\xfe")) is None
