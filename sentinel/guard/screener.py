"""A policy together with the detectors that it asks: what a reload swaps, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sentinel.core.finding import Inspection
from sentinel.detectors.registry import DetectorsConfig, DetectorSet, known_detectors, load_detectors
from sentinel.policy.engine import Policy
from sentinel.policy.load import load_policy


class Screener(msgspec.Struct, frozen=True):
    """Immutable, so that an exchange keeps the rules that it began with."""

    policy: Policy
    detectors: DetectorSet

    def inspect(self, texts: Sequence[str], names: frozenset[str]) -> list[Inspection]:
        """Ask the detectors `names` about each text. Blocks for microseconds per kilobyte; thread-safe."""
        return [self.detectors.inspect(text, names) for text in texts]

    def warm_up(self) -> None:
        """Make the detectors load what they load at first use (suffix lists, phone metadata)."""
        self.detectors.warm()


def load_screener(
    rules: Sequence[Path],
    config: DetectorsConfig,
    cache_dir: Path,
    extra_detectors: frozenset[str] = frozenset(),
) -> Screener:
    """Read the rules and load the detectors that they (or the caller) ask for.

    Raises ConfigError naming file, line and key.
    """
    policy = load_policy(rules, known_detectors())
    detectors = load_detectors(config, policy.detectors | extra_detectors, cache_dir)
    return Screener(policy, detectors)
