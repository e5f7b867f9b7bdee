from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel.adapters.openai import CHAT, RESPONSES, OpenAI, OpenAIConfig

SCHEMA = {"type": "object", "properties": {"n\u00e4me": {"type": "string"}}}
WRAPPED = {"name": "person", "schema": SCHEMA}


@pytest.mark.parametrize(
    ("method", "more", "schema"),
    [
        (CHAT, {}, None),
        (CHAT, {"response_format": {"type": "text"}}, None),
        (CHAT, {"response_format": {"type": "json_object"}}, {"type": "object"}),
        (CHAT, {"response_format": {"type": "json_schema", "json_schema": WRAPPED}}, SCHEMA),
        (CHAT, {"guided_json": SCHEMA}, SCHEMA),
        (RESPONSES, {"text": {"format": {"type": "json_schema", **WRAPPED}}}, SCHEMA),
        (RESPONSES, {"text": {"verbosity": "low"}}, None),
        (CHAT, {"response_format": "json"}, None),
        (CHAT, {"response_format": {"type": "json_schema", "json_schema": 1}}, None),
    ],
)
def test_what_the_answer_is_to_follow(method: str, more: dict[str, Any], schema: object) -> None:
    asked = {"model": "m", "messages": [], "input": "hi", **more}
    request = OpenAI(OpenAIConfig()).decode_request(method, json.dumps(asked).encode())
    assert (json.loads(request.schema) if request.schema else None) == schema
