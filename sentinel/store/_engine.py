"""chdb handles: one statement with its settings and parameters, bytes in and bytes out.

A handle is a session of its own on the process's one engine and opens in 0.2 ms, so each statement gets a
fresh one and no setting ever leaks into the next statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from chdb.state import connect

_CODE = re.compile(r"Code: (\d+)\.")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


class Answer(NamedTuple):
    """A statement's result in its output format, and its counts."""

    data: bytes
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    elapsed_ns: int = 0


class EngineError(Exception):
    """The engine refused a statement: ClickHouse's error code and text."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)


def engine_location(path: Path, memory_mb: int) -> str:
    """What every handle of one engine has to be opened with: chdb compares these texts literally."""
    return f"{path.resolve()}?max_server_memory_usage={memory_mb * 1024 * 1024}"


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Engine:
    """The open engine of this process. Statements may run in several threads at once."""

    def __init__(self, location: str) -> None:
        self._location = location
        # As long as one handle is open, the engine stays.
        self._anchor = connect(location)

    def run(
        self,
        statement: bytes,
        output_format: str = "TabSeparated",
        *,
        insert_format: str = "",
        insert_data: bytes = b"",
        database: str = "",
        settings: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run one statement, or an INSERT without its FORMAT clause whose data are given beside it.

        Parameters are in ClickHouse's escaped form; an insert with data takes none. Raises EngineError.
        """
        handle = connect(self._location)
        try:
            if database:
                handle.query(f"USE `{database.replace('`', '``')}`", "TabSeparated")
            if settings:
                handle.query(_set_statement(settings), "TabSeparated")
            if insert_format:
                return _insert(handle, statement, insert_format, insert_data)
            # chdb takes bytes as well as text
            result = handle.query(cast("str", statement), output_format, params=dict(parameters or {}))
            return _answer(result)
        except RuntimeError as error:
            raise _engine_error(error) from None
        finally:
            handle.close()

    def close(self) -> None:
        self._anchor.close()


def _set_statement(settings: Mapping[str, str]) -> str:
    for name in settings:
        if not _NAME.match(name):
            raise EngineError(115, "Code: 115. DB::Exception: Not the name of a setting. (UNKNOWN_SETTING)")
    return "SET " + ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items())


def _insert(handle: Any, statement: bytes, insert_format: str, data: bytes) -> Answer:
    with handle.send_insert(statement.decode(), insert_format) as inserter:
        if data:
            inserter.append(data)
        done = inserter.finish()
    return Answer(b"", 0, 0, done.rows_written, int(done.elapsed * 1e9))


def _answer(result: Any) -> Answer:
    return Answer(
        data=result.bytes() or b"",
        read_rows=result.rows_read(),
        read_bytes=result.bytes_read(),
        written_rows=result.rows_written(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )


def _engine_error(error: RuntimeError) -> EngineError:
    text = str(error)
    start = text.find("Code: ")
    text = text[start:] if start >= 0 else f"Code: 1002. DB::Exception: {text} (UNKNOWN_EXCEPTION)"
    match = _CODE.match(text)
    return EngineError(int(match.group(1)) if match else 1002, text.strip())
