from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, OperationalError

from sentinel.store._errors import RETRYABLE, translate


def told(error: Exception, *, quote: bool = True) -> tuple[str, bool]:
    translated = translate(error, "insert into t", "db:8123", quote=quote)
    return str(translated), translated.retryable


@pytest.mark.parametrize(
    ("error", "retryable", "says"),
    [
        (DatabaseError("Code: 252. DB::Exception: x. (TOO_MANY_PARTS)", code=252), True, "too many parts"),
        (DatabaseError("Code: 241. DB::Exception: x. (MEMORY_LIMIT_EXCEEDED)"), True, "memory is short"),
        (DatabaseError("HTTP status 503"), True, "the server is busy"),
        (OperationalError("Connection refused"), True, "no answer"),
        (ConnectionResetError(), True, "no answer"),
        (TimeoutError(), True, "no answer"),
        (DatabaseError("Code: 53. DB::Exception: x. (TYPE_MISMATCH)", code=53), False, "TYPE_MISMATCH"),
        (DatabaseError("no", code=516), False, "check `user` and `password_file`"),
        (DataError("cannot write 4111"), False, "refused by the client (DataError)"),
        (ValueError("4111"), False, "refused by the client (ValueError)"),
    ],
)
def test_passing_or_permanent(error: Exception, retryable: bool, says: str) -> None:
    text, answer = told(error)
    assert answer is retryable
    assert says in text and "db:8123" in text and "insert into t" in text
    assert "4111" not in text


def test_the_engines_text_is_kept_for_queries_only() -> None:
    error = DatabaseError(
        "Received ClickHouse exception, code: 47, server response: Code: 47. DB::Exception: Unknown name "
        "`nope`. (UNKNOWN_IDENTIFIER) (version 26.9.2.1) (for url http://db:8123)",
        code=47,
    )
    text, _ = told(error)
    assert "Unknown name `nope`" in text and "version" not in text
    assert "nope" not in told(error, quote=False)[0]


@pytest.mark.parametrize("code", sorted(RETRYABLE))
def test_every_passing_code(code: int) -> None:
    assert told(DatabaseError("x", code=code)) == (told(DatabaseError("x", code=code))[0], True)
