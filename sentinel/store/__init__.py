"""Where records end up, and the only place that speaks ClickHouse.

base        StoreConfig, Table, Store, open_store: insert, recent, query, migrate
schema      the numbered migrations in `migrations/*.sql`, applied once each, and every table's TTL
rows        core.record.Record -> the columns of our own tables
queries     the SQL that commands ask
embedded    EmbeddedOwner: the one process that holds the chdb engine, and serves ClickHouse's HTTP interface
_engine     chdb handles: one statement, its settings and parameters, bytes in and out
_http_front, _wire, _native: the HTTP interface, its body encodings, and the Native format of newer clients
_confirm    whether the rows of a repeated batch are there
_errors     ClickHouse's errors -> StoreError, passing or permanent

Always true
- One engine per database path: a lock file beside the path names the process that holds it.
- The same (token, table) inserted twice adds nothing, in the targets of materialized views neither.
- Every table has a TTL.
- No error text holds a row's values.
"""
