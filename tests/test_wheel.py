"""An installed wheel works as a checkout does: it carries the rule packs and the dashboards."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as pip would lay it out."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "site")
    return out / "site"


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    # -P and an empty folder: the checkout must not be importable.
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-P", *command], cwd=site.parent, env=environment, capture_output=True, text=True
    )


def test_it_carries_packs_dashboards_and_the_demo(installed: Path) -> None:
    bundled = installed / "sentinel" / "_bundled"
    assert {path.name for path in (ROOT / "rules").glob("*.yaml")} <= {
        p.name for p in (bundled / "rules").iterdir()
    }
    assert list((bundled / "dashboards").glob("*.json"))
    assert (installed / "sentinel" / "demo" / "documents.yaml").is_file()
    assert list((installed / "sentinel" / "store" / "migrations").glob("*.sql"))


def test_its_rules_are_the_checkouts(installed: Path) -> None:
    where = run(installed, "-c", "from sentinel.policy.load import bundled_rules as b; print(b())")
    assert where.stdout.strip() == str(installed / "sentinel" / "_bundled" / "rules"), where.stderr
    checked = run(installed, "-m", "sentinel.cli", "rules", "check")
    assert checked.returncode == 0, checked.stderr
    here = subprocess.run(
        [sys.executable, "-m", "sentinel.cli", "rules", "check"], cwd=ROOT, capture_output=True, text=True
    )
    assert checked.stdout == here.stdout


def test_it_carries_nothing_else(installed: Path) -> None:
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"sentinel"}
