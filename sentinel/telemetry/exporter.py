"""The exporter: batches from the spool into the store, each record once.

    claim (ledger) -> insert, table by table, under the batch's token -> end (ledger) -> delete read segments

- A kill between any two steps repeats the later ones with the same membership and token; the store drops
  what it has already.
- A passing fault of the store keeps the batch and waits. A permanent refusal splits the batch, down to the
  single record. A single refused record is put aside, tried again once the store has taken something else,
  and quarantined if it is refused even then: a store that refuses everything quarantines nothing.
- An exchange that has an opening record only becomes `interrupted` when its writer is dead and read to the
  end.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Protocol

from sentinel.core.errors import StoreError
from sentinel.core.record import decode
from sentinel.spool.reader import is_dead, list_segments, remove_abandoned
from sentinel.store.base import Store, StoreConfig, Table, open_store
from sentinel.store.embedded import EmbeddedOwner
from sentinel.telemetry import tidy
from sentinel.telemetry.collect import (
    Collected,
    Item,
    WriterView,
    collect,
    look,
    members,
    reread,
    unread_bytes,
)
from sentinel.telemetry.config import ExporterConfig
from sentinel.telemetry.ledger import Batch, Effects, Ledger, Member
from sentinel.telemetry.prepare import Content, interrupted, prepare, tables
from sentinel.telemetry.quarantine import Quarantine
from sentinel.telemetry.retry import Backoff
from sentinel.telemetry.spans import SpanBuilder
from sentinel.telemetry.status import ExporterStatus, waiting_status, write_status

logger = logging.getLogger(__name__)

LEDGER_FILE = "exporter.sqlite"
QUARANTINE_DIRECTORY = "quarantine"

_SUSPICIOUS_REFUSALS = 3
"""After so many single records refused in a row the store is at fault more likely than they are: wait."""

_STATUS_SECONDS = 1.0

_FAULTS = (StoreError, OSError, sqlite3.OperationalError)


class Sink(Protocol):
    """The part of `sentinel.store.base.Store` that the exporter needs."""

    def insert(self, tables: Mapping[str, Table], token: str, *, again: bool = False) -> None: ...


class Exporter:
    """Empties one spool directory into one store. Not safe to use from several threads."""

    def __init__(
        self,
        spool_dir: Path,
        state_dir: Path,
        store: Sink,
        config: ExporterConfig | None = None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        reached: Callable[[str], None] = lambda point: None,
    ) -> None:
        """`reached` is told each point between two durable steps (`claimed`, `stored TABLE`, `ended`): crash
        tests die there. Raises ConfigError when another exporter works on `state_dir`."""
        self._config = config or ExporterConfig()
        self._spool_dir, self._state_dir, self._store = spool_dir, state_dir, store
        self._now_ns, self._reached = now_ns, reached
        self._ledger = Ledger(state_dir / LEDGER_FILE, remember=self._config.remember_exchanges)
        self._quarantine = Quarantine(state_dir / QUARANTINE_DIRECTORY, self._config.quarantine_max_bytes)
        self._builder = SpanBuilder(self._config.service_name, self._config.semantic_conventions)
        self._pending = self._ledger.pending()
        self._items: dict[int, list[Item]] = {}
        self._contents: dict[int, Content] = {}
        self._stored: dict[int, set[str]] = {}
        # Batches that may have been sent before: by a process that died, or by this one without an answer.
        self._sent = {batch.id for batch in self._pending}
        self._refused: dict[int, int] = {}
        self._accepted = 0
        self._refusals_in_a_row = 0
        self._collected = Collected([], [], full=False)
        self._lag_seconds = 0.0
        self._last_export_ns = 0
        self._last_error = ""
        self._status_due = 0.0

    def close(self) -> None:
        self._ledger.close()

    def run(self, stop: Event) -> None:
        """Export until `stop` is set, then empty what is left within `drain_seconds`."""
        config = self._config
        backoff = Backoff(config.retry_seconds, config.retry_max_seconds)
        while not stop.is_set():
            self._wait(stop, self._attempt(backoff))
        deadline = time.monotonic() + config.drain_seconds
        while time.monotonic() < deadline:
            try:
                if not self.drain_once():
                    break
            except _FAULTS as error:
                self._failed(error)
                time.sleep(min(backoff.next(), max(0.0, deadline - time.monotonic())))
        self.write_status()

    def _wait(self, stop: Event, seconds: float) -> None:
        """The status is told once a second however long the wait."""
        until = time.monotonic() + seconds
        while True:
            if time.monotonic() >= self._status_due:
                self.write_status()
                self._status_due = time.monotonic() + _STATUS_SECONDS
            left = until - time.monotonic()
            if left <= 0 or stop.wait(min(left, _STATUS_SECONDS)):
                return

    def _attempt(self, backoff: Backoff) -> float:
        try:
            dealt = self.drain_once()
        except _FAULTS as error:
            self._failed(error)
            return backoff.next()
        backoff.reset()
        self._last_error = ""
        if not dealt:
            return self._config.poll_seconds
        return 0.0 if self._collected.full or self._pending else self._config.linger_seconds

    def _failed(self, error: Exception) -> None:
        # A ledger or spool that cannot be read is told as loudly as a store that is away: nothing moves.
        self._last_error = str(error)
        logger.warning("export waits: %s", error)

    def drain_once(self) -> int:
        """Deal with one batch: the oldest pending one, else what the spool holds now.

        Returns how many records it had, 0 when there was nothing to do. Raises StoreError when it must be
        tried again later.
        """
        while (batch := self._next_batch()) is not None:
            try:
                self._export(batch)
                return batch.records
            except StoreError as error:
                if error.retryable:
                    raise
                self._put_aside(batch, error)
                if self._refusals_in_a_row >= _SUSPICIOUS_REFUSALS:
                    raise
        return 0

    def _next_batch(self) -> Batch | None:
        for batch in self._pending:
            if batch.id not in self._refused:
                return batch
        if fresh := self._claim():
            return fresh
        for batch in self._pending:
            if self._refused[batch.id] < self._accepted:
                return batch
        return None

    def _claim(self) -> Batch | None:
        views = look(self._spool_dir)
        cursors = self._ledger.cursors()
        self._collected = collect(views, cursors, self._config.batch_records, self._config.batch_bytes)
        items = self._collected.items
        batch: Batch | None = None
        if items:
            batch = self._ledger.claim(members(items))
            self._items[batch.id] = items
        else:
            batch = self._claim_interrupted(views)
            remove_abandoned(self._spool_dir, self._now_ns() / 1e9)
        if batch is not None:
            self._pending.append(batch)
            self._reached("claimed")
        self._tidy(views)
        return batch

    def _claim_interrupted(self, views: list[WriterView]) -> Batch | None:
        by_name = {view.writer: view for view in views}
        for writer in self._ledger.open_writers():
            view = by_name.get(writer)
            if not (view.dead if view else is_dead(self._spool_dir, writer)):
                continue
            if any(Item(member.segment, 0, 0, b"").writer == writer for member in self._pending_members()):
                continue
            ended_ns = max((file.modified_ns for file in view.segments), default=0) if view else 0
            opened = self._ledger.opens(writer)[: self._config.batch_records]
            logger.warning("worker %s died with %d open exchanges: they are interrupted", writer, len(opened))
            return self._ledger.claim_interrupted(
                [interrupted(one, ended_ns) for one in opened], [one.exchange_id for one in opened]
            )
        return None

    def _pending_members(self) -> list[Member]:
        return [member for batch in self._pending for member in batch.members]

    def _content(self, batch: Batch) -> Content:
        if batch.id not in self._contents:
            lost = 0
            if batch.id not in self._items:
                self._items[batch.id], lost = reread(self._spool_dir, batch.members)
            content = prepare(self._items[batch.id], self._ledger.seen, self._builder)
            if lost:
                logger.error("%d records of a pending batch are no longer in the spool", lost)
                content.effects.counts["dropped"] = lost
            self._contents[batch.id] = content
        return self._contents[batch.id]

    def _export(self, batch: Batch) -> None:
        content = self._content(batch)
        stored = self._stored.setdefault(batch.id, set(batch.stored))
        again = batch.id in self._sent
        self._sent.add(batch.id)
        for name, table in tables(content).items():
            if name not in stored:
                # Table by table, so that a batch that is split later knows which ones have it already.
                self._store.insert({name: table}, batch.token, again=again)
                stored.add(name)
                self._reached(f"stored {name}")
        for item, reason in content.broken:
            self._quarantine.put(_name(item, batch), item.payload, reason)
        self._end(batch, content.effects)
        self._reached("ended")
        if content.records:
            self._accepted += 1
            self._refusals_in_a_row = 0
            self._last_export_ns = self._now_ns()
            self._lag_seconds = max(0.0, (self._last_export_ns - content.oldest_ns) / 1e9)

    def _end(self, batch: Batch, effects: Effects) -> None:
        self._ledger.end(batch, effects)
        self._pending.remove(batch)
        self._forget(batch)

    def _forget(self, batch: Batch) -> None:
        self._items.pop(batch.id, None)
        self._contents.pop(batch.id, None)
        self._stored.pop(batch.id, None)
        self._refused.pop(batch.id, None)
        self._sent.discard(batch.id)

    def _put_aside(self, batch: Batch, error: StoreError) -> None:
        """The store refuses the batch for good: narrow down which record it is."""
        self._last_error = str(error)
        items = self._items[batch.id]
        if len(items) > 1:
            middle = len(items) // 2
            stored = frozenset(self._stored[batch.id])
            parts = items[:middle], items[middle:]
            halves = self._ledger.split(batch, [members(part) for part in parts], stored)
            self._items |= {half.id: part for half, part in zip(halves, parts, strict=True)}
            place = self._pending.index(batch)
            self._pending[place : place + 1] = halves
            self._forget(batch)
        elif batch.id not in self._refused:
            self._refused[batch.id] = self._accepted
            self._contents.pop(batch.id)  # what is exported meanwhile may hold the same exchange
            self._refusals_in_a_row += 1
        else:
            name = _name(items[0], batch)
            self._quarantine.put(name, items[0].payload, f"the store refuses it: {error}")
            closed = [decode(items[0].payload).exchange_id]
            self._end(batch, Effects(closed=closed, counts={"quarantined": 1}))

    def _tidy(self, views: list[WriterView]) -> None:
        claimed = {member.segment for member in self._pending_members()}
        tidy.settle_dropped(self._spool_dir, self._ledger, claimed)
        open_writers = self._ledger.open_writers()
        for finished in self._collected.finished:
            name = finished.file.name
            last = next(view for view in views if view.writer == name.writer).segments[-1] is finished.file
            # A dead writer's last segment tells when its open exchanges ended.
            if str(name) not in claimed and not (last and name.writer in open_writers):
                tidy.delete_segment(finished, self._ledger, self._quarantine)

    def status(self) -> ExporterStatus:
        """The state now."""
        counters = self._ledger.counters()
        oldest = min(
            (content.oldest_ns for content in self._contents.values() if content.oldest_ns), default=0
        )
        now = self._now_ns()
        claimed = sum(member.end - member.start for member in self._pending_members())
        return ExporterStatus(
            written_ns=now,
            exported=counters.get("exported", 0),
            duplicates=counters.get("duplicates", 0),
            dropped=counters.get("dropped", 0),
            quarantined=counters.get("quarantined", 0),
            torn_tails=counters.get("torn_tails", 0),
            corrupt_segments=counters.get("corrupt_segments", 0),
            open_exchanges=sum(self._ledger.open_writers().values()),
            pending_bytes=claimed + unread_bytes(list_segments(self._spool_dir), self._ledger.cursors()),
            pending_records=sum(batch.records for batch in self._pending),
            oldest_pending_seconds=max(0.0, (now - oldest) / 1e9) if oldest else 0.0,
            lag_seconds=self._lag_seconds,
            last_export_ns=self._last_export_ns,
            last_error=self._last_error,
        )

    def write_status(self) -> None:
        try:
            write_status(self._state_dir, self.status())
        except (OSError, sqlite3.OperationalError) as error:
            logger.warning("the exporter's status cannot be written: %s", error)


def run_exporter(
    spool_dir: Path,
    state_dir: Path,
    store_config: StoreConfig,
    exporter_config: ExporterConfig,
    stop: Event,
    *,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """The record plane: open the store (the embedded engine is owned and served here), migrate it, export
    until `stop` is set, then empty what is left within `drain_seconds`.

    `ready` is told the store's address once records can flow. A store that is away is waited for, however
    long: the spool keeps the records. Raises ConfigError for what only the user can mend.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    backoff = Backoff(exporter_config.retry_seconds, exporter_config.retry_max_seconds)
    while True:
        try:
            with _open(store_config, state_dir) as (store, address):
                store.migrate()
                exporter = Exporter(spool_dir, state_dir, store, exporter_config)
                with contextlib.closing(exporter):
                    ready(address)
                    exporter.run(stop)
            return
        except StoreError as error:
            logger.warning("export waits: %s", error)
            write_status(state_dir, waiting_status(spool_dir, state_dir, str(error)))
        if stop.wait(backoff.next()):
            return


@contextlib.contextmanager
def _open(config: StoreConfig, state_dir: Path) -> Iterator[tuple[Store, str]]:
    if config.kind == "embedded":
        with EmbeddedOwner(config, state_dir) as owner:
            yield owner.store, owner.address
    else:
        with open_store(config, state_dir) as store:
            yield store, store.address


def _name(item: Item, batch: Batch) -> str:
    return f"{item.segment}-{batch.token}" if item.synthetic else f"{item.segment}-{item.start}"
