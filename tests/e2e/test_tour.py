"""The README's tour works when pasted, command by command, beside a running `sentinel demo`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
TOUR = README[README.index("<!-- tour:begin -->") : README.index("<!-- tour:end -->")]
COMMANDS = re.findall(r"```sh\n(.*?)```", TOUR, re.DOTALL)
SHOWS = [
    "jane.doe@example.com",
    "<EMAIL_ADDRESS>",
    "pii-email-prompt",
    '"value_hmac"',
    "pii-payment-card",
    "0 failed",
]
SHOWS += ["<EMAIL_ADDRESS_1>", "sentinel_calls_total", "count()"]


@pytest.fixture(scope="module")
def beside_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tour")
    (folder / ".venv").symlink_to(sys.prefix)
    command = [sys.executable, "-m", "sentinel.cli", "demo"]
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 240
            while "Sentinel is up" not in (folder / "out").read_text():
                assert process.poll() is None and time.monotonic() < deadline, (folder / "out").read_text()
                time.sleep(0.2)
            yield folder
        finally:
            process.terminate()
            process.wait(60)


def here(command: str, folder: Path) -> str:
    """The command with the ports that this demo got, should the usual ones have been taken."""
    state = json.loads((folder / ".sentinel" / "serve.json").read_text())
    store = (folder / ".sentinel" / "store.addr").read_text().strip()
    command = command.replace("127.0.0.1:9464", state["admin"]).replace("127.0.0.1:18123", store)
    command = command.replace("127.0.0.1:8080", state["http"])
    return command.replace("sentinel.demo.ask", f"sentinel.demo.ask --address {state['grpc']}")


def test_every_command_is_expected_to_show_something() -> None:
    assert len(COMMANDS) == len(SHOWS)


@pytest.mark.parametrize(("command", "shown"), list(zip(COMMANDS, SHOWS, strict=False)))
def test_the_tour(beside_demo: Path, command: str, shown: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here(command, beside_demo)],
        cwd=beside_demo,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_the_demo_went_as_expected(beside_demo: Path) -> None:
    out = (beside_demo / "out").read_text()
    conversations = re.search(r"(\d+) conversations: .* (\d+) rows in the store", out)
    assert conversations and conversations[1] == conversations[2], out
    assert "expected" not in out.split("rows in the store")[1]
