"""The rules that a command is given, or those of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sentinel.config import SentinelConfig, placed
from sentinel.detectors.registry import known_detectors
from sentinel.policy.engine import Policy
from sentinel.policy.load import PATHS, load_policy


def policy_of(given: Sequence[Path] | None, settings: SentinelConfig, config: Path | None) -> Policy:
    """The rules of the given files and folders, or without any those of the settings, whose file `config` is.
    Raises ConfigErrors."""
    known, by_model = known_detectors() | settings.models.served, settings.models.by_model
    if given:
        return load_policy(given, known, by_model)
    with placed(config):
        return load_policy(settings.rules.files(), known, by_model, PATHS)
