"""What is said to the stand-in model."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import msgspec
import yaml

from sentinel.demo.model import MODEL
from sentinel.pb import open_inference_pb2 as pb

Expected = Literal["allow", "flag", "redact", "block"]


class Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question. `raw` sends its tensors as raw contents, `stream` over the streaming method."""

    id: str
    prompt: str | list[str]
    expect: Expected
    why: str
    context: list[str] = []
    tenant: str = ""
    raw: bool = False
    stream: bool = False

    @property
    def text(self) -> str:
        return self.prompt if isinstance(self.prompt, str) else "".join(self.prompt)


def bundled_conversations() -> list[Conversation]:
    text = (files("sentinel.demo") / "conversations.yaml").read_text()
    return msgspec.convert(yaml.safe_load(text), list[Conversation])


def infer_request(conversation: Conversation, model: str = MODEL) -> pb.ModelInferRequest:
    """The request as a client of Triton's vLLM backend makes it, counts of tokens asked for."""
    request = pb.ModelInferRequest(model_name=model, id=conversation.id)
    _add_bytes(request, "text_input", [conversation.text], conversation.raw)
    if conversation.context:
        _add_bytes(request, "context", conversation.context, conversation.raw)
    for name in ("exclude_input_in_output", "return_num_input_tokens", "return_num_output_tokens"):
        tensor = request.inputs.add(name=name, datatype="BOOL", shape=[1])
        if conversation.raw:
            request.raw_input_contents.append(b"\x01")
        else:
            tensor.contents.bool_contents.append(True)
    if conversation.stream:
        request.parameters["triton_enable_empty_final_response"].bool_param = True
    request.outputs.add(name="text_output")
    return request


def answer_text(response: pb.ModelInferResponse) -> str:
    """The texts of text_output, joined; "" in a message without it."""
    for index, output in enumerate(response.outputs):
        if output.name == "text_output":
            if index < len(response.raw_output_contents):
                raw = response.raw_output_contents[index]
                return raw[4:].decode()  # one prompt, one answer, preceded by its length
            return "\n".join(element.decode() for element in output.contents.bytes_contents)
    return ""


def _add_bytes(request: pb.ModelInferRequest, name: str, texts: list[str], raw: bool) -> None:
    tensor = request.inputs.add(name=name, datatype="BYTES", shape=[len(texts)])
    elements = [text.encode() for text in texts]
    if raw:
        request.raw_input_contents.append(
            b"".join(len(each).to_bytes(4, "little") + each for each in elements)
        )
    else:
        tensor.contents.bytes_contents.extend(elements)
