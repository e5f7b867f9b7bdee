"""`kill -9` of writers and exporters at random moments and between any two durable steps, with the real
engine: every record whose append returned has exactly one row, and no record has two."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sentinel.telemetry.status import read_status

# Where a death between two durable steps costs most; `test_exporter` has every point, without a signal.
POINTS = ["claimed", "stored otel_traces", "stored sentinel_exchanges"]


def start(mode: str, *arguments: object, output: Path | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.telemetry.children", mode, *map(str, arguments)]
    if output is None:
        return subprocess.Popen(command, stdout=subprocess.PIPE)
    with output.open("wb") as file:
        return subprocess.Popen(command, stdout=file)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def acknowledged(outputs: list[Path]) -> dict[str, set[str]]:
    """Exchange ids by the phase that was printed; a last line without its end was not printed whole."""
    told: dict[str, set[str]] = {"open": set(), "edit": set(), "final": set()}
    for output in outputs:
        for line in output.read_text().split("\n")[:-1]:
            phase, exchange_id = line.split()
            told[phase].add(exchange_id)
    return told


def test_every_acknowledged_record_has_one_row(tmp_path: Path) -> None:
    spool, state = tmp_path / "spool", tmp_path / "state"
    chance = random.Random(7)
    outputs: list[Path] = []

    def start_writer() -> subprocess.Popen[bytes]:
        outputs.append(tmp_path / f"writer-{len(outputs)}")
        return start("writer", spool, len(outputs) % 2, output=outputs[-1])

    writers = [start_writer(), start_writer()]
    try:
        for point in [*POINTS, "at a random moment", "at a random moment"]:
            exporter = start("exporter", spool, state, point, chance.randint(1, 3))
            if point in POINTS:
                exporter.wait(timeout=60)
            else:
                time.sleep(chance.uniform(0.5, 2.5))
            kill(exporter)
            victim = chance.randrange(2)
            kill(writers[victim])
            writers[victim] = start_writer()
        time.sleep(chance.uniform(0.2, 0.5))
    finally:
        for writer in writers:
            kill(writer)
    drained = subprocess.run(
        [sys.executable, "-m", "tests.telemetry.children", "drain", str(spool), str(state)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    check(json.loads(drained.stdout), acknowledged(outputs))
    status = read_status(state)
    assert status is not None
    assert (status.dropped, status.quarantined, status.pending_bytes, status.open_exchanges) == (0, 0, 0, 0)
    # A writer may have died while it made a segment; what it left holds no record and is removed in time.
    assert {path.suffix for path in spool.iterdir()} <= {".tmp"}


def check(stored: dict[str, list[dict[str, Any]]], told: dict[str, set[str]]) -> None:
    rows = {table: {row["id"]: row["rows"] for row in found} for table, found in stored.items()}
    outcomes = {row["id"]: row["outcome"] for row in stored["exchanges"]}
    counted = {row["id"]: row["findings"] for row in stored["exchanges"]}
    assert len(told["final"]) > 1000
    assert told["open"] - told["final"]
    lost = (told["open"] | told["final"]) - set(rows["exchanges"])
    assert not lost
    assert {outcomes[exchange_id] for exchange_id in told["final"]} == {"answered"}
    interrupted = Counter(outcomes[exchange_id] for exchange_id in told["open"] - told["final"])
    # A final record may be in the spool though its writer died before it could print so.
    assert set(interrupted) <= {"interrupted", "answered"}
    assert interrupted["interrupted"]
    # Written, and killed before the id was printed: at most one record and one end of a stream a writer.
    assert len(set(rows["exchanges"]) - told["final"] - told["open"]) <= 9
    for table in rows:
        assert set(rows[table]) == set(rows["exchanges"]), table
    for table, each in {"exchanges": 1, "spans": 2}.items():
        assert set(rows[table].values()) == {each}, table
    # Every edit of an interrupted stream is told; of the others the final record says what there was.
    assert counted == rows["findings"]
    cut = {exchange_id for exchange_id, outcome in outcomes.items() if outcome == "interrupted"}
    assert cut & told["edit"]
    assert {counted[exchange_id] for exchange_id in cut & told["edit"]} == {2}
    assert {counted[exchange_id] for exchange_id in set(outcomes) - cut} == {1}
    # So is, perhaps, one whose writer died before it could print so.
    assert sum(counted[exchange_id] == 2 for exchange_id in cut - told["edit"]) <= 9
    # Mending a block that a killed engine lost may fill the look-up table twice; its readers ask min and max.
    assert set(rows["lookup"].values()) <= {1, 2}
