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
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from sentinel.core.errors import WireError
from sentinel.core.exchange import Role, TextPart

if TYPE_CHECKING:
    from sentinel.pb.open_inference_pb2 import ModelInferRequest, ModelInferResponse

    Tensor = ModelInferRequest.InferInputTensor | ModelInferResponse.InferOutputTensor
    Tensors = Sequence[Tensor]

_SHARED_MEMORY = "shared_memory_region"  # Triton's shared memory extensions, system and CUDA
_MAX_UNREAD = 16
# Of the protocol's datatypes those that hold numbers. Not UINT8: pictures and text alike are kept in it.
_NUMBERS = frozenset("BOOL INT8 INT16 INT32 INT64 UINT16 UINT32 UINT64 FP16 FP32 FP64 BF16".split())
# Callers choose tensor names, and a name that could be prose has no place in a record or an error.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")


class Naming(msgspec.Struct, frozen=True):
    """What tensor names mean on one side of a call.

    `roles` maps a name in lower case to its role, None where it is not text. `other` is the role of BYTES
    tensors with any other name, None to leave those alone. Their elements that are not UTF-8 are refused with
    `strict`, else named as unread; elements of tensors that `roles` knows must be UTF-8. `max_texts` bounds
    the elements of a message. `shared_memory` lets text tensors lie where we cannot read them.
    """

    side: str  # "inputs" or "outputs"
    roles: dict[str, Role | None]
    other: Role | None
    strict: bool
    max_texts: int
    shared_memory: bool


# Where a text lies: (raw, index of the raw entry or else of the tensor, index of the element).
Place = tuple[bool, int, int]


class Reading:
    """The texts found in a message. `parametrised` says that some tensor has parameters.

    Protobuf's sequences are iterated as slices, which takes a quarter of the time.
    """

    __slots__ = ("parametrised", "parts", "places", "tensors", "unread", "_naming", "_left")

    def __init__(self, naming: Naming, tensors: Tensors, raw: Sequence[bytes]) -> None:
        """Raises WireError when the message is malformed, or hides text from us."""
        self.parts: list[TextPart] = []
        self.places: list[Place] = []
        self.unread: tuple[str, ...] = ()
        self.parametrised = False
        self._naming = naming
        self._left = naming.max_texts
        if len(tensors) > naming.max_texts:
            raise WireError(f"{naming.side}: more than {naming.max_texts} tensors")
        entry, entries = 0, len(raw)
        shared_too = naming.side == "outputs" and entries == len(tensors)
        self.tensors = tensors[:]
        for index, tensor in enumerate(self.tensors):
            parameters = tensor.parameters
            shared = False
            if parameters:
                self.parametrised = True
                shared = _SHARED_MEMORY in parameters
            has_entry = entries > 0 and (shared_too or not shared)
            datatype = tensor.datatype
            # The datatype is the sender's word, so typed bytes are read whatever it says.
            if datatype == "BYTES":
                self._read(tensor, index, shared, raw, entry if has_entry and entry < entries else None)
            else:
                if tensor.HasField("contents"):
                    self._read(tensor, index, False, raw, None)
                if datatype not in _NUMBERS:
                    bytes_in_raw = has_entry and entry < entries and raw[entry]
                    if bytes_in_raw or tensor.contents.uint_contents:
                        self._name_unread(tensor, index)
            entry += has_entry
        if entry != entries:
            raise WireError(f"raw contents: {entries} entries where the {naming.side} need {entry}")

    def _read(
        self, tensor: Tensor, index: int, shared: bool, raw: Sequence[bytes], entry: int | None
    ) -> None:
        """The texts of one tensor, from both of its places."""
        naming, name = self._naming, tensor.name
        key = name.lower()
        named = key in naming.roles
        role = naming.roles[key] if named else naming.other
        if role is None:
            return
        label = f"{naming.side}[{name}]" if named else self._label(name, index)
        if shared and not naming.shared_memory:
            raise WireError(
                f"{label} is text in shared memory, which cannot be read here: send it in the message, "
                "list the tensor in `ignore`, or set `shared_memory: pass`"
            )
        strict = named or naming.strict
        if tensor.HasField("contents"):
            self._add(role, label, strict, False, index, tensor.contents.bytes_contents)
        if entry is not None:
            self._add(role, label, strict, True, entry, split_elements(raw[entry], label, self._left))

    def _name_unread(self, tensor: Tensor, index: int) -> None:
        """Bytes that may be text or not, in a datatype that does not tell."""
        naming = self._naming
        if naming.roles.get(tensor.name.lower(), naming.other) is None:
            return
        label = self._label(tensor.name, index)
        if naming.strict:
            raise WireError(f"{label} is no text; a tensor that is not text belongs in `ignore`")
        if len(self.unread) < _MAX_UNREAD:
            self.unread += (label,)

    def _label(self, name: str, index: int) -> str:
        plain = name.lower() in self._naming.roles or PLAIN_NAME.fullmatch(name)
        return f"{self._naming.side}[{name if plain else f'#{index}'}]"

    def _add(
        self, role: Role, label: str, strict: bool, raw: bool, index: int, elements: Sequence[bytes]
    ) -> None:
        if len(elements) > self._left:
            raise WireError(f"{label}: the message has more than {self._naming.max_texts} texts")
        self._left -= len(elements)
        for number, element in enumerate(elements[:]):
            path = f"{label}[{number}]"
            try:
                self.parts.append(TextPart(role, element.decode(), path))
                self.places.append((raw, index, number))
            except UnicodeDecodeError:
                if strict:
                    why = "is not UTF-8; a tensor that is not text belongs in `ignore`"
                    raise WireError(f"{path} {why}") from None
                if len(self.unread) < _MAX_UNREAD:
                    self.unread += (path,)


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


def write(tensors: Tensors, raw: Sequence[bytes], edits: Iterable[tuple[Place, bytes]]) -> None:
    """Put other texts in places of a message that `Reading` read."""
    entries: dict[int, list[bytes]] = {}
    for (in_raw, index, element), text in edits:
        if not in_raw:
            tensors[index].contents.bytes_contents[element] = text
            continue
        if index not in entries:
            entries[index] = split_elements(raw[index], "raw contents", len(raw[index]))
        entries[index][element] = text
    for index, elements in entries.items():
        raw[index] = join_elements(elements)  # type: ignore[index]  # a protobuf repeated field


def entries_of(tensors: Tensors, raw: Sequence[bytes]) -> list[int | None]:
    """For each tensor of a response the index of its raw entry, None where it has none. Raises WireError when
    they do not match."""
    shared_too = len(raw) == len(tensors)
    found: list[int | None] = []
    entry = 0
    for tensor in tensors:
        has_entry = bool(raw) and (shared_too or _SHARED_MEMORY not in tensor.parameters)
        found.append(entry if has_entry else None)
        entry += has_entry
    if entry != len(raw):
        raise WireError(f"raw contents: {len(raw)} entries where the outputs need {entry}")
    return found


def remove(tensors: Tensors, raw: Sequence[bytes], indices: Collection[int]) -> None:
    """Take whole tensors out of a response, with their raw entries."""
    entries = entries_of(tensors, raw)
    for index in sorted(indices, reverse=True):
        if (entry := entries[index]) is not None:
            del raw[entry]  # type: ignore[attr-defined]  # a protobuf repeated field
        del tensors[index]  # type: ignore[attr-defined]


def tensor_of(tensors: Tensors, raw: Sequence[bytes], place: Place) -> int:
    """The index of the tensor of a response that a place lies in."""
    in_raw, index, _ = place
    return entries_of(tensors, raw).index(index) if in_raw else index


def places_of(tensors: Tensors, raw: Sequence[bytes], index: int) -> list[Place]:
    """Every place for a text in a tensor of a response."""
    tensor, entry = tensors[index], entries_of(tensors, raw)[index]
    places: list[Place] = [(False, index, at) for at in range(len(tensor.contents.bytes_contents))]
    if entry is not None and tensor.datatype == "BYTES":
        elements = split_elements(raw[entry], "raw contents", len(raw[entry]))
        places += [(True, entry, at) for at in range(len(elements))]
    return places
