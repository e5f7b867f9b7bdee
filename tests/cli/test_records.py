"""`sentinel records`, beside a running owner and without one."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from sentinel.cli.records import actions, since_ns, table
from sentinel.core.record import Record
from sentinel.store.rows import record_tables
from tests.store.owner import LONG, OwnerProcess
from tests.store.records import SECOND_NS, START_NS, allowed, blocked

COMMAND = (sys.executable, "-m", "sentinel.cli", "records")
BATCH = [
    blocked(1),
    allowed(2, started_ns=START_NS + SECOND_NS),
    blocked(3, started_ns=START_NS + 2 * SECOND_NS),
]


def command(config: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, "-c", str(config), *arguments], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def write_config(file: Path, state_dir: Path, database: str = "sentinel") -> Path:
    file.write_text(f"state_dir: {state_dir}\nstore: {{database: {database}}}\n")
    return file


@pytest.fixture(scope="module")
def config(store_owner: OwnerProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config whose store holds BATCH and is served by an owner."""
    with store_owner.store(database="t_cli_records") as store:
        store.migrate()
        store.insert(record_tables(BATCH), "batch")
    file = tmp_path_factory.mktemp("cli-records") / "sentinel.yaml"
    return write_config(file, store_owner.state_dir, "t_cli_records")


def test_the_table_says_what_was_decided_and_why(config: Path) -> None:
    code, out, err = command(config)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 4
    assert [line.split()[-1] for line in lines[1:]] == [record.exchange_id for record in BATCH]
    for word in (
        "default/demo",
        "block",
        "pii-block",
        "CREDIT_CARD, EMAIL_ADDRESS",
        "PERMISSION_DENIED",
        "2.0",
    ):
        assert word in lines[1]
    for word in ("allow", "OK", "30.0"):
        assert word in lines[2]


def test_json_holds_everything(config: Path) -> None:
    code, out, _ = command(config, "--json", "--last", "1")
    assert code == 0
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert row["exchange_id"] == BATCH[-1].exchange_id
    assert row["started_at"] == "2026-01-01T00:00:02.123456Z"
    assert set(Record.__struct_fields__) - {"ended_ns"} <= set(row)
    assert row["findings"][0]["value_hmac"] == "k1:00ff"
    assert row["findings"][0]["evidence"][0] == {"start": 8, "end": 12, "weight": 1.25}
    assert row["decisions"][0]["hits"][0]["why"] == "a card number"


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (("--action", "block"), [1, 3]),
        (("--action", "allow,flag"), [2]),
        (("--last", "1", "--action", "block"), [3]),
        (("--since", "2026-01-01T00:00:01+00:00"), [2, 3]),
        (("--exchange", BATCH[1].exchange_id), [2]),
        (("--route", "elsewhere"), []),
    ],
)
def test_narrowed(config: Path, arguments: tuple[str, ...], numbers: list[int]) -> None:
    _, out, _ = command(config, "--json", *arguments)
    assert [int(json.loads(line)["exchange_id"], 16) for line in out.splitlines()] == numbers


def test_nothing_found(config: Path) -> None:
    assert command(config, "--route", "elsewhere")[:2] == (0, "no such records\n")


def test_without_an_owner_the_database_is_read_where_it_lies(tmp_path: Path) -> None:
    with OwnerProcess(tmp_path / "state") as owner, owner.store(database="sentinel", ttl_days=LONG) as store:
        store.migrate()
        store.insert(record_tables(BATCH), "batch")
    code, out, err = command(write_config(tmp_path / "sentinel.yaml", tmp_path / "state"), "--json")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 3


def test_no_store_yet(tmp_path: Path) -> None:
    code, out, err = command(write_config(tmp_path / "sentinel.yaml", tmp_path / "state"))
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "no store yet" in err and "start the sidecar once" in err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("90s", 999_910),
        ("15m", 999_100),
        ("2h", 992_800),
        ("1d", 913_600),
        ("1970-01-02T00:00:00+00:00", 86_400),
        ("1970-01-02T00:00:00Z", 86_400),
    ],
)
def test_since(text: str, seconds: int) -> None:
    assert since_ns(text, 1_000_000.0) == seconds * SECOND_NS


def test_since_without_a_zone_is_local() -> None:
    local = datetime(2026, 1, 31, 12, tzinfo=UTC).astimezone()
    assert since_ns(local.replace(tzinfo=None).isoformat(), 0.0) == int(local.timestamp()) * SECOND_NS


@pytest.mark.parametrize("text", ["yesterday", "5", "5w"])
def test_since_mistakes(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write 90s, 15m"):
        since_ns(text, 0.0)


def test_action_mistakes() -> None:
    assert actions(" Block,allow") == ("block", "allow")
    with pytest.raises(typer.BadParameter, match="'deny' is no action: write allow, flag, redact, block"):
        actions("deny")


@pytest.mark.parametrize(("width", "columns"), [(80, 5), (129, 5), (130, 10), (180, 10)])
def test_a_narrow_terminal_gets_fewer_columns(width: int, columns: int) -> None:
    assert len(table([], width).columns) == columns
