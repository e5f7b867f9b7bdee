"""An installed wheel works as a checkout does: it carries the rule packs and the dashboards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from sentinel.detectors._kernel import checksum

ROOT = Path(__file__).resolve().parents[1]


LIBRARY = Path("sentinel", "detectors", "kernel", "libkernel.so")


def built(out: Path, root: Path = ROOT, **environment: str) -> Path:
    """The wheel of this folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=root, env={**os.environ, **environment}, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    return wheel


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as pip would lay it out."""
    out = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(built(out)) as archive:
        archive.extractall(out / "site")
    return out / "site"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small package with our kernel and our way to build it; no repository, so nothing is ignored."""
    root = tmp_path_factory.mktemp("a source")
    (root / "sentinel" / "detectors").mkdir(parents=True)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "sentinel/__init__.py"):
        shutil.copy(ROOT / name, root / name)
    for name in ("rules", "dashboards"):
        (root / name).mkdir()
    shutil.copytree(ROOT / LIBRARY.parent, root / LIBRARY.parent, ignore=shutil.ignore_patterns("*.so"))
    return root


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


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_it_carries_a_kernel_of_its_source(installed: Path) -> None:
    told = run(
        installed, "-c", "from sentinel.detectors import _kernel as k; print(k.LIBRARY.sentinel_built_of())"
    )
    assert int(told.stdout) == checksum(), told.stderr


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
@pytest.mark.parametrize("compiler", ["", "cc -g"])
def test_a_build_leaves_its_source_as_it_was(source: Path, tmp_path: Path, compiler: str) -> None:
    before = sorted(source.rglob("*"))
    wheel = built(tmp_path, source, CC=compiler)
    assert wheel.name.endswith(
        f"-py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}.whl"
    )
    assert str(LIBRARY) in files_of(wheel)
    assert sorted(source.rglob("*")) == before


@pytest.mark.parametrize("compiler", ["/nonexistent", "false"])
def test_without_a_compiler_it_is_pure(source: Path, tmp_path: Path, compiler: str) -> None:
    stale = source / LIBRARY
    stale.write_bytes(b"of an editable install")
    try:
        wheel = built(tmp_path, source, CC=compiler)
        assert wheel.name.endswith("-py3-none-any.whl")
        assert str(LIBRARY) not in files_of(wheel)
        assert stale.exists()
    finally:
        stale.unlink()
