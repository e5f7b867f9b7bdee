"""NVIDIA's client, driven by JSON lines: reads commands on stdin, writes one answer a line on stdout. Run
with the `tritonclient` environment's Python.

    {"op": "infer", "address", "model", "text", "raw"}   raw: by the client; else typed contents, by its stub
    {"op": "stream", "address", "model", "text"}
    {"op": "streams", "address", "model", "prompts", "final", "headers"}
        one stream; prompts by their ids, asked without waiting; `final`: ask for an empty last message
    {"op": "control", "address", "model"}
    {"op": "schema"}
"""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import sys

import grpc
import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException


def text_input(text: str) -> triton.InferInput:
    tensor = triton.InferInput("text_input", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([text.encode()], dtype=object))
    return tensor


def infer(command: dict) -> dict:
    if command["raw"]:
        client = triton.InferenceServerClient(command["address"])
        response = client.infer(
            command["model"], [text_input(command["text"])], request_id="r1"
        ).get_response()
        client.close()
    else:
        request = service_pb2.ModelInferRequest(model_name=command["model"], id="r1")
        tensor = request.inputs.add(name="text_input", datatype="BYTES", shape=[1])
        tensor.contents.bytes_contents.append(command["text"].encode())
        with grpc.insecure_channel(command["address"]) as channel:
            response = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)
    raw = [entry[4:].decode() for entry in response.raw_output_contents]
    typed = [each.decode() for output in response.outputs for each in output.contents.bytes_contents]
    names = [output.name for output in response.outputs]
    return {"raw": raw, "typed": typed, "names": names, "id": response.id, "model": response.model_name}


def stream(command: dict) -> dict:
    messages: queue.Queue = queue.Queue()
    client = triton.InferenceServerClient(command["address"])
    client.start_stream(lambda result, error: messages.put((result, error)))
    # A server may refuse the stream before the request is in it; the callback then tells why.
    with contextlib.suppress(InferenceServerException):
        client.async_stream_infer(
            command["model"],
            [text_input(command["text"])],
            request_id="s1",
            enable_empty_final_response=True,
        )
    texts: list[str] = []
    while True:
        result, error = messages.get(timeout=30)
        if error is not None:
            client.stop_stream(cancel_requests=True)
            return {"texts": texts, "error": error.message()}
        response = result.get_response()
        if response.parameters["triton_final_response"].bool_param:
            client.stop_stream()
            return {"texts": texts}
        texts.append(result.as_numpy("text_output")[0].decode())


def streams(command: dict) -> dict:
    """By request: texts, and how many empty messages said that they were the last. Errors come without the
    request that they are about."""
    messages: queue.Queue = queue.Queue()
    client = triton.InferenceServerClient(command["address"])
    client.start_stream(lambda result, error: messages.put((result, error)), headers=command["headers"])
    for name, text in command["prompts"].items():
        client.async_stream_infer(
            command["model"],
            [text_input(text)],
            request_id=name,
            enable_empty_final_response=command["final"],
        )
    client.stop_stream()  # half-closes and waits for the server's end
    told: dict = {"texts": {}, "finals": {}, "errors": []}
    while not messages.empty():
        result, error = messages.get()
        if error is not None:
            told["errors"].append(error.message())
            continue
        response = result.get_response()
        if response.outputs:
            told["texts"].setdefault(response.id, []).append(result.as_numpy("text_output")[0].decode())
        if response.parameters["triton_final_response"].bool_param and not response.outputs:
            told["finals"][response.id] = told["finals"].get(response.id, 0) + 1
    return told


def control(command: dict) -> dict:
    client = triton.InferenceServerClient(command["address"])
    metadata = client.get_model_metadata(command["model"])
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(command["model"]),
        "server": client.get_server_metadata().name,
        "model": metadata.name,
        "inputs": [tensor.name for tensor in metadata.inputs],
    }


def schema(command: dict) -> dict:
    """Message -> field name -> [number, type, label] of every message of the protocol."""
    found: dict[str, dict[str, list[int]]] = {}

    def walk(messages) -> None:
        for message in messages:
            found[message.full_name] = {
                field.name: [field.number, field.type, int(field.is_repeated)] for field in message.fields
            }
            walk(message.nested_types)

    walk(service_pb2.DESCRIPTOR.message_types_by_name.values())
    return found


OPERATIONS = {"infer": infer, "stream": stream, "streams": streams, "control": control, "schema": schema}


def failure(error: InferenceServerException | grpc.RpcError) -> dict:
    # The client keeps code and text only; the call's own error is what it was handling when it raised.
    call = error.__context__ if isinstance(error, InferenceServerException) else error
    trailers = {
        key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for key, value in call.trailing_metadata() or ()
    }
    return {"code": call.code().name, "message": call.details(), "trailers": trailers}


def main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = OPERATIONS[command["op"]](command)
        except (InferenceServerException, grpc.RpcError) as error:
            answer = failure(error)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
