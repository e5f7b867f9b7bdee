"""The finding types that a detector can give, so that a rule that asks for another one can be told."""

from __future__ import annotations

from importlib import import_module

from sentinel.detectors.registry import DETECTORS, READERS, DetectorsConfig


def finding_types(detector: str, config: DetectorsConfig) -> frozenset[str] | None:
    """All types of findings of a detector of ours; None where they depend on installed packages, files or
    recognizers."""
    if detector == "topics":
        return frozenset(config.topics)
    if detector in DETECTORS or detector not in READERS:
        return None
    types: set[str] = set()
    for place in READERS[detector]:
        module, name = place.split(":")
        told = getattr(getattr(import_module(module), name), "types", None)
        if not isinstance(told, frozenset):
            return None
        types |= told
    return frozenset(types)
