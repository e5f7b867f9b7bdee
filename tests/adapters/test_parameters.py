"""Texts in parameters are read and edited like those in tensors."""

from __future__ import annotations

from sentinel.adapters.open_inference import OpenInference, OpenInferenceConfig
from sentinel.core.exchange import Role
from sentinel.pb import open_inference_pb2 as pb

METHOD = "/inference.GRPCInferenceService/ModelInfer"
ADAPTER = OpenInference(OpenInferenceConfig())


def request() -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(model_name="m")
    message.parameters["prompt"].string_param = "on the message"
    message.parameters["priority"].int64_param = 3
    message.parameters["write to jane"].string_param = "under a name that is prose"
    for number in range(2):
        tensor = message.inputs.add(name=f"text_{number}", datatype="BYTES", shape=[1])
        tensor.contents.bytes_contents.append(b"in the tensor")
        tensor.parameters["content_type"].string_param = f"on tensor {number}"
    return message


def test_every_text_is_read_with_its_place() -> None:
    decoded = ADAPTER.decode_request(METHOD, request().SerializeToString())
    assert [(part.path, part.text) for part in decoded.parts[2:]] == [
        ("parameters[prompt]", "on the message"),
        ("parameters[#]", "under a name that is prose"),
        ("tensor 0 parameters[content_type]", "on tensor 0"),
        ("tensor 1 parameters[content_type]", "on tensor 1"),
    ]
    assert {part.role for part in decoded.parts} == {Role.PROMPT}


def test_edits_go_where_the_texts_came_from_and_nowhere_else() -> None:
    decoded = ADAPTER.decode_request(METHOD, request().SerializeToString())
    texts = [part.text for part in decoded.parts]
    texts[1], texts[2], texts[4] = "A", "B", "C"
    wanted = request()
    wanted.inputs[1].contents.bytes_contents[0] = b"A"
    wanted.parameters["prompt"].string_param = "B"
    wanted.inputs[0].parameters["content_type"].string_param = "C"
    assert pb.ModelInferRequest.FromString(decoded.encode(texts)) == wanted


def test_unedited_texts_leave_the_bytes_alone() -> None:
    data = request().SerializeToString()
    decoded = ADAPTER.decode_request(METHOD, data)
    assert decoded.encode([part.text for part in decoded.parts]) is data


def test_parameters_of_an_answer_are_answers() -> None:
    message = pb.ModelInferResponse(model_name="m")
    message.parameters["finish"].string_param = "said jane"
    asked = ADAPTER.decode_request(METHOD, request().SerializeToString())
    decoded = ADAPTER.decode_response(METHOD, message.SerializeToString(), asked)
    (part,) = decoded.parts
    assert (part.role, part.path, part.text) == (Role.ANSWER, "parameters[finish]", "said jane")
    edited = pb.ModelInferResponse.FromString(decoded.encode(["said <NAME>"]))
    assert edited.parameters["finish"].string_param == "said <NAME>"
