"""The finding types that a detector can give, so that a rule that asks for another one can be told."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sentinel.detectors.pii import entity_types
from sentinel.detectors.registry import DETECTORS, READERS, DetectorsConfig
from sentinel.detectors.secrets import secret_types


def finding_types(detector: str, config: DetectorsConfig, cache_dir: Path) -> frozenset[str] | None:
    """All types of findings of a detector of ours; None where they depend on installed packages or files.
    Raises ConfigError."""
    if detector == "topics":
        return frozenset(config.topics)
    if detector == "secrets":
        return secret_types(config.secrets)
    if detector not in READERS or (detector in DETECTORS and detector != "pii"):
        return None
    types = set(entity_types(config.pii, cache_dir)) if detector == "pii" else set()
    for place in READERS[detector]:
        module, name = place.split(":")
        told = getattr(getattr(import_module(module), name), "types", None)
        if not isinstance(told, frozenset):
            return None
        types |= told
    return frozenset(types)
