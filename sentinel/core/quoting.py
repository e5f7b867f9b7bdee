"""Values inside JSON text, such as the arguments of a tool call. An adapter shows such a text with its
\\u and control escapes decoded, and with `\\"` and `\\\\` as they are (adapters.base.Slot)."""

from __future__ import annotations

import json
import re

_ESCAPED = re.compile(r'\\(["\\])')


def quoted(value: str) -> str:
    """A value as the inside of a JSON string."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def unquoted(text: str) -> str:
    """The value that stands in a text of that kind."""
    return _ESCAPED.sub(r"\1", text)
