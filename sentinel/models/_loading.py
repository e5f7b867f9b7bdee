"""What loading a model may stumble over, told as one ConfigError each."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sentinel.core.errors import ConfigError
from sentinel.models.inference import out_of_memory


def package(name: str, extra: str, key: str) -> Any:
    """The imported package. Raises ConfigError that names the extra which brings it."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # they would fill a log
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = error.name or name
        install = f"pip install 'sentinel-sidecar[{extra}]'"
        raise ConfigError(f"the package `{missing}` is not installed: {install}", key=key) from None


def existing(path: Path, key: str) -> Path:
    """The path, if something is there."""
    if not path.exists():
        raise ConfigError(f"{path} does not exist: write its path as this process sees it", key=key)
    return path


def digest(files: Iterable[Path]) -> str:
    """Of what stands in those of the files that are there, in twelve letters: the version of a model that is
    loaded from them."""
    made = hashlib.blake2b(digest_size=6)
    for path in sorted(files):
        if path.is_file():
            with path.open("rb") as file:
                made.update(hashlib.file_digest(file, "blake2b").digest())
    return made.hexdigest()


@contextmanager
def loading(what: str, key: str) -> Iterator[None]:
    """Turns what a library raises while it loads `what` into a ConfigError at `key`."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(_reason(what, error), key=key) from error


def _reason(what: str, error: Exception) -> str:
    told = " ".join(str(error).split())
    if out_of_memory(error):
        return f"not enough memory to load {what}: choose a smaller model, int8, or another device"
    if isinstance(error, FileNotFoundError):
        return f"{what} lacks a file: {told}"
    return f"{what} cannot be loaded ({type(error).__name__}): {told[:300]}"
