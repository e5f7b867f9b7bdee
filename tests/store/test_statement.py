from __future__ import annotations

import pytest

from sentinel.store._statement import examine


@pytest.mark.parametrize(
    ("statement", "answers", "output_format"),
    [
        ("SELECT 1", True, "TabSeparated"),
        ("SELECT 1 FORMAT JSON", True, "JSON"),
        ("select 1\n format Native", True, "Native"),
        ("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", True, "CSV"),
        ("SELECT 'a FORMAT JSON'", True, "TabSeparated"),
        ("SELECT 1 -- FORMAT JSON", True, "TabSeparated"),
        ("SELECT 1 FORMAT JSON -- why\n;", True, "JSON"),
        ("/* SELECT */ SHOW TABLES", True, "TabSeparated"),
        ("(SELECT 1) UNION ALL (SELECT 2)", True, "TabSeparated"),
        ("WITH 1 AS x SELECT x", True, "TabSeparated"),
        ("SELECT a AS format FROM t", True, "TabSeparated"),
        ("SELECT t.format, b", True, "TabSeparated"),
        ("SELECT * FROM (SELECT 1 FORMAT x)", True, "TabSeparated"),
        ("CREATE TABLE format (a UInt8) ENGINE = Memory", False, "TabSeparated"),
        ("ALTER TABLE t MODIFY TTL a", False, "TabSeparated"),
        ("", False, "TabSeparated"),
        (";", False, "TabSeparated"),
    ],
)
def test_what_a_statement_answers(statement: str, answers: bool, output_format: str) -> None:
    shape = examine(statement.encode(), "TabSeparated")
    assert (shape.answers, shape.output_format, shape.inserts) == (answers, output_format, False)


@pytest.mark.parametrize(
    ("statement", "head", "insert_format", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x01\x02", b"INSERT INTO t ", "Native", b"\x01\x02"),
        (b"INSERT INTO t (`format`) FORMAT CSV 1\n2", b"INSERT INTO t (`format`) ", "CSV", b"1\n2"),
        (b"insert into t format JSONEachRow\r\n{}", b"insert into t ", "JSONEachRow", b"{}"),
        (b"INSERT INTO t FORMAT CSV\n\n1", b"INSERT INTO t ", "CSV", b"\n1"),
        (
            b"INSERT INTO t SETTINGS a = 'FORMAT x' FORMAT CSV\n1",
            b"INSERT INTO t SETTINGS a = 'FORMAT x' ",
            "CSV",
            b"1",
        ),
        (b"INSERT INTO t FORMAT Native", b"INSERT INTO t ", "Native", b""),
    ],
)
def test_where_the_data_of_an_insert_start(
    statement: bytes, head: bytes, insert_format: str, data: bytes
) -> None:
    shape = examine(statement, "TabSeparated")
    assert shape.inserts and not shape.answers
    assert statement[: shape.statement_end] == head
    assert (shape.insert_format, statement[shape.data_at :]) == (insert_format, data)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (1, 'FORMAT CSV')",
        "INSERT INTO t SELECT * FROM u FORMAT CSV",
        "INSERT INTO t (a) WITH 1 AS x SELECT x",
    ],
)
def test_inserts_that_the_engine_reads_whole(statement: str) -> None:
    assert examine(statement.encode(), "TabSeparated").insert_format == ""


@pytest.mark.parametrize(
    ("statement", "touches"),
    [
        ("SELECT 1 INTO OUTFILE '/tmp/x'", True),
        ("SELECT 1 INTO /* */ OUTFILE '/tmp/x'", True),
        ("INSERT INTO t FROM INFILE '/etc/hostname' FORMAT CSV", True),
        ("INSERT INTO t SELECT 1 INTO OUTFILE 'x'", True),
        ("SELECT 'INTO OUTFILE'", False),
        ("INSERT INTO t FORMAT CSV\nFROM INFILE", False),
    ],
)
def test_statements_that_touch_files_are_seen(statement: str, touches: bool) -> None:
    assert examine(statement.encode(), "TabSeparated").touches_files is touches
