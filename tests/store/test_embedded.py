from __future__ import annotations

import http.client
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError, StoreError
from sentinel.store.base import StoreConfig, open_store
from sentinel.store.embedded import ADDRESS_FILE, EmbeddedOwner
from sentinel.store.rows import record_tables
from tests.store.owner import LONG, OwnerProcess
from tests.store.records import blocked
from tests.store.test_base import count, traces


def rows(store_of: OwnerProcess, table: str) -> int:
    with store_of.store(database="sentinel") as store:
        return int(store.query(f"SELECT count() AS rows FROM {table}")[0]["rows"])


def insert(store_of: OwnerProcess, token: str) -> None:
    with store_of.store(database="sentinel") as store:
        store.migrate()
        store.insert(record_tables([blocked()]), token)


def test_a_second_owner_is_refused_by_pid_and_the_first_serves_on(store_owner: OwnerProcess) -> None:
    with pytest.raises(StoreError, match=f"held by process {store_owner.process.pid}:") as caught:
        with EmbeddedOwner(store_owner.config, store_owner.state_dir):
            pass
    assert caught.value.retryable
    assert (store_owner.state_dir / ADDRESS_FILE).read_text().strip() == store_owner.address
    with store_owner.store() as store:
        assert store.ping()


def test_rows_and_tokens_outlive_the_owner(tmp_path: Path) -> None:
    with OwnerProcess(tmp_path) as owner:
        insert(owner, "batch")
    assert not (tmp_path / ADDRESS_FILE).exists()
    with OwnerProcess(tmp_path) as owner:
        insert(owner, "batch")
        assert rows(owner, "sentinel_exchanges") == 1
        insert(owner, "another")
        assert rows(owner, "sentinel_exchanges") == 2


def test_rows_outlive_an_owner_that_was_killed(tmp_path: Path) -> None:
    with OwnerProcess(tmp_path) as owner:
        insert(owner, "batch")
        os.kill(owner.process.pid, signal.SIGKILL)
        owner.process.wait()
    # The dead owner's address file is left and its lock is not.
    with OwnerProcess(tmp_path) as owner:
        insert(owner, "batch")
        assert rows(owner, "sentinel_exchanges") == 1


LOOK_UP = "otel_traces_trace_id_ts"
TABLES = ("sentinel_exchanges", "sentinel_decisions", "sentinel_findings", "otel_traces", LOOK_UP)


@pytest.mark.parametrize("lost", [TABLES, (LOOK_UP,)], ids=["all", "look-up"])
def test_a_block_whose_token_outlived_it_is_inserted_again(tmp_path: Path, lost: tuple[str, ...]) -> None:
    """As an engine leaves it that was killed after it wrote the token and before it committed the block."""
    batch = {**record_tables([blocked(1), blocked(2)]), "otel_traces": traces(6)}
    with OwnerProcess(tmp_path) as owner, owner.store(database="sentinel") as store:
        store.migrate()
        store.insert(batch, "batch")
        whole = {table: count(store, table) for table in TABLES}
        parts = store.query(
            "SELECT path FROM system.parts WHERE active AND table IN {lost:Array(String)}",
            {"lost": list(lost)},
        )
    for part in parts:
        shutil.rmtree(part["path"])
    with OwnerProcess(tmp_path) as owner, owner.store(database="sentinel") as store:
        store.insert(batch, "batch")
        assert [count(store, table) for table in lost] == [0] * len(lost), "the tokens are known"
        for _ in range(2):
            store.insert(batch, "batch", again=True)
            found = {table: count(store, table) for table in TABLES}
            # The view fills the look-up table once more, which its readers (min, max) do not notice.
            ids = store.query(f"SELECT uniqExact(TraceId) AS ids FROM {LOOK_UP}")[0]["ids"]
            assert found | {LOOK_UP: ids} == whole


def test_without_an_owner_a_command_opens_the_database_itself(tmp_path: Path) -> None:
    with OwnerProcess(tmp_path) as owner:
        insert(owner, "batch")
    (tmp_path / ADDRESS_FILE).write_text("127.0.0.1:1\n")  # as a killed owner leaves it
    with open_store(StoreConfig(ttl_days=LONG), tmp_path) as store:
        assert [row["rule"] for row in store.recent()] == ["pii-block"]
        with pytest.raises(StoreError, match=f"held by process {os.getpid()}"):
            open_store(StoreConfig(), tmp_path)
    open_store(StoreConfig(), tmp_path).close()


def test_no_store_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store yet.*start the sidecar") as caught:
        open_store(StoreConfig(), tmp_path)
    assert not caught.value.retryable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "example.com:0", "[::]:0"])
def test_an_open_address_needs_a_password(tmp_path: Path, listen: str) -> None:
    with pytest.raises(ConfigError, match="set `store.password_file`"):
        EmbeddedOwner(StoreConfig(listen=listen), tmp_path).__enter__()


def test_a_port_that_is_taken_is_said(store_owner: OwnerProcess, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"cannot listen on {store_owner.address}"):
        EmbeddedOwner(StoreConfig(listen=store_owner.address), tmp_path).__enter__()


def test_with_a_password_nothing_goes_without(tmp_path: Path) -> None:
    password_file = tmp_path / "password"
    password_file.write_text("correct horse\n")
    state_dir = tmp_path / "state"
    with OwnerProcess(state_dir, password_file=password_file) as owner:
        with owner.store() as store:
            store.migrate()
            assert store.recent() == []
        wrong = tmp_path / "wrong"
        wrong.write_text("battery staple")
        with pytest.raises(StoreError, match="check `user` and `password_file`") as caught:
            owner.store(password_file=wrong)
        assert not caught.value.retryable
        connection = http.client.HTTPConnection(owner.address)
        for headers in ({}, {"Authorization": "Basic !"}, {"X-ClickHouse-Key": "battery staple"}):
            connection.request("POST", "/", "SELECT 1", headers)
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("X-ClickHouse-Exception-Code")) == (403, "516")
            answer.read()
        connection.request("POST", "/?user=default&password=correct+horse", "SELECT 1")
        assert connection.getresponse().read() == b"1\n"
        connection.close()


def test_without_the_engine_both_ways_in_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "chdb.state", None)  # an import of it then fails
    monkeypatch.delitem(sys.modules, "sentinel.store._engine", raising=False)
    with pytest.raises(ConfigError, match=r"store.kind: .*pip install 'sentinel-sidecar\[embedded\]'"):
        with EmbeddedOwner(StoreConfig(listen="127.0.0.1:0"), tmp_path):
            pass


def test_a_state_folder_that_is_a_file_holds_no_store(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError, match="no store yet"):
        open_store(StoreConfig(), tmp_path / "state")


@pytest.mark.parametrize("key", ["password_file", "ca_file"])
def test_a_file_that_is_named_and_missing_is_told_by_key(tmp_path: Path, key: str) -> None:
    missing = tmp_path / "nowhere"
    config = StoreConfig.model_validate({"kind": "clickhouse", "address": "127.0.0.1:1", key: missing})
    with pytest.raises(ConfigError, match=f"store.{key}: cannot read {missing}"):
        open_store(config, tmp_path)
