"""docs/rules.md: its examples load, and its tables name every key."""

import re
from pathlib import Path

import pytest

from sentinel.config import load_config
from sentinel.detectors.registry import DetectorsConfig, known_detectors
from sentinel.policy.condition import FIELDS
from sentinel.policy.load import bundled_rules, load_policy
from sentinel.policy.rule import DetectConfig, ExampleConfig, MatchConfig, OperatorConfig, RuleConfig

DOC = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL))
def test_examples_load(tmp_path: Path, block: str) -> None:
    (tmp_path / "doc.yaml").write_text(block)
    if block.startswith("detectors:"):  # of the configuration
        assert load_config(tmp_path / "doc.yaml").detectors != DetectorsConfig()
    else:
        assert load_policy([tmp_path], known_detectors()).rules


@pytest.mark.parametrize("model", [RuleConfig, MatchConfig, DetectConfig, OperatorConfig, ExampleConfig])
def test_every_key_is_named(model: type[RuleConfig]) -> None:
    assert not [key for key in model.model_fields if f"`{key.rstrip('_')}`" not in DOC and key != "name"]


def test_every_fact_is_named() -> None:
    for name, fields in FIELDS.items():
        assert f"`{name}`" in DOC
        assert all(field in DOC for field in fields)


def test_the_bundled_packs_are_named() -> None:
    told = DOC[DOC.index("Without PATHS") : DOC.index("in `rules/`")]
    assert re.findall(r"`([\w.]+)`", told) == sorted(pack.name for pack in bundled_rules().glob("*.yaml"))
