"""`sentinel serve` and `sentinel config` before anything runs: a mistake is one message, not a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.cli.config_reference import kind_reference
from sentinel.models.registry import KINDS


def sentinel(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sentinel.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


FREE = 'listen: {grpc: "127.0.0.1:0", admin: "127.0.0.1:0"}\nstore: {listen: "127.0.0.1:0"}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "rules: {paths: [nowhere]}",
            "{folder}/sentinel.yaml:1: rules.paths[0]: {folder}/nowhere: no such file or folder",
        ),
        ("redaction: {key_file: nowhere}", ":1: redaction.key_file: cannot read"),
        ("store: {password_file: nowhere}", "store.password_file: cannot read"),
        ("listen: {tls: {certificate: nowhere, key: nowhere}}", ":1: listen.tls.key: cannot read"),
        ("upstream: {tls: {ca: nowhere}}", "upstream.tls.ca: cannot read"),
        ("models: {tls: {certificate: nowhere, key: nowhere}}", "models.tls.key: cannot read"),
        (
            "models: {connect: {address: 'pool:1', tls: {ca: nowhere}}, "
            "detectors: {rude: {kind: 'tests.models.toys:Toy'}}}",
            "models.connect.tls.ca: cannot read",
        ),
        (
            "models:\n  detectors:\n    m: {kind: onnx, path: absent, labels: {a: A}}",
            "sentinel.yaml:3: models.detectors.m.path: {folder}/absent does not exist: write its path",
        ),
        (
            "models: {detectors: {m: {kind: transformers, model: ./absent, labels: {a: A}}}}",
            "models.detectors.m.model: {folder}/absent does not exist: write its path",
        ),
        ("detectors: {injection: {unsure_from: 0.95}}", "`unsure_from` is 0.95, above `unsure_to`, 0.8: "),
        ("detectors: {misuse: {unsure_to: 2}}", ":1: detectors.misuse.unsure_to: should be less than or"),
        ("upstream: {address: triton}", ":1: upstream.address: must be HOST:PORT"),
        ("listen: {grpc: '127.0.0.1:99999'}", ":1: listen.grpc: the port must be 0 to 65535"),
    ],
)
def test_a_check_finds_what_serve_would_stumble_over(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "sentinel.yaml"
    file.write_text(text)
    done = sentinel("config", "--check", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert told.replace("{folder}", str(tmp_path)) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "models",
    [
        "{detectors: {rude: {kind: 'tests.models.toys:Toy'}}}",
        "{detectors: {rude: {kind: transformers, model: hub/name, labels: {a: RUDE}}}}",
        "{connect: {address: 'pool:1'}, detectors: {rude: {kind: onnx, path: /theirs, labels: {a: RUDE}}}}",
    ],
)
def test_a_check_lets_rules_ask_for_models_and_pools_have_files_of_their_own(
    tmp_path: Path, models: str
) -> None:
    file = tmp_path / "sentinel.yaml"
    file.write_text(f"rules: {{paths: [rules.yaml]}}\nmodels: {models}\n")
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - {id: r, level: low, detect: {detector: rude, type: RUDE}, action: flag}\n"
    )
    assert sentinel("config", "--check", file).stdout == f"{file}: correct\n"


@pytest.mark.parametrize("command", ["serve", "screen", "records"])
def test_a_state_folder_that_is_a_file(tmp_path: Path, command: str) -> None:
    (tmp_path / "state").write_text("")
    (tmp_path / "sentinel.yaml").write_text("state_dir: state\n" + FREE)
    done = sentinel(command, "--config", tmp_path / "sentinel.yaml")
    assert done.returncode != 0
    assert str(tmp_path / "state") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_does_not_answer_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "sentinel.yaml").write_text("store: {kind: clickhouse, address: '127.0.0.1:1'}\n")
    done = sentinel("records", "--config", tmp_path / "sentinel.yaml")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["store at 127.0.0.1"]


def test_the_version_is_printed() -> None:
    done = sentinel("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()[0].isdigit()


def test_every_key_is_listed_and_those_of_each_kind_of_models() -> None:
    told = sentinel("config").stdout
    assert "| `state_dir` |" in told
    assert told.count("`models.detectors.NAME` with `kind: ") == len(KINDS)
    assert all(kind_reference(kind) in told for kind in KINDS)
