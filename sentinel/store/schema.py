"""The numbered migrations, applied once each, and every table's TTL.

- A migration is a file `migrations/NNNN_name.sql`; its statements end in `;` at a line's end. Once released
  it never changes: the database keeps its checksum and refuses another text under the same number.
- Each statement is idempotent (`IF NOT EXISTS`), so two migrators at once, or one that died half-way, do no
  harm.
- The TTL is no part of a migration: it comes from the config and is altered whenever it differs.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from sentinel.core.errors import StoreError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from sentinel.store.base import TtlDays

LOG_TABLE = "sentinel_schema_migrations"
_LOG_DDL = f"""
CREATE TABLE IF NOT EXISTS {LOG_TABLE}
(
    `version` UInt32,
    `name` String,
    `checksum` String,
    `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY version
"""

# Table -> (time column, field of TtlDays). Every table of the schema but the log above is here.
TTL_COLUMNS = {
    "otel_traces": ("Timestamp", "traces"),
    "otel_traces_trace_id_ts": ("Start", "traces"),
    "sentinel_exchanges": ("started_at", "exchanges"),
    "sentinel_decisions": ("started_at", "decisions"),
    "sentinel_findings": ("started_at", "findings"),
}


class Migration(msgspec.Struct, frozen=True):
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()[:32]

    @property
    def statements(self) -> list[str]:
        return [text.strip() for text in self.sql.split(";\n") if text.strip()]


def migrations() -> tuple[Migration, ...]:
    """Those of this version of Sentinel, in order."""
    folder = resources.files("sentinel.store") / "migrations"
    found = []
    for file in folder.iterdir():
        number, _, rest = file.name.partition("_")
        if file.name.endswith(".sql") and number.isdigit():
            found.append(Migration(int(number), rest.removesuffix(".sql"), file.read_text("utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.version))


def pending(known: tuple[Migration, ...], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    """Which migrations are still to apply. `applied` maps version to (name, checksum).

    Raises StoreError when the database is newer than this code, or an applied migration's text has changed.
    """
    newest = max((migration.version for migration in known), default=0)
    ahead = sorted(version for version in applied if version > newest)
    if ahead:
        raise StoreError(
            f"the store's schema is at version {ahead[-1]} ({applied[ahead[-1]][0]}), this Sentinel knows "
            f"{newest}: run a newer Sentinel, or give this one a `database` of its own",
            retryable=False,
        )
    for migration in known:
        stored = applied.get(migration.version)
        if stored and stored[1] != migration.checksum:
            raise StoreError(
                f"migration {migration.version:04} ({migration.name}) differs from the one that was applied "
                f"({stored[1][:8]}, now {migration.checksum[:8]}): restore its text, and put the "
                "change into a migration of its own",
                retryable=False,
            )
    return [migration for migration in known if migration.version not in applied]


def migrate(
    client: Client, database: str, ttl: TtlDays, known: tuple[Migration, ...] | None = None
) -> list[str]:
    """Bring `database` to this version's schema. Returns what was done, in words; nothing when up to date."""
    client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`", use_database=False)
    client.database = database
    client.command(_LOG_DDL)
    rows = client.query(f"SELECT version, name, checksum FROM {LOG_TABLE} FINAL").result_rows
    applied = {int(version): (str(name), str(checksum)) for version, name, checksum in rows}
    done = []
    for migration in pending(known if known is not None else migrations(), applied):
        for statement in migration.statements:
            client.command(statement)
        client.insert(
            LOG_TABLE,
            [[migration.version, migration.name, migration.checksum]],
            column_names=["version", "name", "checksum"],
        )
        done.append(f"applied {migration.version:04} {migration.name}")
    return done + _set_ttls(client, database, ttl)


def _set_ttls(client: Client, database: str, ttl: TtlDays) -> list[str]:
    rows = client.query(
        "SELECT name, engine_full FROM system.tables WHERE database = {database:String}",
        parameters={"database": database},
    ).result_rows
    engines = {str(name): str(engine) for name, engine in rows}
    done = []
    for table, (column, field) in TTL_COLUMNS.items():
        days: int = getattr(ttl, field)
        expression = f"toDateTime({column}) + toIntervalDay({days})"
        if table in engines and f"TTL {expression}" not in engines[table]:
            client.command(f"ALTER TABLE {table} MODIFY TTL {expression}")
            done.append(f"{table}: rows are kept {days} days")
    return done
