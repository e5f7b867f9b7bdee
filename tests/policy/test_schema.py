import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from sentinel.policy.load import bundled_rules
from sentinel.policy.schema import rules_schema
from tests.policy.test_load import EVERYTHING

SCHEMA = json.loads(rules_schema())


def test_the_shipped_schema_is_current() -> None:
    shipped = (bundled_rules() / "rules.schema.json").read_text("utf-8")
    assert shipped == rules_schema(), "run: sentinel rules schema > rules/rules.schema.json"


def test_it_is_a_schema_and_every_key_is_described() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    objects = [SCHEMA, *SCHEMA["$defs"].values()]
    bare = [
        key for thing in objects for key, value in thing["properties"].items() if "description" not in value
    ]
    assert not bare
    assert all(thing["additionalProperties"] is False for thing in objects)


@pytest.mark.parametrize(
    ("rules", "valid"),
    [
        (EVERYTHING, True),
        ("- {id: a, detect: {detector: pii, type: X}, action: flag}", True),
        ("- {id: a, detect: {detector: pii}, action: redact, operator: mask, roles: prompt}", True),
        ("- {id: a, detect: {detector: pii}, action: delete}", False),
        ("- {id: a, detect: {detector: pii, type: []}, action: flag}", False),
        ("- {id: a, detect: {detector: pii}, action: flag, acton: flag}", False),
        ("- {id: A, detect: {detector: pii}, action: flag}", False),
        ("- {detect: {detector: pii}, action: flag}", False),
    ],
)
def test_it_says_what_the_loader_says(rules: str, valid: bool) -> None:
    document = yaml.safe_load("rules:\n" + rules)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(document) is valid


@pytest.mark.parametrize("pack", sorted(bundled_rules().glob("*.yaml")), ids=lambda path: path.name)
def test_packs_fit_the_schema_and_name_it(pack: Path) -> None:
    text = pack.read_text("utf-8")
    assert "# yaml-language-server: $schema=rules.schema.json" in text.splitlines()[:3]
    jsonschema.validate(yaml.safe_load(text), SCHEMA)
