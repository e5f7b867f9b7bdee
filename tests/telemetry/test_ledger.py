from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError
from sentinel.core.record import encode
from sentinel.telemetry.edits import amended
from sentinel.telemetry.ledger import Effects, Ledger, Member, Opened
from tests.telemetry.records import edit, opening

FIRST = Member("w0-a-00000000.seg", 16, 116, 3)
SECOND = Member("w0-a-00000001.seg", 16, 66, 2)


class Reopened:
    """A ledger that can be closed and opened again, as after a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = Ledger(path, remember=100)

    def again(self) -> Ledger:
        self.now.close()
        self.now = Ledger(self.path, remember=100)
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Reopened]:
    ledger = Reopened(tmp_path / "state" / "exporter.sqlite")
    yield ledger
    ledger.now.close()


def test_a_claimed_batch_is_the_same_after_a_restart(ledger: Reopened) -> None:
    batch = ledger.now.claim([FIRST, SECOND])
    assert ledger.again().pending() == [batch]
    assert batch.records == 5


def test_claiming_moves_the_cursors(ledger: Reopened) -> None:
    ledger.now.claim([FIRST])
    ledger.now.claim([SECOND, Member(FIRST.segment, 116, 150, 1)])
    assert ledger.again().cursors() == {FIRST.segment: (150, 4), SECOND.segment: (66, 2)}


def test_tokens_differ(ledger: Reopened) -> None:
    batches = [ledger.now.claim([FIRST]) for _ in range(10)]
    assert len({batch.token for batch in batches}) == 10


def test_ending_applies_everything_at_once(ledger: Reopened) -> None:
    batch = ledger.now.claim([FIRST])
    opened = [Opened("1", "w0-a", b"one"), Opened("2", "w0-a", b"two")]
    ledger.now.end(
        batch, Effects(opened, closed=["2"], seen=["2", "3"], counts={"exported": 2, "dropped": 0})
    )
    after = ledger.again()
    assert after.pending() == []
    assert after.opens("w0-a") == opened[:1]
    assert after.open_writers() == {"w0-a": 1}
    assert after.seen(["1", "2", "3"]) == {"2", "3"}
    assert after.counters() == {"exported": 2}


def test_edits_belong_to_open_exchanges(ledger: Reopened) -> None:
    one, two, edits = encode(opening("1")), encode(opening("2")), encode(edit("1"))
    opened = [Opened("1", "w0-a", one), Opened("2", "w0-a", two)]
    ledger.now.end(ledger.now.claim([FIRST]), Effects(opened, amends={"1": edits}))
    ledger.now.end(
        ledger.now.claim([SECOND]), Effects(closed=["2"], amends={"1": edits, "2": edits, "3": edits})
    )
    twice = amended(amended(one, edits), edits)
    assert ledger.again().opens("w0-a") == [Opened("1", "w0-a", twice)]


def test_interrupted_exchanges_are_claimed_once(ledger: Reopened) -> None:
    batch = ledger.now.claim([FIRST])
    ledger.now.end(batch, Effects([Opened("1", "w0-a", b"open")]))
    claimed = ledger.now.claim_interrupted([Member("w0-a", 0, 0, 1, b"final")], ["1"])
    after = ledger.again()
    assert after.pending() == [claimed]
    assert after.open_writers() == {}


def test_halves_replace_a_split_batch(ledger: Reopened) -> None:
    batch = ledger.now.claim([FIRST, SECOND])
    halves = ledger.now.split(batch, [[FIRST], [SECOND]], frozenset({"otel_traces"}))
    assert ledger.again().pending() == halves
    assert [half.members for half in halves] == [(FIRST,), (SECOND,)]
    assert {half.stored for half in halves} == {frozenset({"otel_traces"})}
    assert batch.token not in {half.token for half in halves}


def test_ids_are_forgotten_oldest_first(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite", remember=3)
    for number in range(6):
        ledger.end(ledger.claim([FIRST]), Effects(seen=[f"{number}"]))
    assert ledger.seen(map(str, range(6))) == {"3", "4", "5"}
    ledger.close()


def test_a_failing_end_changes_nothing(ledger: Reopened) -> None:
    batch = ledger.now.claim([FIRST])
    broken = Effects(closed=["1"], seen=["1", object()])  # type: ignore[list-item]
    with pytest.raises(Exception, match="binding"):
        ledger.now.end(batch, broken)
    assert ledger.now.pending() == [batch]
    assert ledger.now.seen(["1"]) == set()


def test_one_exporter_at_a_time(ledger: Reopened) -> None:
    with pytest.raises(ConfigError, match="another exporter"):
        Ledger(ledger.path, remember=1)


def test_a_newer_ledger_is_left_alone(ledger: Reopened) -> None:
    ledger.now._db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="newer Sentinel"):
        ledger.again()
    ledger.now = Ledger(ledger.path.with_name("other.sqlite"), remember=1)


def test_a_damaged_file_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "exporter.sqlite").write_text("no database, but long enough to be asked whether it is one")
    for _ in range(2):  # and the lock is given back
        with pytest.raises(ConfigError, match=r"exporter.sqlite: is damaged .*move it away"):
            Ledger(tmp_path / "exporter.sqlite", remember=100)
