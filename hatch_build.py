"""Builds `sentinel/detectors/kernel/` with the package, where there is a C compiler (`CC`, else `cc`).

Without one the package is pure Python, and its small classifiers take several times as long.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any
from zlib import crc32

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("sentinel", "detectors", "kernel")
BUILT = FOLDER / "libkernel.so"
# Sums of floating-point numbers as they are written, so that answers do not depend on the compiler.
_FLAGS = ("-O3", "-shared", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")


class CustomBuildHook(BuildHookInterface[Any]):
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """For wheels, which leaves the source's folder as it is, and in place for editable installs. The
        library needs no Python of its own: the wheel's tag is that of the machine alone."""
        if self.target_name != "wheel" or sys.platform == "win32":
            return
        root = Path(self.root)
        self._folder = tempfile.TemporaryDirectory()
        made = Path(self._folder.name, BUILT.name)
        try:
            _compile(root / FOLDER, made)
            if version == "editable":
                _put(made, root / BUILT)
            else:
                build_data["force_include"][str(made)] = str(BUILT)
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            self.app.display_warning(
                f"{FOLDER} was not compiled, its detectors will be slower: {told.strip()}"
            )
            return
        build_data["pure_python"] = False
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{machine}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._folder:
            self._folder.cleanup()


def _compile(folder: Path, made: Path) -> None:
    """Raises OSError without a compiler, CalledProcessError with what it said."""
    compiler = shlex.split(os.environ.get("CC") or "cc")
    sources = sorted(folder.glob("*.[ch]"))
    # `_kernel.py` does not load a library of other sources.
    built_of = f"-DBUILT_OF={crc32(b''.join(source.read_bytes() for source in sources))}u"
    compiled = [str(source) for source in sources if source.suffix == ".c"]
    command = [*compiler, *_FLAGS, built_of, "-o", str(made), *compiled, "-lm"]
    subprocess.run(command, check=True, capture_output=True, encoding="utf-8", errors="replace")


def _put(made: Path, place: Path) -> None:
    """At once: a worker that runs has the old one open."""
    beside = place.with_suffix(f".{os.getpid()}.tmp")
    try:
        shutil.copy(made, beside)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
