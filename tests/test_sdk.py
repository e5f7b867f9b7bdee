"""The Python API: the sidecar's decisions in one's own process."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError, ConfigErrors
from sentinel.sdk import Guard

RULES = """
rules:
  - {id: block-keys, level: high, detect: {detector: secrets}, action: block, message: keep your keys}
  - {id: hide-mail, level: low, stage: input, detect: {detector: pii, type: EMAIL_ADDRESS}, action: redact}
"""


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    folder = tmp_path_factory.mktemp("guard")
    (folder / "rules.yaml").write_text(RULES)
    (folder / "sentinel.yaml").write_text("state_dir: state\nrules: {paths: [rules.yaml]}\n")
    return Guard.from_config(folder / "sentinel.yaml")


def test_a_text_is_edited_and_the_finding_told(guard: Guard) -> None:
    text = "write to jane.doe@example.com"
    result = guard.screen(text, id="7")
    assert (result.id, result.action, result.rule, result.text) == (
        "7",
        "redact",
        "hide-mail",
        "write to <EMAIL_ADDRESS>",
    )
    (finding,) = result.findings
    assert (text[finding.start : finding.end], finding.rule, finding.level) == (
        "jane.doe@example.com",
        "hide-mail",
        "low",
    )


def test_a_blocked_text_does_not_come_back(guard: Guard) -> None:
    key = "AK" + "IA" + "Q3EGRIVWPJ5D6T2M"
    result = guard.screen(f"use {key} for it")
    assert (result.action, result.text, result.message) == ("block", "", "keep your keys")


def test_the_stage_chooses_the_rules(guard: Guard) -> None:
    assert guard.screen("write to jane.doe@example.com", stage="output").action == "allow"


def test_detectors_asked_for_tell_what_no_rule_acts_on(guard: Guard) -> None:
    result = guard.screen("on 192.0.2.1", detectors=["pii"])
    assert result.action == "allow"
    (finding,) = result.findings
    assert (finding.type, finding.rule, finding.threshold) == ("IP_ADDRESS", "", 0.0)
    assert result.detectors.keys() == {"pii", "secrets"} and all(result.detectors.values())


def test_a_detector_that_is_not_loaded_is_told(guard: Guard) -> None:
    with pytest.raises(ConfigError, match="astrology not loaded; loaded are pii, secrets"):
        guard.screen("hello", detectors=["astrology"])


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud800", "é" * 10_000, "\u202e1234"])
def test_any_text_can_be_screened(guard: Guard, text: str) -> None:
    assert guard.screen(text).action == "allow"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"none\.yaml"):
        Guard.from_config(tmp_path / "none.yaml")
