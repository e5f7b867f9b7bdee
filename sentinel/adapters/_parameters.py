"""Texts in the parameters of an Open Inference message: on the message itself and on each of its tensors. A
backend may read its prompt from one, so every text there is read like the tensors' texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sentinel.adapters._tensors import PLAIN_NAME
from sentinel.core.exchange import Role, TextPart

if TYPE_CHECKING:
    from sentinel.adapters._tensors import Tensors
    from sentinel.pb.open_inference_pb2 import ModelInferRequest, ModelInferResponse

    Message = ModelInferRequest | ModelInferResponse

# Where a text lies: the index of the tensor, -1 for the message itself, and the parameter's name.
Spot = tuple[int, str]
_MESSAGE = -1
_NO_TEXT = frozenset(
    {"shared_memory_region"}
)  # the name of a region that the caller registered with the server


def read_parameters(message: Message, tensors: Tensors, role: Role) -> tuple[list[TextPart], list[Spot]]:
    """The texts and where each lies, the message's own first."""
    parts: list[TextPart] = []
    spots: list[Spot] = []
    for index, holder in enumerate((message, *tensors), _MESSAGE):
        if not holder.parameters:
            continue
        for name in sorted(holder.parameters):
            text = holder.parameters[name].string_param
            if text and name not in _NO_TEXT:
                shown = name if PLAIN_NAME.fullmatch(name) else "#"
                where = "parameters" if index == _MESSAGE else f"tensor {index} parameters"
                parts.append(TextPart(role, text, f"{where}[{shown}]"))
                spots.append((index, name))
    return parts, spots


def write_parameters(message: Message, tensors: Tensors, edits: Iterable[tuple[Spot, str]]) -> None:
    """Put the edited texts in their places."""
    holders: Sequence[Any] = (*tensors, message)  # index -1 is the message
    for (index, name), text in edits:
        holders[index].parameters[name].string_param = text
