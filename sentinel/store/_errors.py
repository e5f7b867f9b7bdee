"""ClickHouse's errors -> StoreError, passing (`retryable`) or permanent.

The engine's own text is kept for queries and schema changes, whose text is ours, and dropped for inserts:
it may quote a value of the row that it could not read.
"""

from __future__ import annotations

import re

from sentinel.core.errors import StoreError

# Names in ClickHouse's src/Common/ErrorCodes.cpp. These pass by themselves or with room made.
RETRYABLE = {
    159: "TIMEOUT_EXCEEDED",
    160: "TOO_SLOW",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    279: "ALL_CONNECTION_TRIES_FAILED",
    285: "TOO_FEW_LIVE_REPLICAS",
    319: "UNKNOWN_STATUS_OF_INSERT",
    394: "QUERY_WAS_CANCELLED",
    439: "CANNOT_SCHEDULE_TASK",
    745: "SERVER_OVERLOADED",
    999: "KEEPER_EXCEPTION",
}
_ADVICE = {
    60: "the tables are missing: start the sidecar once, or run the migrations",
    81: "the database is missing: start the sidecar once, or run the migrations",
    16: "a column is missing: run the migrations of this version of Sentinel",
    164: "the user may only read: give it INSERT, or end the read-only mode",
    192: "the user is unknown: check `user`",
    193: "the password is wrong: check `password_file`",
    241: "memory is short: raise the server's limit or make the batches smaller",
    243: "the disk is full: make room or shorten the TTLs",
    252: "too many parts: inserts come faster than merges",
    497: "the user lacks a privilege: GRANT it",
    516: "user or password is wrong: check `user` and `password_file`",
}
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{3,})\)")
_CODE = re.compile(r"Code:\s*(\d+)")
_TRAILER = re.compile(r"\s*\((?:version|for url) .*", re.DOTALL)


def translate(error: Exception, doing: str, address: str, *, quote: bool) -> StoreError:
    """The StoreError for what a client call raised. `quote` adds the engine's own text."""
    text = str(error)
    code: int | None = getattr(error, "code", None)
    if code is None and (match := _CODE.search(text)):
        code = int(match.group(1))
    if code is None:
        return _without_code(error, doing, address)
    names = _NAME.findall(text)
    name = RETRYABLE.get(code) or (names[-1] if names else "")
    parts = [f"store at {address}: {doing}: ClickHouse error {code}" + (f" ({name})" if name else "")]
    if code in _ADVICE:
        parts.append(_ADVICE[code])
    elif quote:
        parts.append(_TRAILER.sub("", text.rpartition("DB::Exception: ")[2])[:600])
    return StoreError("; ".join(parts), retryable=code in RETRYABLE)


def _without_code(error: Exception, doing: str, address: str) -> StoreError:
    # Workers read the store's config and never its client, so the client is imported once it has failed.
    from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

    kind = type(error).__name__
    if isinstance(error, OperationalError | ConnectionError | TimeoutError | OSError):
        why = f"no answer ({kind}): is it running, and is the address right?"
        return StoreError(f"store at {address}: {doing}: {why}", retryable=True)
    if isinstance(error, ClickHouseError) and re.search(r"HTTP status (429|502|503|504)", str(error)):
        return StoreError(f"store at {address}: {doing}: the server is busy", retryable=True)
    return StoreError(f"store at {address}: {doing}: refused by the client ({kind})", retryable=False)
