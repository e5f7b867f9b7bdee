"""ModelInfer messages, written by hand from the protocol's field numbers: an oracle of its own."""

from __future__ import annotations

import base64

from tests.e2e.client import Script


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, *texts: str) -> bytes:
    contents = b"".join(field(8, text.encode()) for text in texts)
    shape = field(3, varint(len(texts)))
    return field(1, name.encode()) + field(2, b"BYTES") + shape + field(5, contents)


def request(text: str, *, name: str = "text_input", model: str = "m") -> bytes:
    return field(1, model.encode()) + field(3, b"1") + field(5, tensor(name, text))


def response(text: str, *, name: str = "text_output", model: str = "m") -> bytes:
    return field(1, model.encode()) + field(3, b"1") + field(5, tensor(name, text))


def answer(text: str) -> Script:
    """Script steps of an upstream that reads the request and answers `text`."""
    return [["read_all"], ["bytes64", base64.b64encode(response(text)).decode()]]
