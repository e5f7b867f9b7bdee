"""The HTTP interface as its clients use it: clickhouse-connect, plain HTTP, and the requests of
ClickHouse's Go driver, which Grafana's data source uses."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect
import lz4.frame
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from sentinel.store._http_front import MAX_CONNECTIONS
from tests.store.owner import OwnerProcess


class Http:
    """One keep-alive connection, statements over it."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=30)

    def ask(
        self,
        body: bytes | str | Iterator[bytes] | None = None,
        method: str = "POST",
        path: str = "/",
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        url = path + ("?" + urlencode(parameters) if parameters else "")
        self.connection.request(method, url, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers


@pytest.fixture
def web(store_owner: OwnerProcess) -> Iterator[Http]:
    web = Http(store_owner.address)
    yield web
    web.connection.close()


@pytest.fixture
def table(store_owner: OwnerProcess, web: Http, request: pytest.FixtureRequest) -> Iterator[str]:
    """`default.<name>` with columns a UInt8, b String."""
    name = f"w_{zlib.crc32(request.node.nodeid.encode()):08x}"
    assert web.ask(f"CREATE TABLE {name} (a UInt8, b String) ENGINE = MergeTree ORDER BY a")[0] == 200
    yield name
    web.ask(f"DROP TABLE {name}")


@pytest.mark.parametrize(("method", "path"), [("GET", "/ping"), ("GET", "/"), ("HEAD", "/ping")])
def test_ping(web: Http, method: str, path: str) -> None:
    status, body, _ = web.ask(method=method, path=path)
    assert (status, body) == (200, b"" if method == "HEAD" else b"Ok.\n")


def test_elsewhere_is_nothing(web: Http) -> None:
    assert web.ask("SELECT 1", path="/play")[0] == 404


@pytest.mark.parametrize(
    ("body", "parameters", "answer"),
    [
        ("SELECT 1", {}, b"1\n"),
        (None, {"query": "SELECT 1"}, b"1\n"),
        ("1 + 1", {"query": "SELECT"}, b"2\n"),
        ("SELECT 1 AS a FORMAT CSVWithNames", {}, b'"a"\n1\n'),
        ("SELECT 1 AS a", {"default_format": "JSONEachRow"}, b'{"a":1}\n'),
        ("SELECT {x:UInt8} + 1, {s:String}", {"param_x": "2", "param_s": r"a\tb"}, b"3\ta\\tb\n"),
        ("SELECT getSetting('max_threads')", {"max_threads": "3"}, b"3\n"),
        ("SELECT currentDatabase()", {"database": "system"}, b"system\n"),
        ("SELECT 'caf\u00e9'", {}, "caf\u00e9\n".encode()),
        ("SELECT 1 WHERE 0", {}, b""),
    ],
)
def test_statements(web: Http, body: str | None, parameters: dict[str, str], answer: bytes) -> None:
    body_bytes = body.encode() if body else None
    assert web.ask(body_bytes, **parameters)[:2] == (200, answer)


def test_settings_hold_for_their_statement_alone(web: Http) -> None:
    default = web.ask("SELECT getSetting('max_block_size')")[1]
    assert web.ask("SELECT getSetting('max_block_size')", max_block_size=7)[1] == b"7\n"
    assert web.ask("SELECT getSetting('max_block_size')")[1] == default


def test_what_an_answer_says_of_itself(web: Http) -> None:
    _, body, headers = web.ask("SELECT number FROM numbers(3) FORMAT JSON", query_id="q-1")
    assert [row["number"] for row in json.loads(body)["data"]] in ([0, 1, 2], ["0", "1", "2"])
    assert headers["Content-Type"].startswith("application/json")
    assert headers["X-ClickHouse-Format"] == "JSON"
    assert headers["X-ClickHouse-Query-Id"] == "q-1"
    assert headers["X-ClickHouse-Timezone"]
    assert json.loads(headers["X-ClickHouse-Summary"])["read_rows"] == "3"


@pytest.mark.parametrize(
    ("statement", "parameters", "status", "code"),
    [
        ("SELEC 1", {}, 400, "62"),
        ("SELECT nope", {}, 404, "47"),
        ("SELECT 1 FROM nowhere", {}, 404, "60"),
        ("SELECT 1", {"database": "nowhere"}, 404, "81"),
        ("SELECT 1", {"no_such_setting": "1"}, 404, "115"),
        ("SELECT 1", {"a b": "1"}, 404, "115"),
        ("SELECT {x:UInt8}", {}, 400, "456"),
        ("SELECT throwIf(1)", {}, 500, "395"),
        ("SELECT 1 INTO OUTFILE '/tmp/never'", {}, 501, "48"),
        ("SELECT 1", {"compress": "1"}, 501, "48"),
        ("", {}, 400, "62"),
    ],
)
def test_refusals(web: Http, statement: str, parameters: dict[str, str], status: int, code: str) -> None:
    answer, body, headers = web.ask(statement, **parameters)
    assert (answer, headers["X-ClickHouse-Exception-Code"]) == (status, code)
    assert body.startswith(f"Code: {code}. DB::Exception: ".encode()) and b"(version " in body
    # The connection is as good as before.
    assert web.ask("SELECT 1")[1] == b"1\n"


def test_get_may_only_read(web: Http, table: str) -> None:
    assert web.ask(method="GET", query=f"SELECT count() FROM {table}")[:2] == (200, b"0\n")
    for statement in (f"DROP TABLE {table}", f"INSERT INTO {table} VALUES (1, 'x')"):
        status, _, headers = web.ask(method="GET", query=statement)
        assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "164")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.com"}, {"Host": "rebound.example.com"}, {"Host": "127.0.0.1.example.com"}],
)
def test_a_web_page_may_not(web: Http, headers: dict[str, str]) -> None:
    assert web.ask("SELECT 1", headers=headers)[0] == 403


@pytest.mark.parametrize(
    ("statement", "data"),
    [
        ("INSERT INTO {t} FORMAT CSV\n", b"1,x\n2,y\n"),
        ("INSERT INTO {t} (b, a) FORMAT JSONEachRow\n", b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}'),
        ("INSERT INTO {t} VALUES (1, 'x'), (2, 'y')", b""),
        ("INSERT INTO {t} SELECT number + 1, if(number > 0, 'y', 'x') FROM numbers(2)", b""),
        ("INSERT INTO {t} FORMAT RowBinary\n", b"\x01\x01x\x02\x01y"),
    ],
)
@pytest.mark.parametrize("place", ["body", "query"])
@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "lz4"])
def test_inserts(web: Http, table: str, statement: str, data: bytes, place: str, encoding: str) -> None:
    sql = statement.format(t=table).encode()
    if place == "query" and data:
        parameters, body = {"query": sql.rstrip()}, data
    else:
        parameters, body = {}, sql + data
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "lz4": lz4.frame.compress}.get(encoding, bytes)
    headers = {"Content-Encoding": encoding} if encoding else {}
    status, text, answered = web.ask(pack(body), headers=headers, **parameters)
    assert (status, text) == (200, b"")
    assert web.ask(f"SELECT * FROM {table} ORDER BY a")[1] == b"1\tx\n2\ty\n"
    assert json.loads(answered["X-ClickHouse-Summary"])["written_rows"] == "2"


def test_a_body_in_chunks(web: Http, table: str) -> None:
    rows = (f"{i % 256},{i}\n".encode() for i in range(1000))

    def chunks() -> Iterator[bytes]:
        yield f"INSERT INTO {table} FORMAT CSV\n".encode()
        yield from rows

    assert web.ask(chunks())[0] == 200
    assert web.ask(f"SELECT count(), sum(toUInt32(b)) FROM {table}")[1] == b"1000\t499500\n"


def test_binary_data_of_some_size_arrive_as_they_are(web: Http, table: str) -> None:
    sql = "SELECT toUInt8(number) AS a, randomString(number % 300) AS b FROM numbers(50000) FORMAT Native"
    data = web.ask(sql)[1]
    assert web.ask(f"INSERT INTO {table} FORMAT Native\n".encode() + data)[0] == 200
    total = f"SELECT count(), sum(length(b)) FROM {table}"
    assert web.ask(total)[1] == b"50000\t7465000\n"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Encoding": "br"}, b"x", 415),
        ({"Content-Encoding": "gzip"}, b"not gzip", 400),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"SELECT 1" * 99, mtime=0)[:-9], 400),
        ({"Content-Encoding": "lz4"}, b"SELECT 1", 400),
    ],
)
def test_bodies_that_cannot_be_read(web: Http, headers: dict[str, str], body: bytes, status: int) -> None:
    assert web.ask(body, headers=headers)[0] == status


def test_a_body_beyond_the_bound(web: Http) -> None:
    bomb = gzip.compress(bytes(257 * 1024 * 1024), compresslevel=1)
    assert web.ask(bomb, headers={"Content-Encoding": "gzip"})[0] == 413
    web.connection.close()
    web.connection.putrequest("POST", "/")
    web.connection.putheader("Content-Length", str(300 * 1024 * 1024))
    web.connection.endheaders()
    assert web.connection.getresponse().status == 413


def test_a_result_beyond_the_bound(web: Http) -> None:
    status, _, headers = web.ask(
        "SELECT repeat('x', 999000 + number % 2) FROM numbers(400)", max_block_size=10
    )
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "396")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd", "gzip, br"])
def test_answers_are_compressed_as_the_client_accepts(web: Http, encoding: str) -> None:
    _, body, headers = web.ask("SELECT repeat('x', 1000)", headers={"Accept-Encoding": encoding})
    assert headers["Content-Encoding"] == encoding.split(",")[0] and len(body) < 200
    _, body, headers = web.ask("SELECT 1", headers={"Accept-Encoding": encoding}, enable_http_compression=0)
    assert (body, headers["Content-Encoding"]) == (b"1\n", None)


def test_many_clients_at_once(store_owner: OwnerProcess) -> None:
    def ask(number: int) -> bytes:
        web = Http(store_owner.address)
        try:
            return b"".join(web.ask(f"SELECT {number} + {i}")[1] for i in range(5))
        finally:
            web.connection.close()

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(MAX_CONNECTIONS * 2)))
    assert answers == [b"".join(f"{n + i}\n".encode() for i in range(5)) for n in range(MAX_CONNECTIONS * 2)]


class TestClickhouseConnect:
    """As any program would call it, with the client's own defaults."""

    @pytest.fixture(params=["lz4", "zstd", "gzip", False])
    def client(self, store_owner: OwnerProcess, request: pytest.FixtureRequest) -> Iterator[Any]:
        host, _, port = store_owner.address.partition(":")
        client = clickhouse_connect.get_client(host=host, port=int(port), compress=request.param)
        yield client
        client.close()

    def test_queries(self, client: Any) -> None:
        columns = "number AS n, toString(n) AS s, toLowCardinality(s) AS l, [n] AS a"
        sql = f"SELECT {columns} FROM numbers({{rows:UInt32}})"
        result = client.query(sql, parameters={"rows": 70_000})
        assert result.column_names == ("n", "s", "l", "a")
        assert result.result_rows[-1] == (69_999, "69999", "69999", [69_999])
        assert client.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)
        assert client.query("SELECT 1 AS a WHERE 0").result_rows == []

    def test_streams(self, client: Any) -> None:
        with client.query_rows_stream("SELECT number FROM numbers(200000)") as rows:
            assert sum(row[0] for row in rows) == 199_999 * 100_000

    def test_inserts_and_commands(self, client: Any, table: str) -> None:
        summary = client.insert(
            table, [[i % 256, "é" * (i % 50)] for i in range(20_000)], column_names=["a", "b"]
        )
        assert summary.written_rows == 20_000
        assert client.command(f"SELECT count(), sum(length(b)) FROM {table}") == ["20000", "980000"]
        client.raw_insert(table, ["a", "b"], b"7,seven\n", fmt="CSV")
        assert client.query(f"SELECT b FROM {table} WHERE b = 'seven'").result_rows == [("seven",)]
        assert client.command(f"TRUNCATE TABLE {table}").written_rows == 0

    def test_errors(self, client: Any) -> None:
        with pytest.raises(DatabaseError) as caught:
            client.query("SELECT nope")
        assert caught.value.code == 47

    def test_long_parameters_in_a_form(self, store_owner: OwnerProcess, client: Any) -> None:
        names = [f"name-{i}" for i in range(5_000)]
        host, _, port = store_owner.address.partition(":")
        client = clickhouse_connect.get_client(host=host, port=int(port), form_encode_query_params=True)
        sql = "SELECT length({names:Array(String)}) AS n"
        assert client.query(sql, parameters={"names": names}).result_rows == [(5_000,)]
        client.close()
