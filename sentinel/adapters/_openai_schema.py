"""The JSON Schema that a request wants the answer to follow.

https://platform.openai.com/docs/guides/structured-outputs; `guided_json` is vLLM's.
"""

from __future__ import annotations

from sentinel.adapters._json import Node

_OBJECT = '{"type": "object"}'


def wanted_schema(text: str, root: Node) -> str:
    """The schema as it stands in the request's `text`; "" where the answer may be anything."""
    format_ = root.get("response_format")
    shape = root.get("text")
    if format_ is None and shape is not None:
        format_ = shape.get("format")
    guided = root.get("guided_json")
    if guided is not None and type(guided.value) is dict:
        return text[guided.start : guided.end]
    if format_ is None:
        return ""
    if format_.text("type") == "json_object":
        return _OBJECT
    holder = format_.get("json_schema") or format_
    schema = holder.get("schema")
    if format_.text("type") != "json_schema" or schema is None or type(schema.value) is not dict:
        return ""
    return text[schema.start : schema.end]
