"""Open Inference messages: which tensors are text, and that an edit changes nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.adapters.base import MethodKind
from sentinel.adapters.open_inference import OpenInference, OpenInferenceConfig
from sentinel.core.errors import WireError
from sentinel.core.exchange import Role
from sentinel.pb import open_inference_pb2 as pb
from tests.adapters.infer import field, framed, request, response, varint

INFER = "/inference.GRPCInferenceService/ModelInfer"
ADAPTER = OpenInference(OpenInferenceConfig())


def with_settings(**settings: Any) -> OpenInference:
    return OpenInference(OpenInferenceConfig(**settings))


def texts_of(decoded: Any) -> list[tuple[str, str, str]]:
    return [(part.role.value, part.text, part.path) for part in decoded.parts]


def decode(message: Any, adapter: OpenInference = ADAPTER) -> Any:
    return adapter.decode_request(INFER, message.SerializeToString())


def answered(message: Any, adapter: OpenInference = ADAPTER) -> Any:
    return adapter.decode_response(INFER, message.SerializeToString(), decode(request(("text_input", "q"))))


# Which tensors are text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("text_input", Role.PROMPT),  # Triton's vLLM and TensorRT-LLM backends
        ("args", Role.PROMPT),  # MLServer's Hugging Face runtime
        ("array_inputs", Role.PROMPT),
        ("question", Role.PROMPT),
        ("input-0", Role.PROMPT),  # KServe's Hugging Face runtime
        ("TEXT_INPUT", Role.PROMPT),
        ("system_prompt", Role.SYSTEM),
        ("context", Role.CONTEXT),
        ("Documents", Role.CONTEXT),
        ("whatever_the_model_calls_it", Role.PROMPT),  # another name is no way around the rules
    ],
)
@pytest.mark.parametrize("raw", [False, True])
def test_roles_of_inputs(name: str, role: Role, raw: bool) -> None:
    assert texts_of(decode(request((name, "hello"), raw=raw))) == [
        (role.value, "hello", f"inputs[{name}][0]")
    ]


@pytest.mark.parametrize("name", ["sampling_parameters", "stop_words", "image", "STREAM"])
@pytest.mark.parametrize("raw", [False, True])
def test_ignored_inputs(name: str, raw: bool) -> None:
    assert texts_of(decode(request((name, "hello"), ("text_input", "q"), raw=raw))) == [
        ("prompt", "q", "inputs[text_input][0]")
    ]


@pytest.mark.parametrize("name", ["text_output", "predict", "output-0", "something_else", "context"])
@pytest.mark.parametrize("raw", [False, True])
def test_outputs_are_answers(name: str, raw: bool) -> None:
    assert texts_of(answered(response((name, "hello"), raw=raw))) == [
        ("answer", "hello", f"outputs[{name}][0]")
    ]


def test_every_element_of_every_tensor() -> None:
    message = request(("text_input", "a", "b"), ("context", "c"), ("text_input", "d"))
    assert [part.text for part in decode(message).parts] == ["a", "b", "c", "d"]


def test_other_datatypes_are_not_text() -> None:
    message = request(("text_input", "q"), raw=True)
    message.inputs.add(name="stream", datatype="BOOL", shape=[1])
    message.inputs.add(name="top_k", datatype="INT32", shape=[1])
    message.raw_input_contents.extend([b"\x01", b"\x04\x00\x00\x00"])
    assert [part.text for part in decode(message).parts] == ["q"]


def test_typed_bytes_are_read_whatever_the_datatype_says() -> None:
    message = request(("text_input", "q"))
    message.inputs[0].datatype = "FP32"
    assert [part.text for part in decode(message).parts] == ["q"]


def test_both_forms_at_once_are_both_read() -> None:
    """Servers differ in the one that they read."""
    message = request(("text_input", "raw"), raw=True)
    message.inputs[0].contents.bytes_contents.append(b"typed")
    decoded = decode(message)
    assert [part.text for part in decoded.parts] == ["typed", "raw"]
    edited = pb.ModelInferRequest.FromString(decoded.encode(["T", "R"]))
    assert (edited.inputs[0].contents.bytes_contents[0], edited.raw_input_contents[0]) == (b"T", framed(b"R"))


def test_other_names_can_be_left_alone() -> None:
    adapter = with_settings(unnamed_bytes="ignore")
    message = request(("mystery", "hello"), ("text_input", "q"))
    assert [part.text for part in decode(message, adapter).parts] == ["q"]


def test_a_name_that_could_be_prose_is_not_repeated() -> None:
    message = request(("my mail is a@example.com", "hello"))
    assert texts_of(decode(message)) == [("prompt", "hello", "inputs[#0][0]")]


# Facts about the call ----------------------------------------------------------------------------------


def test_names_and_ids() -> None:
    decoded = decode(request(("text_input", "q")))
    assert (decoded.model, decoded.request_id) == ("model", "id-1")
    answer = answered(response(("text_output", "a")))
    assert (answer.model, answer.response_id, answer.input_tokens, answer.output_tokens) == (
        "model",
        "id-1",
        0,
        0,
    )


@pytest.mark.parametrize("raw", [False, True])
def test_token_counts_of_the_vllm_backend(raw: bool) -> None:
    message = response(("text_output", "a"), raw=raw)
    for name, count in (("num_input_tokens", 7), ("num_output_tokens", 300)):
        output = message.outputs.add(name=name, datatype="UINT32", shape=[1])
        if raw:
            message.raw_output_contents.append(count.to_bytes(4, "little"))
        else:
            output.contents.uint_contents.append(count)
    answer = answered(message)
    assert (answer.input_tokens, answer.output_tokens) == (7, 300)


@pytest.mark.parametrize("told", [-1, 1 << 63, (1 << 64) + 5])
def test_token_counts_that_no_record_can_hold_count_as_unknown(told: int) -> None:
    message = response(("text_output", "a"))
    contents = message.outputs.add(name="num_output_tokens", datatype="INT64", shape=[1]).contents
    if told < 0:
        contents.int64_contents.append(told)
    else:
        contents.uint64_contents.extend([told // 2, told - told // 2])
    assert answered(message).output_tokens == 0


def test_methods() -> None:
    assert ADAPTER.methods[INFER] is MethodKind.UNARY
    assert ADAPTER.methods["/inference.GRPCInferenceService/ModelStreamInfer"] is MethodKind.BIDI_STREAM
    assert ADAPTER.methods["/inference.GRPCInferenceService/ServerLive"] is MethodKind.CONTROL


# Bytes that are not text -------------------------------------------------------------------------------

PICTURE = b"\x89PNG\r\n\x1a\n\x00\xff"


@pytest.mark.parametrize("raw", [False, True])
def test_binary_elements_pass_untouched_and_are_named(raw: bool) -> None:
    message = request(("picture", PICTURE, b"a caption"), ("text_input", "q"), raw=raw)
    decoded = decode(message)
    assert decoded.unread == ("inputs[picture][0]",)
    assert [part.text for part in decoded.parts] == ["a caption", "q"]
    expected = request(("picture", PICTURE, b"CAPTION"), ("text_input", "Q"), raw=raw)
    assert pb.ModelInferRequest.FromString(decoded.encode(["CAPTION", "Q"])) == expected


def test_binary_elements_can_be_refused() -> None:
    with pytest.raises(WireError, match=r"inputs\[picture\]\[0\] is not UTF-8"):
        decode(request(("picture", PICTURE)), with_settings(unnamed_binary="refuse"))


@pytest.mark.parametrize("raw", [False, True])
def test_a_prompt_that_is_not_utf8_is_refused(raw: bool) -> None:
    """One bad byte is no way around the rules."""
    with pytest.raises(WireError, match=r"inputs\[text_input\]\[1\] is not UTF-8"):
        decode(request(("text_input", b"fine", b"my card is 4111\xff"), raw=raw))


@pytest.mark.parametrize("datatype", ["UINT8", "bytes", "STRING", ""])
def test_bytes_in_a_datatype_that_may_be_text_are_never_called_read(datatype: str) -> None:
    message = request(("text_input", "my card is 4111"), ("image", "ignored"), raw=True)
    for tensor in message.inputs:
        tensor.datatype = datatype
    assert decode(message).unread == ("inputs[text_input]",)
    with pytest.raises(WireError, match=r"inputs\[text_input\] is no text"):
        decode(message, with_settings(unnamed_binary="refuse"))


def test_text_as_numbers_is_never_called_read() -> None:
    message = response(("text_output", "a"))
    output = message.outputs.add(name="more", datatype="UINT8", shape=[2])
    output.contents.uint_contents.extend(b"4111")
    assert answered(message).unread == ("outputs[more]",)


@pytest.mark.parametrize("datatype", ["INT32", "FP32", "BOOL"])
def test_numbers_are_no_unread_bytes(datatype: str) -> None:
    message = request(("text_input", "q"), ("top_k", "1234"), raw=True)
    message.inputs[1].datatype = datatype
    assert decode(message).unread == ()


# Malformed messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05abc", b"\x2a\x03\x0a\x01\xff"])
def test_bytes_that_do_not_parse(data: bytes) -> None:
    with pytest.raises(WireError, match="not a ModelInferRequest"):
        ADAPTER.decode_request(INFER, data)
    with pytest.raises(WireError, match="not a ModelInferResponse"):
        ADAPTER.decode_response(INFER, data, decode(request(("text_input", "q"))))


@pytest.mark.parametrize(
    "entry", [b"\x01", b"\x05\x00\x00\x00abc", b"\x01\x00\x00\x00ab", b"\xff\xff\xff\xffabc"]
)
def test_broken_framing_names_the_tensor(entry: bytes) -> None:
    message = request(("text_input", "q"), raw=True)
    message.raw_input_contents[0] = entry
    with pytest.raises(WireError, match=r"inputs\[text_input\]"):
        decode(message)


@pytest.mark.parametrize("entries", [1, 3])
def test_raw_entries_must_match_the_tensors(entries: int) -> None:
    message = request(("text_input", "a"), ("context", "b"), raw=True)
    del message.raw_input_contents[:]
    message.raw_input_contents.extend([framed(b"x")] * entries)
    with pytest.raises(WireError, match=f"{entries} entries where the inputs need 2"):
        decode(message)


@pytest.mark.parametrize("raw", [False, True])
def test_the_number_of_texts_is_bounded(raw: bool) -> None:
    adapter = with_settings(max_texts=3)
    decode(request(("text_input", "a", "b"), ("context", "c"), raw=raw), adapter)
    with pytest.raises(WireError, match="too many texts|more than 3 texts"):
        decode(request(("text_input", "a", "b"), ("context", "c", "d"), raw=raw), adapter)


# Shared memory -----------------------------------------------------------------------------------------


def in_shared_memory(tensor: Any) -> None:
    tensor.parameters["shared_memory_region"].string_param = "region"
    del tensor.contents.bytes_contents[:]


def test_text_in_shared_memory_is_refused_unless_told_otherwise() -> None:
    message = request(("text_input", "q"))
    in_shared_memory(message.inputs[0])
    with pytest.raises(WireError, match=r"inputs\[text_input\] is text in shared memory"):
        decode(message)
    assert decode(message, with_settings(shared_memory="pass")).parts == []


def test_a_tensor_in_shared_memory_has_no_raw_entry() -> None:
    message = pb.ModelInferRequest()
    in_shared_memory(message.inputs.add(name="pixels", datatype="FP32", shape=[3]))
    message.inputs.add(name="text_input", datatype="BYTES", shape=[1])
    message.raw_input_contents.append(framed(b"q"))
    decoded = decode(message)
    assert [part.text for part in decoded.parts] == ["q"]
    assert pb.ModelInferRequest.FromString(decoded.encode(["Q"])).raw_input_contents[0] == framed(b"Q")
    message.raw_input_contents.append(framed(b"which of the two is the prompt?"))
    with pytest.raises(WireError, match="2 entries where the inputs need 1"):
        decode(message)


@pytest.mark.parametrize("empty_entry", [True, False])
def test_an_output_in_shared_memory_may_have_an_empty_entry(empty_entry: bool) -> None:
    message = pb.ModelInferResponse()
    in_shared_memory(message.outputs.add(name="logits", datatype="FP32", shape=[3]))
    message.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    message.raw_output_contents.extend([b""] * empty_entry + [framed(b"a")])
    assert [part.text for part in answered(message).parts] == ["a"]


# Edits -------------------------------------------------------------------------------------------------

name_strategy = st.sampled_from(["text_input", "context", "image", "other", "SYSTEM", "naïve name"])
element_strategy = st.one_of(st.text(max_size=8).map(str.encode), st.binary(max_size=6))
tensor_strategy = st.tuples(name_strategy, st.lists(element_strategy, max_size=4))
tensors_strategy = st.lists(tensor_strategy, max_size=4)


@given(tensors=tensors_strategy, raw=st.booleans(), data=st.data())
def test_an_edit_changes_its_texts_and_nothing_else(tensors: Any, raw: bool, data: Any) -> None:
    message = request(*((name, *elements) for name, elements in tensors), raw=raw)
    wire = message.SerializeToString()
    try:
        decoded = ADAPTER.decode_request(INFER, wire)
    except WireError as error:
        assert "is not UTF-8" in str(error)
        return
    same = [part.text for part in decoded.parts]
    assert decoded.encode(same) is wire
    other = [data.draw(st.one_of(st.just(text), st.text(max_size=8))) for text in same]
    again = ADAPTER.decode_request(INFER, decoded.encode(other))
    assert [part.text for part in again.parts] == other
    assert [part.path for part in again.parts] == [part.path for part in decoded.parts]
    assert pb.ModelInferRequest.FromString(again.encode(same)) == message


def test_a_wrong_number_of_texts() -> None:
    with pytest.raises(ValueError, match="zip"):
        decode(request(("text_input", "q"))).encode([])


# One field that no version of the protocol has, and one of a type that our messages leave out (fp32, double).
UNKNOWN = field(500, b"from the future") + varint(501 << 3 | 5) + b"\x01\x02\x03\x04"


def test_unknown_fields_survive_an_edit_at_each_level() -> None:
    parameter = field(1, b"key") + field(2, UNKNOWN)
    contents = field(8, b"q") + field(6, b"\x00\x00\x80\x3f") + UNKNOWN
    tensor = (
        field(1, b"text_input") + field(2, b"BYTES") + field(3, b"\x01") + field(4, parameter) + UNKNOWN
    ) + field(5, contents)
    requested = field(1, b"text_output") + UNKNOWN
    wire = field(1, b"m") + field(4, parameter) + field(5, tensor) + field(6, requested) + UNKNOWN
    edited = ADAPTER.decode_request(INFER, wire).encode(["edited"])
    assert edited.count(b"from the future") == wire.count(b"from the future") == 6
    assert b"\x00\x00\x80\x3f" in edited
    back = ADAPTER.decode_request(INFER, edited).encode(["q"])
    assert sorted(back) == sorted(wire)  # the same bytes; protobuf puts unknown fields last
    assert pb.ModelInferRequest.FromString(back) == pb.ModelInferRequest.FromString(wire)


def test_an_echoed_prompt_is_part_of_the_answer() -> None:
    """Triton's vLLM backend begins a unary answer with the prompt."""
    answer = answered(response(("text_output", "my prompt and the answer")))
    assert [part.text for part in answer.parts] == ["my prompt and the answer"]


@pytest.mark.parametrize("raw", [False, True])
def test_what_describes_an_edited_answer_leaves_with_it(raw: bool) -> None:
    message = response(("text_output", "a"), ("tokens", "a"), ("note", "n"), raw=raw)
    found = answered(message)
    left = pb.ModelInferResponse.FromString(found.encode(["-", "a", "n"]))
    assert left == response(("text_output", "-"), ("note", "n"), raw=raw)
    noted = pb.ModelInferResponse.FromString(found.encode(["a", "-", "n"]))
    assert noted == response(("text_output", "a"), ("tokens", "-"), ("note", "n"), raw=raw)


# Answers of our own ------------------------------------------------------------------------------------


def outputs_requested(message: Any, name: str) -> Any:
    message.outputs.add(name=name)
    return message


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    ("make", "name", "shape", "count"),
    [
        (lambda raw: request(("text_input", "q"), raw=raw), "text_output", [1], 1),
        (
            lambda raw: outputs_requested(request(("text_input", "q"), raw=raw), "ANSWER"),
            "ANSWER",
            [1],
            1,
        ),
        (lambda raw: request(("text_input", "a", "b"), raw=raw, shape=[2, 1]), "text_output", [2, 1], 2),
        (lambda raw: request(("text_input", "a", "b"), raw=raw, shape=[7]), "text_output", [1], 1),
        (lambda raw: request(("sampling_parameters", "{}"), raw=raw), "text_output", [1], 1),
    ],
)
def test_a_refusal_has_the_requesters_form(
    make: Callable[[bool], Any], name: str, shape: list[int], count: int, raw: bool
) -> None:
    decoded = decode(make(raw))
    answer = pb.ModelInferResponse.FromString(ADAPTER.refusal_response(decoded, "No."))
    assert (answer.model_name, answer.id) == ("model", "id-1")
    output = answer.outputs[0]
    assert (output.name, output.datatype, list(output.shape)) == (name, "BYTES", shape)
    assert list(answer.raw_output_contents) == ([framed(b"No.") * count] if raw else [])
    assert list(output.contents.bytes_contents) == ([] if raw else [b"No."] * count)
    assert [part.text for part in answered(answer).parts] == ["No."] * count


# Settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompt": ["a"], "context": ["A"]}, "'A' stands in prompt and in context"),
        ({"ignore": ["output"]}, "'output' stands in answer and in ignore"),
        ({"answer": []}, "answer needs at least one name"),
    ],
)
def test_settings_that_contradict_themselves(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        OpenInferenceConfig(**settings)


def test_every_setting_is_described() -> None:
    properties = OpenInferenceConfig.model_json_schema()["properties"]
    assert all(each.get("description") for each in properties.values())


def test_settings_do_not_load_the_messages() -> None:
    """A program that uses the SDK may hold tritonclient's copy of the same messages."""
    code = "import sys, sentinel.adapters.registry; print([m for m in sys.modules if 'inference_pb2' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_json_stays_as_it_is() -> None:
    body = '{"messages": [{"role": "user", "content": "caf\\u00e9"}]}'
    message = request(("text_input", body))
    assert decode(message).parts[0].text == body
    assert json_format.MessageToDict(message)  # and the message is still a message
