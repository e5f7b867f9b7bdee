"""Texts among the tensors of an Open Inference message.

A BYTES tensor keeps its elements in one of two places:

    typed   tensors[i].contents.bytes_contents[j]
    raw     raw[k], where every element is preceded by its length (4 bytes, little-endian)

`raw` has one entry per tensor, in the tensors' order. A tensor in shared memory has none in a request; in a
response it may have an empty one. Servers differ in which of the two they read when a message holds both, so
both are read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from sentinel.core.errors import WireError
from sentinel.core.exchange import Role, TextPart

if TYPE_CHECKING:
    from sentinel.pb.open_inference_pb2 import ModelInferRequest, ModelInferResponse

    Tensors = Sequence[ModelInferRequest.InferInputTensor | ModelInferResponse.InferOutputTensor]

_SHARED_MEMORY = "shared_memory_region"  # Triton's shared memory extensions, system and CUDA
_MAX_UNREAD = 16
# Callers choose tensor names, and a name that could be prose has no place in a record or an error.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")


class Naming(msgspec.Struct, frozen=True):
    """What tensor names mean on one side of a call. Names are compared in lower case.

    `roles` maps a name to its role, None where it is not text. `other` is the role of BYTES tensors with any
    other name, None to leave those alone. Their elements that are not UTF-8 are refused with `strict`, else
    named as unread; elements of tensors that have a role of their own must be UTF-8. `max_texts` bounds the
    elements of a message. `shared_memory` lets text tensors lie where we cannot read them.
    """

    side: str  # "inputs" or "outputs"
    roles: dict[str, Role | None]
    other: Role | None
    strict: bool
    max_texts: int
    shared_memory: bool


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a text lies: element `element` of `raw[index]`, or of the typed contents of `tensors[index]`."""

    raw: bool
    index: int
    element: int


class Reading:
    """The texts found in a message so far."""

    __slots__ = ("naming", "parts", "places", "unread", "_left")

    def __init__(self, naming: Naming) -> None:
        self.naming = naming
        self.parts: list[TextPart] = []
        self.places: list[Place] = []
        self.unread: tuple[str, ...] = ()
        self._left = naming.max_texts

    def read(self, tensors: Tensors, raw: Sequence[bytes]) -> None:
        """Raises WireError when the message is malformed, or hides text from us."""
        naming = self.naming
        if len(tensors) > naming.max_texts:
            raise WireError(f"{naming.side}: more than {naming.max_texts} tensors")
        entries = self._entries(tensors, len(raw)) if raw else None
        for index, tensor in enumerate(tensors):
            name = tensor.name
            role = naming.roles.get(name.lower(), naming.other)
            if role is None:
                continue
            if tensor.HasField("contents"):
                self._elements(role, name, False, index, index, tensor.contents.bytes_contents)
            if tensor.datatype != "BYTES":
                continue
            entry = None if entries is None else entries[index]
            if entry is not None:
                where = self._label(name, index)
                self._elements(role, name, True, entry, index, split_elements(raw[entry], where, self._left))
            if not naming.shared_memory and _SHARED_MEMORY in tensor.parameters:
                raise WireError(
                    f"{self._label(name, index)} is text in shared memory, which cannot be read here: send "
                    "it in the message, list the tensor in `ignore`, or set `shared_memory: pass`"
                )

    def _elements(
        self, role: Role, name: str, raw: bool, index: int, tensor: int, elements: Iterable[bytes]
    ) -> None:
        label = self._label(name, tensor)
        for number, element in enumerate(elements):
            if self._left == 0:
                raise WireError(f"{label}: the message has more than {self.naming.max_texts} texts")
            self._left -= 1
            try:
                text = str(element, "utf-8")
            except UnicodeDecodeError:
                self._binary(f"{label}[{number}]", name)
                continue
            self.parts.append(TextPart(role, text, f"{label}[{number}]"))
            self.places.append(Place(raw, index, number))

    def _binary(self, path: str, name: str) -> None:
        if self.naming.strict or name.lower() in self.naming.roles:
            raise WireError(f"{path} is not UTF-8; a tensor that is not text belongs in `ignore`")
        if len(self.unread) < _MAX_UNREAD:
            self.unread += (path,)

    def _entries(self, tensors: Tensors, count: int) -> list[int | None]:
        """The index in the raw list of each tensor's entry."""
        shared = [_SHARED_MEMORY in tensor.parameters for tensor in tensors]
        entries: list[int | None] = []
        used = 0
        skip = self.naming.side == "inputs" or count != len(tensors)
        for in_shared_memory in shared:
            if in_shared_memory and skip:
                entries.append(None)
            else:
                entries.append(used)
                used += 1
        if used != count:
            raise WireError(f"raw contents: {count} entries where the {self.naming.side} need {used}")
        return entries

    def _label(self, name: str, index: int) -> str:
        plain = name.lower() in self.naming.roles or _PLAIN_NAME.fullmatch(name)
        return f"{self.naming.side}[{name if plain else f'#{index}'}]"


def split_elements(raw: bytes, where: str, at_most: int) -> list[bytes]:
    """The elements of a raw BYTES tensor. Raises WireError on a broken framing or too many elements."""
    elements: list[bytes] = []
    position, end = 0, len(raw)
    while position < end:
        start = position + 4
        position = start + int.from_bytes(raw[position:start], "little")
        if start > end or position > end:
            raise WireError(f"{where}: element {len(elements)} is longer than the raw contents")
        if len(elements) == at_most:
            raise WireError(f"{where}: the message has too many texts")
        elements.append(raw[start:position])
    return elements


def join_elements(elements: Iterable[bytes]) -> bytes:
    """The reverse of `split_elements`."""
    return b"".join(piece for each in elements for piece in (len(each).to_bytes(4, "little"), each))


def write(tensors: Tensors, raw: Sequence[bytes], edits: Sequence[tuple[Place, bytes]]) -> None:
    """Put other texts in places of a message that `Reading` read."""
    by_entry: dict[int, list[bytes]] = {}
    for place, text in edits:
        if place.raw:
            if place.index not in by_entry:
                entry = raw[place.index]
                by_entry[place.index] = split_elements(entry, "raw contents", len(entry))
            by_entry[place.index][place.element] = text
        else:
            tensors[place.index].contents.bytes_contents[place.element] = text
    for index, elements in by_entry.items():
        raw[index] = join_elements(elements)  # type: ignore[index]  # a protobuf repeated field
