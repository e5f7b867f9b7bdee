"""The Native format as clients with a protocol version read it (parameter `client_protocol_version`).

The embedded engine writes Native as for a client of version 0. Later clients expect two additions
(ClickHouse's NativeWriter): a block header from version BLOCK_INFO on, and one byte behind each column's type
from version SERIALIZATION_BYTE on. Inserting that byte takes the length of each column's data, hence the walk
over the types below. Inserts need nothing of the kind: clients write them as version 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable

BLOCK_INFO = 51903
SERIALIZATION_BYTE = 54454

# Field 1: no overflow row; field 2: bucket -1; 0 ends the header.
_BLOCK_HEADER = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_PLAIN_SERIALIZATION = b"\x00"

_WIDTHS = {
    **dict.fromkeys("UInt8 Int8 Bool Enum8 Nothing".split(), 1),
    **dict.fromkeys("UInt16 Int16 Date Enum16 BFloat16".split(), 2),
    **dict.fromkeys("UInt32 Int32 Float32 DateTime Date32 IPv4 Time Decimal32".split(), 4),
    **dict.fromkeys("UInt64 Int64 Float64 DateTime64 Time64 Decimal64".split(), 8),
    **dict.fromkeys("UInt128 Int128 UUID IPv6 Decimal128".split(), 16),
    **dict.fromkeys("UInt256 Int256 Decimal256".split(), 32),
}
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Tuple(Float64, Float64))",
    "LineString": "Array(Tuple(Float64, Float64))",
    "Polygon": "Array(Array(Tuple(Float64, Float64)))",
    "MultiLineString": "Array(Array(Tuple(Float64, Float64)))",
    "MultiPolygon": "Array(Array(Array(Tuple(Float64, Float64))))",
}
_QUOTED_NAME = re.compile(r"`(?:[^`\\]|\\.)*`\s+|[A-Za-z_]\w*\s+")

# (data, offset, rows) -> the offset behind the column's values
_Walk = Callable[[bytes, int, int], int]


class UnknownType(Exception):
    """A type whose values this module cannot measure."""


def for_client(data: bytes, version: int) -> bytes:
    """Rewrite a version 0 stream of blocks for a client of `version`. Raises UnknownType."""
    if version < BLOCK_INFO or not data:
        return data
    out: list[bytes] = []
    at = 0
    while at < len(data):
        at = _copy_block(data, at, version, out)
    return b"".join(out)


def _copy_block(data: bytes, at: int, version: int, out: list[bytes]) -> int:
    start = at
    columns, at = _varint(data, at)
    rows, at = _varint(data, at)
    out += (_BLOCK_HEADER, data[start:at])
    for _ in range(columns):
        start = at
        size, at = _varint(data, at)
        at += size
        size, at = _varint(data, at)
        type_name = data[at : at + size].decode()
        at += size
        out.append(data[start:at])
        if version >= SERIALIZATION_BYTE:
            out.append(_PLAIN_SERIALIZATION)
        start = at
        if rows:
            prefix, walk = _reader(type_name)
            at = walk(data, at + prefix, rows)
        out.append(data[start:at])
    return at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _reader(type_name: str) -> tuple[int, _Walk]:
    """(bytes of state ahead of the column, how to step over its values)."""
    name, arguments = _parse(type_name)
    if name in _ALIASES:
        return _reader(_ALIASES[name])
    if name in _WIDTHS or name.startswith("Interval"):
        return 0, _fixed(_WIDTHS.get(name, 8))
    if name == "Decimal":
        return 0, _fixed(_decimal_width(int(arguments[0])))
    if name == "FixedString":
        return 0, _fixed(int(arguments[0]))
    if name == "String":
        return 0, _strings
    if name in _NESTING:
        return _NESTING[name](arguments)
    raise UnknownType(name)


def _fixed(width: int) -> _Walk:
    return lambda data, at, rows: at + width * rows


def _decimal_width(precision: int) -> int:
    return next(width for width, most in ((4, 9), (8, 18), (16, 38), (32, 76)) if precision <= most)


def _strings(data: bytes, at: int, rows: int) -> int:
    for _ in range(rows):
        size = data[at]
        if size < 0x80:
            at += 1 + size
        else:
            size, at = _varint(data, at)
            at += size
    return at


def _nullable(arguments: list[str]) -> tuple[int, _Walk]:
    prefix, walk = _reader(arguments[0])
    return prefix, lambda data, at, rows: walk(data, at + rows, rows)


def _array(arguments: list[str]) -> tuple[int, _Walk]:
    prefix, walk = _reader(arguments[0])

    def step(data: bytes, at: int, rows: int) -> int:
        if not rows:
            return at
        values = _u64(data, at + 8 * (rows - 1))
        return walk(data, at + 8 * rows, values)

    return prefix, step


def _tuple(arguments: list[str]) -> tuple[int, _Walk]:
    if not arguments:
        return 0, _fixed(1)
    readers = [_reader(_without_name(argument)) for argument in arguments]

    def step(data: bytes, at: int, rows: int) -> int:
        for _, walk in readers:
            at = walk(data, at, rows)
        return at

    return sum(prefix for prefix, _ in readers), step


def _map(arguments: list[str]) -> tuple[int, _Walk]:
    return _array([f"Tuple({', '.join(arguments)})"])


def _low_cardinality(arguments: list[str]) -> tuple[int, _Walk]:
    name, inner = _parse(arguments[0])
    _, walk = _reader(inner[0] if name == "Nullable" else arguments[0])

    def step(data: bytes, at: int, rows: int) -> int:
        if not rows:
            return at
        flags = _u64(data, at)
        keys = _u64(data, at + 8)
        at = walk(data, at + 16, keys)
        return at + 8 + rows * (1 << (flags & 0xFF))

    return 8, step


_NESTING: dict[str, Callable[[list[str]], tuple[int, _Walk]]] = {
    "Nullable": _nullable,
    "Array": _array,
    "Tuple": _tuple,
    "Nested": lambda arguments: _array([f"Tuple({', '.join(arguments)})"]),
    "Map": _map,
    "LowCardinality": _low_cardinality,
    "SimpleAggregateFunction": lambda arguments: _reader(arguments[1]),
}


def _parse(type_name: str) -> tuple[str, list[str]]:
    """`Map(String, Array(UInt8))` -> ("Map", ["String", "Array(UInt8)"])."""
    name, bracket, rest = type_name.strip().partition("(")
    if not bracket:
        return name, []
    arguments, depth, quote, start = [], 0, "", 0
    inner = rest.rstrip()[:-1]
    skip = False
    for i, char in enumerate(inner):
        if skip:
            skip = False
        elif quote:
            skip = char == "\\"
            quote = "" if char == quote else quote
        elif char in "'`\"":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and not depth:
            arguments.append(inner[start:i].strip())
            start = i + 1
    last = inner[start:].strip()
    return name.strip(), [*arguments, last] if last else arguments


def _without_name(argument: str) -> str:
    """`name Type` of a named tuple -> `Type`."""
    named = _QUOTED_NAME.match(argument)
    return argument[named.end() :] if named else argument
