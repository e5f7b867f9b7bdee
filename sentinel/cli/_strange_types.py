"""Finding types that a rule asks for and nobody gives. It is no mistake, for a detector may learn them."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.config import SentinelConfig
from sentinel.core.names import Names
from sentinel.detectors.finding_types import finding_types
from sentinel.detectors.registry import known_detectors
from sentinel.policy.engine import Policy


def strange_types(policy: Policy, settings: SentinelConfig) -> Iterator[str]:
    """A warning for each. Raises ConfigError for a detector's setting that is wrong."""
    for rule in policy.rules:
        detect = rule.config.detect
        known = _known(detect.detector, settings) if detect else None
        if detect is None or known is None:
            continue
        for type_ in detect.type:
            if not any(name in Names((type_,)) for name in known):
                among = ", ".join(sorted(known)) or "none is configured"
                told = f"rule {rule.id}: {detect.detector} has no finding of type {type_}; known: {among}"
                yield f"{rule.file}: warning: {told}"


def _known(detector: str, settings: SentinelConfig) -> frozenset[str] | None:
    """What a detector can find, here and by models of its name; None where somebody does not say."""
    here = finding_types(detector, settings.detectors, settings.cache_dir)
    if detector not in settings.models.served:
        return here
    there = settings.models.finds.get(detector)
    if there is None or (here is None and detector in known_detectors()):
        return None
    return there | (here or frozenset())
