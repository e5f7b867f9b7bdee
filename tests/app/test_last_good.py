"""The copy of the rules in force, from which a replaced worker starts when those on disk are wrong."""

from __future__ import annotations

from pathlib import Path

from sentinel.app import last_good
from sentinel.config import load_config
from sentinel.policy.load import load_policy

RULE = "rules:\n  - {{id: {}, level: low, detect: {{detector: pii}}, action: flag}}\n"


def test_the_copy_gives_the_same_policy_whatever_becomes_of_the_files(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.yaml").write_text(RULE.format("a"))
    (tmp_path / "b.yml").write_text(RULE.format("b"))
    file = tmp_path / "sentinel.yaml"
    file.write_text("drain_s: 7\nrules: {paths: [rules, b.yml]}\n")
    config = load_config(file)
    before = load_policy(config.rules.files(), {"pii"})
    last_good.keep(config, config.state_dir)
    (rules / "a.yaml").write_text("rules: nonsense")
    copy = load_config(last_good.path(config.state_dir))
    assert load_policy(copy.rules.files(), {"pii"}).digest == before.digest
    assert (copy.drain_s, copy.state_dir) == (7, config.state_dir)


def test_a_second_copy_replaces_the_first(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    config_file = tmp_path / "sentinel.yaml"
    config_file.write_text("rules: {paths: [one.yaml]}\n")
    for name in ("a", "b"):
        file.write_text(RULE.format(name))
        last_good.keep(load_config(config_file), tmp_path / "state")
    copy = load_config(last_good.path(tmp_path / "state"))
    assert [rule.id for rule in load_policy(copy.rules.files(), {"pii"}).rules] == ["b"]


def test_models_are_copied_too(tmp_path: Path) -> None:
    file = tmp_path / "sentinel.yaml"
    file.write_text(
        "rules: {paths: []}\n"
        "models:\n"
        "  detectors:\n"
        "    encoder: {kind: encoder, topics: {money: [a loan]}, max_batch: 3}\n"
        "    names: {kind: spacy, pipeline: ./pipeline, idle_s: 60}\n"
    )
    config = load_config(file)
    last_good.keep(config, tmp_path / "state")
    assert load_config(last_good.path(tmp_path / "state")).models == config.models


def test_forgetting_leaves_nothing(tmp_path: Path) -> None:
    last_good.keep(load_config(None), tmp_path)
    last_good.forget(tmp_path)
    assert not last_good.path(tmp_path).exists()
