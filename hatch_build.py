"""Builds `sentinel/detectors/kernel.c` with the package, where there is a C compiler (`CC`, else `cc`).

Without one the package is pure Python, and its small classifiers take several times as long.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("sentinel", "detectors", "kernel.c")
BUILT = SOURCE.with_name("libkernel.so")
# Sums of floating-point numbers as they are written, so that answers do not depend on the compiler.
_FLAGS = ("-O3", "-shared", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """For wheels, and in place for editable installs. The library needs no Python of its own: the wheel's
        tag is that of the machine alone."""
        if self.target_name != "wheel" or sys.platform == "win32":
            return
        root = Path(self.root)
        built = root / BUILT
        compiler = shlex.split(os.environ.get("CC", "cc"))
        # Beside it first: a worker that runs has the old one open.
        made = built.with_suffix(f".{os.getpid()}.tmp")
        try:
            subprocess.run(
                [*compiler, *_FLAGS, "-o", str(made), str(root / SOURCE), "-lm"],
                check=True,
                capture_output=True,
                text=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            made.unlink(missing_ok=True)
            built.unlink(missing_ok=True)
            told = getattr(error, "stderr", None) or str(error)
            self.app.display_warning(
                f"{SOURCE} was not compiled, its detectors will be slower: {told.strip()}"
            )
            return
        made.replace(built)
        build_data["artifacts"].append(f"/{BUILT}")
        build_data["pure_python"] = False
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{machine}"
