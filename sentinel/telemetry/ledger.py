"""What the exporter remembers, in one SQLite file beside the store. Nobody else opens it.

    segment file:  | claimed by batches that are done | claimed by pending batches | not yet read
                                                                                   ^ cursor

- A frame belongs to at most one batch: claiming a batch and moving the cursor is one transaction.
- A batch's membership and token never change once claimed; they are gone once the store has the batch. A
  batch that the store refuses for good is split: its halves replace it, under tokens of their own.
- What a batch does besides rows in the store (exchanges opened and closed, ids seen, counts) is written in
  the transaction that ends it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from sentinel.core.errors import ConfigError
from sentinel.core.ids import new_id
from sentinel.telemetry.edits import amended

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cursors (
    segment TEXT PRIMARY KEY, position INTEGER NOT NULL, records INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL, stored TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS members (
    batch INTEGER NOT NULL, position INTEGER NOT NULL, segment TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, records INTEGER NOT NULL, payload BLOB, PRIMARY KEY (batch, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS opens (exchange_id TEXT PRIMARY KEY, writer TEXT NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS opens_by_writer ON opens (writer);
CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY AUTOINCREMENT, exchange_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_VERSION = 1


class Member(msgspec.Struct, frozen=True, gc=False):
    """Frames of one segment, `[start, end)` in bytes; or one record of the exporter's own in `payload`, which
    no segment holds (`segment` is then the writer that it is about)."""

    segment: str
    start: int
    end: int
    records: int
    payload: bytes | None = None


class Batch(msgspec.Struct, frozen=True):
    """Records that go into the store together. `stored` names the tables that have them already."""

    id: int
    token: str
    members: tuple[Member, ...]
    stored: frozenset[str] = frozenset()

    @property
    def records(self) -> int:
        return sum(member.records for member in self.members)


class Opened(msgspec.Struct, frozen=True, gc=False):
    """An exchange that has an opening record and no final one yet."""

    exchange_id: str
    writer: str
    payload: bytes


class Effects(msgspec.Struct):
    """What the end of a batch changes besides the store."""

    opened: list[Opened] = []
    closed: list[str] = []
    seen: list[str] = []
    counts: dict[str, int] = {}
    amends: dict[str, bytes] = {}
    """What edits add to the opening records of exchanges; where one is open no more, it is dropped."""


class Ledger:
    """One exporter's memory. Raises ConfigError when another exporter holds it."""

    def __init__(self, path: Path, *, remember: int) -> None:
        """`remember`: how many exchange ids are kept in `seen`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ConfigError(f"another exporter works on {path.parent}: give each one its own") from None
        self._remember = remember
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self.close()
            message = (
                f"is damaged ({error}): restore it, or move it away; the records that wait in the spool "
            )
            message += "are then exported from their files' beginnings, some perhaps a second time"
            raise ConfigError(message, file=str(path)) from None
        self._db.execute("PRAGMA synchronous = FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            self.close()
            raise ConfigError(f"a newer Sentinel wrote it (version {version})", file=str(path))
        self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    def cursors(self) -> dict[str, tuple[int, int]]:
        """Segment -> (offset up to which its frames belong to batches, how many they are)."""
        rows = self._db.execute("SELECT segment, position, records FROM cursors")
        return {segment: (position, records) for segment, position, records in rows}

    def claim(self, members: Sequence[Member]) -> Batch:
        """A new batch of frames that follow the cursors."""
        with _Transaction(self._db):
            for member in members:
                self._db.execute(
                    "INSERT INTO cursors VALUES (?, ?, ?) ON CONFLICT (segment) DO UPDATE "
                    "SET position = excluded.position, records = records + excluded.records",
                    (member.segment, member.end, member.records),
                )
            return self._add(members, frozenset())

    def claim_interrupted(self, members: Sequence[Member], closed: Sequence[str]) -> Batch:
        """A new batch of records that stand for open exchanges whose writer died; they are open no more."""
        with _Transaction(self._db):
            self._db.executemany("DELETE FROM opens WHERE exchange_id = ?", [(name,) for name in closed])
            return self._add(members, frozenset())

    def split(self, batch: Batch, parts: Sequence[Sequence[Member]], stored: frozenset[str]) -> list[Batch]:
        """Replace a batch by smaller ones. Tables that have the whole have the parts."""
        with _Transaction(self._db):
            self._remove(batch)
            return [self._add(part, stored) for part in parts]

    def pending(self) -> list[Batch]:
        """Claimed and not yet ended, oldest first."""
        batches = self._db.execute("SELECT id, token, stored FROM batches ORDER BY id").fetchall()
        return [
            Batch(number, token, self._members(number), frozenset(stored.split()))
            for number, token, stored in batches
        ]

    def end(self, batch: Batch, effects: Effects) -> None:
        """The batch is dealt with."""
        with _Transaction(self._db):
            self._remove(batch)
            self._db.executemany(
                "INSERT OR REPLACE INTO opens VALUES (?, ?, ?)",
                [(opened.exchange_id, opened.writer, opened.payload) for opened in effects.opened],
            )
            for name, edit in effects.amends.items():
                self._amend(name, edit)
            self._db.executemany(
                "DELETE FROM opens WHERE exchange_id = ?", [(name,) for name in effects.closed]
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO seen (exchange_id) VALUES (?)", [(name,) for name in effects.seen]
            )
            self._db.execute("DELETE FROM seen WHERE id <= (SELECT max(id) FROM seen) - ?", (self._remember,))
            self._count(effects.counts)

    def count(self, counts: dict[str, int]) -> None:
        with _Transaction(self._db):
            self._count(counts)

    def counters(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT name, value FROM counters").fetchall())

    def seen(self, exchange_ids: Iterable[str]) -> set[str]:
        """Which of these were exported before."""
        ask = "SELECT 1 FROM seen WHERE exchange_id = ?"
        return {name for name in exchange_ids if self._db.execute(ask, (name,)).fetchone()}

    def opens(self, writer: str) -> list[Opened]:
        rows = self._db.execute(
            "SELECT exchange_id, writer, payload FROM opens WHERE writer = ? ORDER BY rowid", (writer,)
        )
        return [Opened(*row) for row in rows]

    def open_writers(self) -> dict[str, int]:
        """Writers with open exchanges, and how many."""
        return dict(self._db.execute("SELECT writer, count(*) FROM opens GROUP BY writer").fetchall())

    def forget(self, segment: str) -> None:
        """The segment is gone, and everything about it is told."""
        self._db.execute("DELETE FROM cursors WHERE segment = ?", (segment,))

    def settle(self, segment: str, records: int, counts: dict[str, int]) -> None:
        """All `records` of a segment are accounted for."""
        with _Transaction(self._db):
            self._db.execute(
                "INSERT INTO cursors VALUES (?, 0, ?) "
                "ON CONFLICT (segment) DO UPDATE SET records = excluded.records",
                (segment, records),
            )
            self._count(counts)

    def _add(self, members: Sequence[Member], stored: frozenset[str]) -> Batch:
        token = new_id()
        number = self._db.execute(
            "INSERT INTO batches (token, stored) VALUES (?, ?)", (token, " ".join(sorted(stored)))
        ).lastrowid
        assert number is not None
        self._db.executemany(
            "INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (number, i, member.segment, member.start, member.end, member.records, member.payload)
                for i, member in enumerate(members)
            ],
        )
        return Batch(number, token, tuple(members), stored)

    def _members(self, number: int) -> tuple[Member, ...]:
        rows = self._db.execute(
            "SELECT segment, first, last, records, payload FROM members WHERE batch = ? ORDER BY position",
            (number,),
        )
        return tuple(Member(*row) for row in rows)

    def _amend(self, name: str, edit: bytes) -> None:
        row = self._db.execute("SELECT payload FROM opens WHERE exchange_id = ?", (name,)).fetchone()
        if row is not None:
            self._db.execute(
                "UPDATE opens SET payload = ? WHERE exchange_id = ?", (amended(row[0], edit), name)
            )

    def _remove(self, batch: Batch) -> None:
        self._db.execute("DELETE FROM batches WHERE id = ?", (batch.id,))
        self._db.execute("DELETE FROM members WHERE batch = ?", (batch.id,))

    def _count(self, counts: dict[str, int]) -> None:
        self._db.executemany(
            "INSERT INTO counters VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            [(name, value) for name, value in counts.items() if value],
        )


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK when the body raises."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
