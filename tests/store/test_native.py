"""Native for clients with a protocol version, read back by two readers that are not ours:
clickhouse-connect's parser for the block header, and a reader written here after ClickHouse's Go driver
for the hello of Grafana's data source."""

from __future__ import annotations

import gzip
import http.client
import struct
from typing import Any
from urllib.parse import urlencode

import pytest

from sentinel.store._native import BLOCK_INFO, SERIALIZATION_BYTE, UnknownType, _reader, for_client
from tests.store.owner import OwnerProcess

HEADER = b"\x01\x00\x02\xff\xff\xff\xff\x00"


def ask(owner: OwnerProcess, sql: str, **parameters: Any) -> bytes:
    connection = http.client.HTTPConnection(owner.address)
    connection.request("POST", "/?" + urlencode(parameters), sql.encode())
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return body


# An expression over `number` for each kind of value.
EXPRESSIONS = [
    "number",
    "toInt8(number)",
    "number % 2 = 0",
    "toFloat32(number)",
    "toUInt256(number)",
    "toBFloat16(number)",
    "toDate(number)",
    "toDate32('2026-01-01')",
    "toDateTime(number, 'UTC')",
    "toDateTime64(number, 9, 'UTC')",
    "toDecimal32(number, 2)",
    "toDecimal64(number, 2)",
    "toDecimal128(number, 2)",
    "toDecimal256(number, 2)",
    "generateUUIDv4()",
    "toIPv4('127.0.0.1')",
    "toIPv6('::1')",
    "toFixedString('ab', 3)",
    "CAST(number % 2, 'Enum8(\\'a,(\\' = 0, \\'b\\' = 1)')",
    "toIntervalDay(number)",
    "NULL",
    "toString(number)",
    "repeat('x', number * 7)",
    "if(number % 2 = 0, NULL, toString(number))",
    "range(number % 5)",
    "[range(number % 3), range(number % 4)]",
    "emptyArrayString()",
    "(number, 'a', [1, 2])",
    "CAST((number, 'a'), 'Tuple(first UInt64, `the second` String)')",
    "tuple()",
    "map('a', number, 'b', 2)",
    "CAST(map('a', toString(number)), 'Map(LowCardinality(String), String)')",
    "toLowCardinality(toString(number % 300))",
    "toLowCardinality(toNullable(toString(number % 3)))",
    "CAST([toString(number % 70000)], 'Array(LowCardinality(String))')",
    "CAST([], 'Array(LowCardinality(String))')",
    "CAST([(toLowCardinality('a'), number)], 'Array(Tuple(k LowCardinality(String), v UInt64))')",
    "(number::Float64, 1.5)::Point",
    "[[(0., 0.), (1., number::Float64)]]::Polygon",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("rows", [1, 3000])
def test_every_type_is_measured(store_owner: OwnerProcess, expression: str, rows: int) -> None:
    # A second column of a known form follows, so that a wrong length cannot end well by chance.
    sql = f"SELECT {expression} AS x, toUInt8(7) AS seven FROM numbers({rows}) FORMAT Native"
    if "generateUUID" in expression:
        plain = ask(store_owner, sql)
        rewritten = for_client(plain, SERIALIZATION_BYTE)
    else:
        plain = ask(store_owner, sql, max_threads=1)
        rewritten = ask(store_owner, sql, client_protocol_version=SERIALIZATION_BYTE, max_threads=1)
    blocks = plain.count(b"\x05seven\x05UInt8\x07")
    assert blocks >= 1
    assert rewritten.count(b"\x05seven\x05UInt8\x00\x07") == blocks
    assert rewritten.startswith(HEADER)
    assert len(rewritten) == len(plain) + blocks * (len(HEADER) + 2)


def test_a_client_between_the_versions_gets_the_header_alone(store_owner: OwnerProcess) -> None:
    plain = ask(store_owner, "SELECT 1 AS a FORMAT Native")
    assert for_client(plain, 0) == for_client(plain, BLOCK_INFO - 1) == plain
    assert for_client(plain, BLOCK_INFO) == HEADER + plain
    assert for_client(b"", SERIALIZATION_BYTE) == b""


@pytest.mark.parametrize(
    "type_name", ["AggregateFunction(sum, UInt64)", "Dynamic", "JSON", "Variant(String)"]
)
def test_types_that_cannot_be_measured_are_refused(type_name: str) -> None:
    with pytest.raises(UnknownType):
        _reader(type_name)


class GoReader:
    """Reads a block as clickhouse-go does (lib/proto/block.go), Strings and UInt32 only."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def uvarint(self) -> int:
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def string(self) -> str:
        return self.take(self.uvarint()).decode()

    def block(self) -> dict[str, list[Any]]:
        self.uvarint(), self.take(1), self.uvarint(), self.take(4), self.uvarint()
        columns, rows = self.uvarint(), self.uvarint()
        found: dict[str, list[Any]] = {}
        for _ in range(columns):
            name, type_name = self.string(), self.string()
            assert self.take(1) == b"\x00"
            if type_name == "String":
                found[name] = [self.string() for _ in range(rows)]
            else:
                width = {"UInt32": "<I", "UInt8": "<B", "UInt64": "<Q"}[type_name]
                found[name] = [
                    struct.unpack(width, self.take(struct.calcsize(width)))[0] for _ in range(rows)
                ]
        return found


def test_grafanas_hello(store_owner: OwnerProcess) -> None:
    connection = http.client.HTTPConnection(store_owner.address)
    hello = {"client_protocol_version": 54460, "database": "default", "default_format": "Native"}
    headers = {"Accept-Encoding": "gzip", "User-Agent": "grafana/12 clickhouse-go/2.40"}
    headers["Authorization"] = "Basic ZGVmYXVsdDo="
    for sql, columns in (
        ("SELECT displayName(), version(), revision(), timezone()", 4),
        ("SELECT 1", 1),
    ):
        connection.request("POST", "/?" + urlencode(hello), sql.encode(), headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Content-Encoding") == "gzip"
        reader = GoReader(gzip.decompress(answer.read()))
        block = reader.block()
        assert len(block) == columns
        assert reader.at == len(reader.data)
        if columns == 4:
            assert block["revision()"][0] >= 54460
            assert block["timezone()"] == ["UTC"] or block["timezone()"][0]
        else:
            assert block == {"1": [1]}
    connection.close()
