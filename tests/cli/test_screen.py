"""`sentinel screen` as a shell sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RULES = (
    "rules:\n  - {id: hide-mail, level: low, detect: {detector: pii, type: EMAIL_ADDRESS}, action: redact}\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screen")
    (folder / "rules.yaml").write_text(RULES)
    (folder / "sentinel.yaml").write_text("rules: {paths: [rules.yaml]}\n")
    return folder


def run(folder: Path, stdin: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sentinel.cli", "screen", "-c", str(folder / "sentinel.yaml"), *options]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120)


def test_each_line_is_answered_in_order(folder: Path) -> None:
    lines = [
        {"id": "a", "stage": "input", "text": "to jane.doe@example.com"},
        {"id": "b", "stage": "output", "text": "nothing", "question": "what?", "context": ["a document"]},
    ]
    done = run(folder, "".join(json.dumps(line) + "\n" for line in lines))
    first, second = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0, done.stderr
    assert (first["id"], first["action"], first["text"]) == ("a", "redact", "to <EMAIL_ADDRESS>")
    (found,) = first["findings"]
    assert {"detector", "type", "start", "end", "score", "level", "rule", "threshold"} <= found.keys()
    assert first["detectors"].keys() == {"pii"}
    assert (second["id"], second["action"], second["findings"], second["scores"]) == ("b", "allow", [], {})
    assert {"decision_id", "policy", "elapsed_us"} <= second.keys()


def test_a_malformed_line_is_told_by_number_and_the_rest_goes_on(folder: Path) -> None:
    broken = [
        "{nonsense",
        '{"id": "x"}',
        '{"text": "t", "stage": "sideways"}',
        '{"text": "t", "txet": 1}',
        "[]",
    ]
    done = run(folder, "\n".join([*broken, "", '{"id": "last", "text": "fine"}']))
    assert done.returncode == 1
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["last"]
    for number in range(1, 6):
        assert f"line {number}: " in done.stderr
    assert "5 malformed lines" in done.stderr


def test_detectors_are_asked_whatever_the_rules_say(folder: Path) -> None:
    done = run(folder, '{"text": "on 192.0.2.1"}\n', "--detectors", "pii,secrets")
    result = json.loads(done.stdout)
    assert [(f["detector"], f["type"], f["rule"]) for f in result["findings"]] == [("pii", "IP_ADDRESS", "")]


def test_an_unknown_detector_is_told_before_any_line(folder: Path) -> None:
    done = run(folder, '{"text": "t"}\n', "--detectors", "astrology")
    assert (done.returncode, done.stdout) == (1, "")
    assert "astrology" in done.stderr and "pii" in done.stderr and "Traceback" not in done.stderr


def test_a_line_that_asks_for_a_detector_that_is_not_loaded_is_told_and_the_rest_goes_on(
    folder: Path,
) -> None:
    done = run(folder, '{"text": "t", "detectors": ["secrets"]}\n{"id": "last", "text": "fine"}\n')
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["last"]
    assert done.stderr.startswith("line 1: detectors: secrets not loaded; loaded are pii;")
    assert "a line is" not in done.stderr


def test_a_model_that_cannot_be_loaded_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - {id: r, level: low, detect: {detector: rude, type: RUDE}, action: flag}\n"
    )
    models = "models: {detectors: {rude: {kind: 'tests.models.toys:Toy', path: absent}}}\n"
    (tmp_path / "sentinel.yaml").write_text("rules: {paths: [rules.yaml]}\n" + models)
    done = run(tmp_path, '{"text": "t"}\n' * 2)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"models.detectors.rude.path: {tmp_path}/absent does not exist\n"
