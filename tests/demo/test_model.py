"""The stand-in model server over real gRPC. Its agreement with NVIDIA's client is in tests/peers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sentinel.demo.model import MODEL, SERVICE, start_model
from sentinel.pb import open_inference_pb2 as pb
from tests.adapters.infer import framed, request, response

WEEKEND = "When does the first ferry leave at weekends?"


def with_model(use: Callable[[grpc.aio.Channel], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        server, address = await start_model("127.0.0.1:0")
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                return await use(channel)
        finally:
            await server.stop(None)

    return asyncio.run(run())


def call(method: str, message: Any, answer: Any) -> Any:
    return with_model(
        lambda channel: channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=type(message).SerializeToString,
            response_deserializer=answer.FromString,
        )(message)
    )


def infer(message: pb.ModelInferRequest) -> Any:
    return call("ModelInfer", message, pb.ModelInferResponse)


def stream(*messages: pb.ModelInferRequest) -> list[Any]:
    async def use(channel: grpc.aio.Channel) -> list[Any]:
        answers = channel.stream_stream(
            f"/{SERVICE}/ModelStreamInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelStreamInferResponse.FromString,
        )(iter(messages))
        return [answer async for answer in answers]

    found: list[Any] = with_model(use)
    return found


def with_flag(message: pb.ModelInferRequest, name: str, value: bool = True) -> pb.ModelInferRequest:
    tensor = message.inputs.add(name=name, datatype="BOOL", shape=[1])
    if message.raw_input_contents:
        message.raw_input_contents.append(b"\x01" if value else b"\x00")
    else:
        tensor.contents.bool_contents.append(value)
    return message


@pytest.mark.parametrize(
    ("method", "message", "answer", "expected"),
    [
        ("ServerLive", pb.ServerLiveRequest(), pb.ServerLiveResponse, {"live": True}),
        ("ServerReady", pb.ServerReadyRequest(), pb.ServerReadyResponse, {"ready": True}),
        ("ModelReady", pb.ModelReadyRequest(name=MODEL), pb.ModelReadyResponse, {"ready": True}),
        ("ModelReady", pb.ModelReadyRequest(name="x"), pb.ModelReadyResponse, {"ready": False}),
        ("ModelMetadata", pb.ModelMetadataRequest(name=MODEL), pb.ModelMetadataResponse, {"name": MODEL}),
        ("ServerMetadata", pb.ServerMetadataRequest(), pb.ServerMetadataResponse, {"version": "1"}),
    ],
)
def test_control_methods(method: str, message: Any, answer: Any, expected: dict[str, Any]) -> None:
    found = call(method, message, answer)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize("raw", [True, False])
def test_an_answer_has_the_form_of_its_request(raw: bool) -> None:
    answer = infer(request(("text_input", "Repeat: one", "Repeat: two"), raw=raw, model=MODEL))
    expected = response(("text_output", "one", "two"), raw=raw, model=MODEL)
    expected.model_version = "1"
    assert answer == expected


@pytest.mark.parametrize("raw", [True, False])
def test_context_is_all_that_the_model_knows(raw: bool) -> None:
    message = request(
        ("text_input", WEEKEND), ("context", "The ferry sleeps at weekends."), raw=raw, model=MODEL
    )
    answer = infer(message)
    assert b"The ferry sleeps at weekends." in answer.SerializeToString()
    assert b"08:00" not in answer.SerializeToString()


@pytest.mark.parametrize("raw", [True, False])
def test_counts_and_the_echo_of_the_prompt_when_asked_for(raw: bool) -> None:
    message = request(("text_input", "Repeat: one two"), raw=raw, model=MODEL)
    with_flag(message, "exclude_input_in_output", False)
    with_flag(message, "return_num_input_tokens")
    with_flag(message, "return_num_output_tokens")
    answer = infer(message)
    assert [output.name for output in answer.outputs] == [
        "text_output",
        "num_input_tokens",
        "num_output_tokens",
    ]
    if raw:
        assert list(answer.raw_output_contents) == [
            framed(b"Repeat: one two one two"),
            b"\x03\x00\x00\x00",
            b"\x05\x00\x00\x00",
        ]
    else:
        assert answer.outputs[0].contents.bytes_contents[0] == b"Repeat: one two one two"
        assert [list(output.contents.uint_contents) for output in answer.outputs[1:]] == [[3], [5]]


def broken_framing() -> pb.ModelInferRequest:
    message = request(("text_input", "q"), raw=True, model=MODEL)
    message.raw_input_contents[0] = b"\x09\x00\x00\x00q"
    return message


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        (request(("text_input", "q"), model="other"), grpc.StatusCode.NOT_FOUND, "there is ferry-office"),
        (request(("prompt", "q"), model=MODEL), grpc.StatusCode.INVALID_ARGUMENT, "text_input is missing"),
        (request(("text_input", b"\xff"), model=MODEL), grpc.StatusCode.INVALID_ARGUMENT, "is not UTF-8"),
        (broken_framing(), grpc.StatusCode.INVALID_ARGUMENT, "longer than its raw contents"),
    ],
)
def test_errors(message: pb.ModelInferRequest, code: grpc.StatusCode, details: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        infer(message)
    assert caught.value.code() is code
    assert details in str(caught.value.details())


def finals(answers: list[Any]) -> list[bool]:
    return [
        answer.infer_response.parameters["triton_final_response"].bool_param
        for answer in answers
        if "triton_final_response" in answer.infer_response.parameters
    ]


def test_a_stream_is_the_answer_in_pieces() -> None:
    answers = stream(request(("text_input", WEEKEND), model=MODEL))
    said = b"".join(answer.infer_response.outputs[0].contents.bytes_contents[0] for answer in answers)
    assert said.endswith(b"at 08:00 and the last one at 17:00.")
    assert finals(answers) == [False] * (len(answers) - 1) + [True]
    assert {answer.infer_response.id for answer in answers} == {"id-1"}


def test_an_empty_last_message_when_asked_for() -> None:
    message = request(("text_input", "Repeat: one"), model=MODEL)
    message.parameters["triton_enable_empty_final_response"].bool_param = True
    answers = stream(message)
    assert finals(answers) == [False, True]
    assert not answers[-1].infer_response.outputs


def test_errors_of_a_stream_travel_in_it() -> None:
    answers = stream(
        request(("text_input", "q"), model="other"), request(("text_input", "Repeat: on"), model=MODEL)
    )
    assert "no such model" in answers[0].error_message
    assert answers[1].infer_response.outputs[0].contents.bytes_contents[0] == b"on"


@pytest.mark.parametrize("service", ["", SERVICE])
def test_health(service: str) -> None:
    answer = with_model(
        lambda channel: health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=service)
        )
    )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_names_the_services() -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    async def use(channel: grpc.aio.Channel) -> set[str]:
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([ask]))
        return {service.name async for answer in answers for service in answer.list_services_response.service}

    assert {SERVICE, "grpc.health.v1.Health"} <= with_model(use)


def test_the_command_tells_its_address_and_ends_when_asked() -> None:
    command = [sys.executable, "-m", "sentinel.demo.model", "--listen", "127.0.0.1:0", "--delay-ms", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with grpc.insecure_channel(address) as channel:
            live = channel.unary_unary(
                f"/{SERVICE}/ServerLive", response_deserializer=pb.ServerLiveResponse.FromString
            )
            assert live(b"", timeout=10).live
        process.terminate()
        assert process.wait(20) == 0
