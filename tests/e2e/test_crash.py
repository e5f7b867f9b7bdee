"""`kill -9` of a worker, of the exporter and of everything, under load, at random moments: a caller that has
its answer has its record in the store, once.

Calls carry their exchange id in the trailers; the answered ones are looked up in the store after recovery.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pytest

from tests.e2e import infer
from tests.e2e.client import INFER, Call, eventually
from tests.e2e.load import Load
from tests.e2e.processes import Torture, alive
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.e2e.test_failing_upstream import free_port

RULES = """
rules:
  - id: flag-email
    stage: both
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: flag
  - id: block-card
    stage: input
    detect: {detector: pii, type: CREDIT_CARD}
    action: block
"""
CARD = "4111 1111 " + "1111 1111"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
CALLS = [
    Call(infer.answer("an answer"), (infer.request("a question"),), INFER),
    Call(infer.answer("to b@example.com"), (infer.request("from a@example.com"),), INFER),
    Call([], (infer.request(f"my card is {CARD}"),), INFER),
    Call([["read_all"], ["status", "RESOURCE_EXHAUSTED", "busy", []]], (infer.request("hello"),), INFER),
    Call([["echo"]], (infer.request("one"), infer.request("two")), STREAM),
]
ANSWERS = "OK PERMISSION_DENIED RESOURCE_EXHAUSTED"


@pytest.fixture
def sidecar(tmp_path: Path, upstream: Torture) -> Iterator[Sidecar]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    with start_sidecar(
        tmp_path,
        upstream.address,
        workers=2,
        listen={"grpc": f"127.0.0.1:{free_port()}"},
        rules={"paths": [str(rules)]},
        exporter={"enabled": True, "linger_seconds": 0.1},
        store={"listen": "127.0.0.1:0"},
    ) as it:
        yield it


def kill_worker(sidecar: Sidecar, chance: random.Random) -> None:
    living = eventually(lambda: list(filter(alive, sidecar.workers())), bool)
    os.kill(chance.choice(living), signal.SIGKILL)


def kill_exporter(sidecar: Sidecar, chance: random.Random) -> None:
    pid = sidecar.info()["exporter"]
    if pid and alive(pid):
        os.kill(pid, signal.SIGKILL)


def kill_everything(sidecar: Sidecar, chance: random.Random) -> None:
    sidecar.kill9()
    sidecar.start()


def stored(sidecar: Sidecar) -> Counter[str]:
    """exchange id -> number of rows; empty while the store is not to be reached."""
    try:
        host, _, port = (sidecar.state_dir / "store.addr").read_text().rpartition(":")
        with clickhouse_connect.get_client(host=host, port=int(port)) as client:
            rows = client.query(
                "SELECT exchange_id, count() FROM sentinel.sentinel_exchanges GROUP BY exchange_id"
            ).result_rows
    except (OSError, clickhouse_connect.driver.exceptions.Error):
        return Counter()
    return Counter({str(key): int(count) for key, count in rows})


@pytest.mark.parametrize("seed", [1])
def test_every_answered_call_has_one_record(sidecar: Sidecar, upstream: Torture, seed: int) -> None:
    chance = random.Random(seed)
    deaths = [kill_worker, kill_exporter, kill_everything] * 3
    chance.shuffle(deaths)
    with Load(sidecar.address, CALLS, threads=4, wanted=ANSWERS) as load:
        for kill in deaths:
            count = len(load.answered)
            eventually(lambda: len(load.answered), lambda now, count=count: now > count + 50)
            time.sleep(chance.uniform(0, 0.7))
            kill(sidecar, chance)
    answered = [str(seen.trailing["sentinel-exchange-id"][0]) for seen in load.answered.values()]
    assert len(set(answered)) == len(answered) > 500
    eventually(lambda: sorted(set(answered) - stored(sidecar).keys())[:5], lambda missing: not missing, 30)
    rows = stored(sidecar)
    assert {key: count for key, count in rows.items() if count != 1} == {}
    # Whatever ended without an answer has at most one row as well, and calls that never came in have none.
    assert len(rows) <= len(answered) + len(load.failed)
