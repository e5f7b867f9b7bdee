"""How leaks are counted, and that the made-up values are what the rules find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.leaks import RULES, leaked, lost
from bench.litellm_values import planted
from sentinel.config import SentinelConfig
from sentinel.sdk import Guard


@pytest.mark.parametrize(
    ("received", "count"),
    [
        ("write to jane.doe@example.org now", 20),
        ("write to jane.doe@[EMAIL_REDACTED] now", 9),
        ("write to jan<EMAIL_ADDRESS> now", 0),
        ("write to <EMAIL_ADDRESS> now", 0),
    ],
)
def test_the_longest_piece_counts(received: str, count: int) -> None:
    assert leaked("jane.doe@example.org", received) == count


def test_a_label_is_no_piece_of_a_value() -> None:
    assert leaked("EMAIL_ADDRESS", "<EMAIL_ADDRESS>[EMAIL_ADDRESS_REDACTED]") == 0


@pytest.mark.parametrize(
    ("received", "count"), [("at noon, he said", 0), ("at <X>n, he said", 3), ("at", 13)]
)
def test_text_that_is_lost(received: str, count: int) -> None:
    assert lost("noon, he said", received) == count


def test_rules_cover_every_value(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(json.dumps(RULES))
    config = {"rules": {"paths": [str(tmp_path / "rules.yaml")]}, "state_dir": str(tmp_path)}
    guard = Guard.from_config(SentinelConfig.model_validate(config))
    values = planted(8)
    told = [guard.screen(each.text, stage="output").text for each in values]
    assert len(values) == 80
    assert [each.kind for each, text in zip(values, told, strict=True) if leaked(each.value, text)] == []
    assert all(text.endswith(each.after) for each, text in zip(values, told, strict=True))
