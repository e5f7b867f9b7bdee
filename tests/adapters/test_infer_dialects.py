"""The two dialects of ModelStreamInfer, told from bytes alone."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from sentinel.adapters._infer_dialects import FINAL, Dialect, MessageReader
from sentinel.adapters._tensors import PLAIN_NAME
from sentinel.core.errors import WireError
from sentinel.pb import open_inference_pb2 as pb
from tests.adapters.infer import field, final, response, triton, varint

READ = MessageReader()
T, M = Dialect.TRITON, Dialect.MLSERVER
ANSWER = response(("text_output", "hello"))
NAMED = pb.ModelInferResponse(id="id-1")


@pytest.mark.parametrize(
    ("message", "known", "dialect", "said"),
    [
        (triton(ANSWER), None, T, ""),
        (triton(ANSWER), T, T, ""),
        (ANSWER, None, M, "model"),
        (ANSWER, M, M, "model"),
        (triton(NAMED, error="out of memory"), None, T, "out of memory"),
        (triton(pb.ModelInferResponse(), error="no"), None, T, "no"),
        (pb.ModelInferResponse(model_name="m", model_version="v1"), None, M, "m"),
        (pb.ModelInferResponse(model_name="m", model_version="1"), None, M, "m"),
        # Field 1 alone: an error's text or a model's name.
        (pb.ModelStreamInferResponse(error_message="no"), None, None, "no"),
        (pb.ModelStreamInferResponse(error_message="no"), T, T, "no"),
        (pb.ModelStreamInferResponse(error_message="no"), M, M, "no"),
        (b"", None, None, ""),
        (b"", T, T, ""),
    ],
)
def test_recognised(message: Any, known: Dialect | None, dialect: Dialect | None, said: str) -> None:
    read = READ(message if isinstance(message, bytes) else message.SerializeToString(), known)
    assert (read.dialect, read.said) == (dialect, said)


def test_the_response_is_found_in_both() -> None:
    assert READ(triton(ANSWER).SerializeToString(), None).response == ANSWER
    assert READ(ANSWER.SerializeToString(), None).response == ANSWER


@pytest.mark.parametrize(
    ("message", "known", "error"),
    [
        (ANSWER, T, "MLServer's dialect in a stream of Triton's: see adapters.open_inference.stream_dialect"),
        (triton(ANSWER), M, "Triton's dialect in a stream of MLServer's"),
        (field(1, b"m") + field(2, b"my version, in words") + field(3, b"id"), None, "model_version is not"),
        (b"\x0a\xff", None, "do not parse"),
        (b"\x0a\xff", T, "do not parse"),
        (b"\x1a\xff", M, "do not parse"),
        (field(1, b"\xff"), None, "do not parse"),
        (field(2, b"\xff") + field(1, b"oh"), T, "do not parse"),
        # A version that happens to read as a response with a field that no response has.
        (field(1, b"m") + field(2, b"0a"), None, "neither dialect"),
    ],
)
def test_refused(message: Any, known: Dialect | None, error: str) -> None:
    data = message if isinstance(message, bytes) else message.SerializeToString()
    with pytest.raises(WireError, match=error):
        READ(data, known)


def test_no_writing_of_a_triton_message_hides_its_texts() -> None:
    """The tag of field 2 in two bytes, which parsers take."""
    inner = ANSWER.SerializeToString()
    odd = b"\x92\x00" + varint(len(inner)) + inner
    assert pb.ModelStreamInferResponse.FromString(odd).infer_response == ANSWER
    with pytest.raises(WireError):
        READ(odd, None)
    with pytest.raises(WireError):
        READ(odd, T)


@pytest.mark.parametrize(
    ("message", "last"),
    [
        (triton(ANSWER), False),
        (triton(final(ANSWER, False)), False),
        (triton(final(ANSWER, True)), True),
        (triton(final(NAMED, True)), True),
        (triton(final(NAMED, False), error="no"), False),  # more may follow
        (triton(final(NAMED, True), error="no"), True),
        (triton(NAMED, error="no"), True),  # never reached the model
        (ANSWER, False),
        (final(ANSWER, True), False),  # MLServer's answers end with the call
        (pb.ModelStreamInferResponse(error_message="no"), False),
    ],
)
def test_which_message_is_the_last(message: Any, last: bool) -> None:
    assert READ(message.SerializeToString(), None).last is last


def test_a_text_where_the_last_message_is_told_is_a_text() -> None:
    message = response(("text_output", "hello"))
    message.parameters[FINAL].string_param = "a text"
    read = READ(triton(message).SerializeToString(), None)
    assert (read.last, read.parametrised) == (False, True)


values = st.one_of(
    st.just(ANSWER.SerializeToString()), st.binary(max_size=8), st.sampled_from([b"m", b"1", b"v1"])
)
one_field = st.tuples(st.integers(1, 8), values).map(lambda pair: field(*pair))
fields = st.lists(one_field, max_size=4).map(b"".join)


@given(data=fields, known=st.sampled_from([None, T, M]))
def test_nothing_stands_where_only_the_other_dialects_readers_look(
    data: bytes, known: Dialect | None
) -> None:
    try:
        read = READ(data, known)
    except WireError:
        return
    assert known in (None, read.dialect)
    if read.dialect is M:
        assert PLAIN_NAME.fullmatch(read.response.model_version or "-")
        return
    try:
        other = pb.ModelInferResponse.FromString(data)
    except DecodeError:
        return
    assert not (other.id or other.outputs or other.raw_output_contents or other.parameters)
