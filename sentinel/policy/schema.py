"""JSON Schema of rule files, for editors (`# yaml-language-server: $schema=`)."""

from __future__ import annotations

import json

from sentinel.policy.rule import RuleFile


def rules_schema() -> str:
    """The schema as JSON text (draft 2020-12), the same at each call."""
    schema = RuleFile.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Sentinel rules"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
