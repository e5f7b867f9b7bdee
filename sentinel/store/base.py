"""The store as every other part sees it: StoreConfig, Store, open_store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sentinel.core.address import checked_tcp
from sentinel.core.errors import ConfigError, StoreError
from sentinel.store import _confirm, queries, schema
from sentinel.store._errors import translate
from sentinel.store.rows import Table

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

__all__ = ["Store", "StoreConfig", "Table", "TtlDays", "open_store"]


class TtlDays(BaseModel):
    """How many days rows are kept, per kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    traces: int = Field(
        default=30, ge=1, le=10_000, description="Spans (`otel_traces` and its look-up table)."
    )
    exchanges: int = Field(
        default=90, ge=1, le=10_000, description="One row per exchange (`sentinel_exchanges`)."
    )
    decisions: int = Field(
        default=90, ge=1, le=10_000, description="One row per screened stage (`sentinel_decisions`)."
    )
    findings: int = Field(
        default=90, ge=1, le=10_000, description="One row per finding (`sentinel_findings`)."
    )


class StoreConfig(BaseModel):
    """Where records are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["embedded", "clickhouse"] = Field(
        default="embedded",
        description="`embedded`: the engine runs in the exporter. `clickhouse`: a server at `address`.",
    )
    database: str = Field(
        default="sentinel", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database; created when missing."
    )
    ttl_days: TtlDays = Field(default=TtlDays(), description="How long rows are kept.")
    path: Path | None = Field(
        default=None, description="Embedded: the database's directory (default: STATE_DIR/store)."
    )
    listen: str = Field(
        default="127.0.0.1:18123",
        description="Embedded: HOST:PORT of the HTTP interface for commands, notebooks and Grafana; port 0 "
        "picks a free one. Another host than loopback needs `password_file`.",
    )
    memory_mb: int = Field(default=2048, ge=256, description="Embedded: bound of the engine's memory, MiB.")
    address: str = Field(
        default="", description="Server: HOST:PORT of its HTTP interface (usually port 8123 or 8443)."
    )
    user: str = Field(default="default", description="Server or embedded HTTP interface: user name.")
    password_file: Path | None = Field(
        default=None,
        description="File that holds the password. Embedded: asked of every client once it is set.",
    )
    secure: bool = Field(default=False, description="Server: speak TLS.")
    ca_file: Path | None = Field(
        default=None, description="Server: certificates to trust instead of the system's."
    )
    compression: Literal["lz4", "zstd", "none"] = Field(
        default="lz4", description="Compression of what is sent."
    )
    connect_timeout_s: int = Field(default=5, ge=1, description="Seconds to wait for a connection.")
    query_timeout_s: int = Field(default=60, ge=1, description="Seconds to wait for an answer.")

    @model_validator(mode="after")
    def _address_given(self) -> StoreConfig:
        if self.kind == "clickhouse" and not self.address:
            raise ValueError("`address` is needed for kind: clickhouse, as HOST:PORT")
        return self

    @field_validator("listen", "address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return value and checked_tcp(value)

    def password(self) -> str:
        """The password, or "" without `password_file`. Raises ConfigError when the file cannot be read."""
        if self.password_file is None:
            return ""
        return _must_read(self.password_file, "store.password_file").decode("utf-8", "replace").strip()


class Store:
    """One database, reached through clickhouse-connect. Safe to use from several threads.

    Every method raises StoreError, whose `retryable` tells a passing fault from a permanent one.
    """

    def __init__(self, client: Client, config: StoreConfig, address: str) -> None:
        self._client, self._config, self.address = client, config, address
        self._client.database = config.database
        self._types: dict[str, dict[str, str]] = {}

    def migrate(self) -> list[str]:
        """Create or update database, tables and TTLs. Says what was done; running it again does nothing."""
        with self._told("migrate"):
            return schema.migrate(self._client, self._config.database, self._config.ttl_days)

    def insert(self, tables: Mapping[str, Table], token: str, *, again: bool = False) -> None:
        """Insert one batch, table after table in the mapping's order.

        `token` names the batch for ever: inserting the same tables under the same token adds nothing, so a
        caller that got no answer repeats the call as it was, with `again`. That also looks whether the rows
        are there (see `_confirm`), and inserts those that a killed engine lost. Tables without rows are
        passed over.
        """
        for name, table in tables.items():
            if not table.rows:
                continue
            self._insert(name, table, token)
            if again:
                self._confirm(name, table, token)

    def _confirm(self, name: str, table: Table, token: str) -> None:
        with self._told(f"look for the rows of a batch in {name}", quote=False):
            if self._replicated(name):
                return
            lacking = _confirm.absent(self.query, name, table)
            if lacking.rows:
                # Rows that are past their TTL are dropped again and again: one repeat, then it is well.
                self._insert(name, lacking, f"{token}:again:{lacking.rows}")
            if name == "otel_traces":
                self._client.command(_confirm.MEND_TRACE_IDS, parameters=_confirm.times(name, table))

    def _replicated(self, name: str) -> bool:
        """Replicas keep tokens and blocks together, and one may answer before it has what another took."""
        sql = "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {name:String}"
        return (
            not str(self.query(sql, {"name": name})[0]["engine"])
            .removeprefix("Replacing")
            .startswith("Merge")
        )

    def _insert(self, name: str, table: Table, token: str) -> None:
        with self._told(f"insert into {name}", quote=False):
            types = self._column_types(name)
            unknown = [column for column in table.columns if column not in types]
            if unknown:
                raise StoreError(
                    f"store at {self.address}: {name} has no column {', '.join(unknown)}: "
                    "run the migrations of this version of Sentinel",
                    retryable=False,
                )
            self._client.insert(
                name,
                table.data,
                column_names=list(table.columns),
                column_type_names=[types[column] for column in table.columns],
                column_oriented=True,
                settings={
                    "insert_deduplicate": 1,
                    "insert_deduplication_token": f"{token}:{name}",
                    "deduplicate_blocks_in_dependent_materialized_views": 1,
                    # An asynchronous insert would be answered before it is durable, and a second insert
                    # thread could number the blocks of a batch in another order, which the token depends on.
                    "async_insert": 0,
                    "max_insert_threads": 1,
                },
            )

    def _column_types(self, name: str) -> dict[str, str]:
        if name not in self._types:
            rows = self._client.query(f"DESCRIBE TABLE `{name}`").result_rows
            self._types[name] = {str(row[0]): str(row[1]) for row in rows}
        return self._types[name]

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows as dicts. Values go in as `{name:Type}` placeholders, never into the text."""
        with self._told("query"):
            return list(self._client.query(sql, parameters=dict(parameters or {})).named_results())

    def recent(self, last: int = 20, where: queries.Where | None = None) -> list[dict[str, Any]]:
        """The latest exchanges, newest first: each a dict of its columns, with `decisions` and `findings` as
        lists of dicts. `where` narrows them."""
        return queries.recent(self.query, last, where or queries.Where())

    def ping(self) -> bool:
        """Whether the store answers."""
        try:
            return bool(self._client.ping())
        except Exception:
            return False

    def close(self) -> None:
        """Let go of connections (and of the engine, when this process holds it)."""
        self._client.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _told(self, doing: str, *, quote: bool = True) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            # `from None`: the cause may quote a row's values, and a log prints causes.
            raise translate(error, doing, self.address, quote=quote) from None


def _must_read(path: Path | None, key: str) -> bytes:
    try:
        return path.read_bytes() if path else b""
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", key=key) from None


def connect_http(config: StoreConfig, address: str) -> Store:
    """The Store at a ClickHouse HTTP interface, server or embedded owner."""
    import clickhouse_connect

    host, _, port = address.rpartition(":")
    password = config.password()
    _must_read(config.ca_file, "store.ca_file")
    try:
        client = clickhouse_connect.get_client(
            host=host.strip("[]"),
            port=int(port),
            username=config.user,
            password=password,
            interface="https" if config.secure and config.kind == "clickhouse" else "http",
            ca_cert=str(config.ca_file) if config.ca_file else None,
            compress=False if config.compression == "none" else config.compression,
            connect_timeout=config.connect_timeout_s,
            send_receive_timeout=config.query_timeout_s,
            client_name="sentinel",
            # Without a session, one client serves several threads.
            autogenerate_session_id=False,
        )
    except Exception as error:
        raise translate(error, "connect", address, quote=True) from None
    return Store(client, config, address)


def open_store(config: StoreConfig, state_dir: Path) -> Store:
    """The configured store. Embedded: the owner's HTTP interface while one runs, else the database itself,
    held until `close()`.

    Raises StoreError: permanent when there is nothing to open, retryable when the owner or server is away.
    """
    if config.kind == "clickhouse":
        return connect_http(config, config.address)
    from sentinel.store import embedded

    return embedded.open_embedded(config, state_dir)
