"""`sentinel eval` as a shell sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eval")
    data = folder / "data"
    (data / "pii").mkdir(parents=True)
    (data / "traffic").mkdir()
    text = "write to jane.doe@example.com, or call Ann"
    spans = [{"start": 9, "end": 29, "type": "EMAIL_ADDRESS"}, {"start": 39, "end": 42, "type": "PER"}]
    row = json.dumps({"text": text, "spans": spans})
    (data / "pii" / "mine.jsonl").write_text(f"{row}\n{{broken\n{row}\n")
    (data / "traffic" / "mine.jsonl").write_text('{"prompt": "What is a ferry?", "response": "A ship."}\n')
    return folder


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sentinel.cli", "eval", *options]
    surroundings = {**os.environ, "SENTINEL_STATE_DIR": str(folder / "state")}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=180, cwd=folder, env=surroundings, check=False
    )


def test_tables_and_files(folder: Path) -> None:
    done = run(folder, "--data", "data", "--detector", "pii", "--out", "report.json", "--html", "report.html")
    assert done.returncode == 1  # a line was malformed
    assert "data/pii/mine.jsonl:2: JSON is malformed" in done.stderr and "1 malformed line" in done.stderr
    assert "pii/mine: 2" in done.stderr and "saved: report.json, report.html" in done.stderr
    assert done.stdout.startswith("rows: 4 texts, of all clusters")
    assert "EMAIL_ADDRESS" in done.stdout and "traffic called bad" in done.stdout
    saved = json.loads((folder / "report.json").read_text())
    (pii,) = saved["detectors"]
    found = {each["type"]: each for each in pii["types"]}
    assert found["EMAIL_ADDRESS"]["exact"] == {"labels": 2, "met": 2, "found": 2, "right": 2}
    assert found["EMAIL_ADDRESS"]["mode"] == "enforce"
    assert found["PERSON"]["exact"]["labels"] == 2
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert "jane.doe" not in (folder / "report.json").read_text() + (folder / "report.html").read_text()


def test_everything_is_saved_where_nothing_else_is_said(folder: Path) -> None:
    done = run(folder, "--data", "data", "--detector", "quality", "--split", "heldout")
    assert done.returncode == 0, done.stderr
    saved = json.loads((folder / "sentinel-eval.json").read_text())
    assert saved["split"] == "heldout"
    told = "the fifth of the clusters that no shipped model learned from"
    assert told in done.stdout and told in (folder / "sentinel-eval.html").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--data", "nowhere"), "nowhere: is no folder"),
        (("--data", "data", "--detector", "astrology"), "no detector `astrology`; known: "),
        (("--data", "data", "--detector", "pii=weather"), "no area `weather`"),
        (("--data", "data", "--html", "none/report.html"), "none/report.html: its folder does not exist"),
        (("--data", "data", "--out", "data"), "data: cannot be written"),
        (("--data", "data", "--rules", "none.yaml"), "none.yaml"),
    ],
)
def test_mistakes_are_told_in_one_line(folder: Path, options: tuple[str, ...], told: str) -> None:
    done = run(folder, *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr and "Traceback" not in done.stderr
