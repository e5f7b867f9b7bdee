"""The peers themselves, without Sentinel: what they do on the wire is what the adapter is made for."""

from __future__ import annotations

import pytest

from sentinel.pb import open_inference_pb2 as pb
from tests.peers.running import Server, TritonClient

pytestmark = pytest.mark.peers

ANSWER = "You said hello Ask ottilie.fennimore@example.com for more."


def test_our_messages_are_the_protocols(triton_client: TritonClient) -> None:
    """Every field that we declare has the number, type and label that it has at NVIDIA's."""
    theirs = triton_client.ask("schema")
    ours = list(pb.DESCRIPTOR.message_types_by_name.values())
    for message in ours:
        ours.extend(message.nested_types)
        fields = {each.name: [each.number, each.type, int(each.is_repeated)] for each in message.fields}
        assert fields.items() <= theirs[message.full_name].items()


def test_triton_answers_raw_to_raw(triton_client: TritonClient, triton_server: Server) -> None:
    answer = triton_client.ask("infer", address=triton_server.address, model="words", text="hello", raw=True)
    assert (answer["raw"], answer["typed"], answer["names"]) == ([ANSWER], [], ["text_output"])


def test_triton_answers_raw_to_typed(triton_client: TritonClient, triton_server: Server) -> None:
    answer = triton_client.ask("infer", address=triton_server.address, model="words", text="hello", raw=False)
    assert (answer["raw"], answer["typed"]) == ([ANSWER], [])


def test_mlserver_answers_raw_to_raw(triton_client: TritonClient, mlserver_server: Server) -> None:
    answer = triton_client.ask(
        "infer", address=mlserver_server.address, model="words", text="hello", raw=True
    )
    assert (answer["raw"], answer["typed"], answer["names"]) == ([ANSWER], [], ["predict"])


def test_mlserver_answers_typed_to_typed(triton_client: TritonClient, mlserver_server: Server) -> None:
    answer = triton_client.ask(
        "infer", address=mlserver_server.address, model="words", text="hello", raw=False
    )
    assert (answer["raw"], answer["typed"]) == ([], [ANSWER])


def test_triton_refuses_a_unary_call_of_a_decoupled_model(
    triton_client: TritonClient, triton_server: Server
) -> None:
    answer = triton_client.ask(
        "infer", address=triton_server.address, model="letters", text="hello", raw=True
    )
    assert answer["code"] == "UNIMPLEMENTED"


def test_triton_streams(triton_client: TritonClient, triton_server: Server) -> None:
    answer = triton_client.ask("stream", address=triton_server.address, model="letters", text="hello")
    assert "".join(answer["texts"]).strip() == ANSWER
    assert len(answer["texts"]) > 3


def test_mlserver_streams_another_dialect(triton_client: TritonClient, mlserver_server: Server) -> None:
    """Each message reads as an error whose text is the model's name, the first field of both messages."""
    answer = triton_client.ask("stream", address=mlserver_server.address, model="words", text="hello")
    assert answer == {"texts": [], "error": "words"}


@pytest.mark.parametrize("raw", [True, False])
def test_the_stand_in_answers_in_the_form_of_the_request(
    triton_client: TritonClient, stand_in_server: Server, raw: bool
) -> None:
    address, model = stand_in_server.address, stand_in_server.model
    answer = triton_client.ask(
        "infer", address=address, model=model, text="Who is the chief engineer?", raw=raw
    )
    said = ["The chief engineer is Bram Sandvik, whose phone number is 212-555-0142."]
    assert (answer["raw"], answer["typed"]) == ((said, []) if raw else ([], said))
    assert (answer["id"], answer["model"], answer["names"]) == ("r1", model, ["text_output"])


def test_the_stand_in_streams_as_triton_does(triton_client: TritonClient, stand_in_server: Server) -> None:
    address, model = stand_in_server.address, stand_in_server.model
    answer = triton_client.ask("stream", address=address, model=model, text="Who is the chief engineer?")
    assert "".join(answer["texts"]).startswith("The chief engineer is Bram Sandvik")
    assert len(answer["texts"]) > 10
    assert "error" not in answer
    answer = triton_client.ask("stream", address=address, model="nobody", text="hello")
    assert "no such model" in answer["error"]


def test_the_stand_in_tells_about_itself(triton_client: TritonClient, stand_in_server: Server) -> None:
    answer = triton_client.ask("control", address=stand_in_server.address, model=stand_in_server.model)
    assert answer["live"] and answer["ready"] and answer["model_ready"]
    assert answer["inputs"] == ["text_input", "context"]
