"""The recognizers of the installed presidio-analyzer, as data, from a cache that is made once per version."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from sentinel.core.errors import ConfigError
from sentinel.detectors import _cache, _extract

_EXTRACT_SECONDS = 120


class NamedPattern(msgspec.Struct, frozen=True):
    """`placed` is the score of a match in which the group `place` took part."""

    name: str
    regex: str
    score: float
    placed: float = 0.0


class Recognizer(msgspec.Struct, frozen=True):
    """One recognizer with its settings. `kind` is its class, by which its validator is found.

    `flags` are those of the package `regex`; `regions`, `leniency` and `score` belong to phone recognizers.
    Where a pattern has a group `value`, that is what is found. `doubt` says what is wrong with all that it
    finds; it tells nothing that another recognizer of the entity covers.
    """

    name: str
    kind: str
    entity: str
    context: tuple[str, ...]
    patterns: tuple[NamedPattern, ...] = ()
    flags: int = 26  # DOTALL | MULTILINE | IGNORECASE, Presidio's own default
    language: str = "en"
    country: str = ""
    enabled: bool = True
    replacement_pairs: tuple[tuple[str, str], ...] = ()
    regions: tuple[str, ...] = ()
    leniency: int = 1
    score: float = 0.0
    doubt: str = ""
    tables: dict[str, Any] = {}


class ContextSettings(msgspec.Struct, frozen=True):
    """How context words lift a score: Presidio's LemmaContextAwareEnhancer."""

    factor: float
    minimum: float
    before: int
    after: int
    mode: str


class TokenizerRules(msgspec.Struct, frozen=True):
    """spaCy's blank English tokenizer: its expressions and its table of exceptions."""

    prefix: str
    suffix: str
    infix: str
    url: str
    rules: dict[str, tuple[str, ...]]
    stop_words: frozenset[str]


class Catalogue(msgspec.Struct, frozen=True):
    format: int
    version: str
    recognizers: tuple[Recognizer, ...]
    tables: dict[str, Any]
    context: ContextSettings
    tokenizer: TokenizerRules

    def named(self) -> dict[str, Recognizer]:
        """Every recognizer by name, each with the tables that validators look into."""
        return {r.name: msgspec.structs.replace(r, tables=self.tables) for r in self.recognizers}


def load_catalogue(cache_dir: Path) -> Catalogue:
    """What the installed presidio-analyzer knows. Raises ConfigError when it is not installed."""
    try:
        version = importlib.metadata.version("presidio-analyzer")
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError(
            "presidio-analyzer is not installed, and the pii detector takes its patterns from it: "
            "`pip install presidio-analyzer`, or take `pii` out of the rules",
            key="detectors.pii",
        ) from None
    path = cache_dir / f"presidio-{version}-{_extract.FORMAT}.json"
    for payload in (_cache.read(path), None):
        if payload is None:
            payload = _run_extraction()
            _cache.write(path, payload)
        try:
            return msgspec.json.decode(payload, type=Catalogue)
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
    raise ConfigError(
        f"presidio-analyzer {version} describes its recognizers in a way that cannot be read",
        key="detectors.pii",
    )


def _run_extraction() -> bytes:
    with tempfile.TemporaryDirectory(prefix="sentinel-") as directory:
        target = Path(directory) / "catalogue.json"
        command = [sys.executable, "-m", "sentinel.detectors._extract", str(target)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_EXTRACT_SECONDS)
            return target.read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            told = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            raise ConfigError(
                f"the recognizers of presidio-analyzer could not be read ({told[-1] if told else error}); "
                "try `python -c 'import presidio_analyzer'` and repair the installation",
                key="detectors.pii",
            ) from None
