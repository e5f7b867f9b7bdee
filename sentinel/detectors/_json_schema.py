"""Whether a JSON value follows a JSON Schema (draft 2020-12), as far as requests to models use it.

Known: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `patternProperties`,
`minProperties`, `maxProperties`, `items`, `prefixItems`, `minItems`, `maxItems`, `uniqueItems`, the
bounds of numbers and of lengths, `multipleOf`, `pattern`, `anyOf`, `oneOf`, `allOf`, `not`,
`if`/`then`/`else`, and `$ref` into the schema itself. What else stands in a schema forbids nothing.
Schemas come from callers, so the work is bounded, and an expression that takes long counts as met.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import regex

MAX_STEPS = 20_000
_MAX_DEPTH = 100
_PATTERN_SECONDS = 0.02


class TooMuch(Exception):
    """The schema or the value is too large to be judged."""


def mismatch(value: Any, schema: Any) -> str:
    """Where the value departs from the schema, as `$.path: what is wrong`, without quoting it; empty where it
    does not. Raises TooMuch."""
    return next(_Check(schema).problems(value, schema, "$", 0), "")


class _Check:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps = 0

    def _fits(self, value: Any, schema: Any, path: str, depth: int) -> bool:
        return next(self.problems(value, schema, path, depth), None) is None

    def problems(self, value: Any, schema: Any, path: str, depth: int) -> Iterator[str]:
        self._steps += 1
        if self._steps > MAX_STEPS or depth > _MAX_DEPTH:
            raise TooMuch
        if schema is False:
            yield f"{path}: nothing may stand here"
        if not isinstance(schema, dict):
            return
        if isinstance(schema.get("$ref"), str):
            yield from self.problems(value, self._resolved(schema["$ref"]), path, depth + 1)
        yield from _simple(value, schema, path)
        yield from self._joined(value, schema, path, depth + 1)
        if isinstance(value, dict):
            yield from self._object(value, schema, path, depth + 1)
        elif isinstance(value, list):
            yield from self._array(value, schema, path, depth + 1)

    def _resolved(self, reference: str) -> Any:
        found = self._root
        if not reference.startswith("#"):
            return True
        for step in reference[1:].split("/")[1:]:
            step = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and step in found:
                found = found[step]
            elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
                found = found[int(step)]
            else:
                return True
        return found

    def _joined(self, value: Any, schema: dict[str, Any], path: str, depth: int) -> Iterator[str]:
        for part in _list(schema.get("allOf")):
            yield from self.problems(value, part, path, depth)
        any_of = _list(schema.get("anyOf"))
        if any_of and not any(self._fits(value, part, path, depth) for part in any_of):
            yield f"{path}: none of the allowed forms"
        one_of = _list(schema.get("oneOf"))
        if one_of and sum(self._fits(value, part, path, depth) for part in one_of) != 1:
            yield f"{path}: not exactly one of the allowed forms"
        if "not" in schema and self._fits(value, schema["not"], path, depth):
            yield f"{path}: a form that is not allowed"
        if "if" in schema:
            branch = "then" if self._fits(value, schema["if"], path, depth) else "else"
            if branch in schema:
                yield from self.problems(value, schema[branch], path, depth)

    def _object(self, value: dict[str, Any], schema: dict[str, Any], path: str, depth: int) -> Iterator[str]:
        known = schema.get("properties")
        known = known if isinstance(known, dict) else {}
        for name in _list(schema.get("required")):
            if isinstance(name, str) and name not in value:
                yield f"{path}: a required property is missing"
        matching = schema.get("patternProperties")
        matching = matching if isinstance(matching, dict) else {}
        others = schema.get("additionalProperties", True)
        for place, (name, item) in enumerate(value.items()):
            below = f"{path}.{name}" if name in known else f"{path}[property {place + 1}]"
            if name in known:
                yield from self.problems(item, known[name], below, depth)
            met = [part for pattern, part in matching.items() if _found(pattern, name)]
            for part in met:
                yield from self.problems(item, part, below, depth)
            if name not in known and not met and others is not True:
                yield from self.problems(item, others, below, depth)
        yield from _size(len(value), schema, "minProperties", "maxProperties", f"{path}: properties")

    def _array(self, value: list[Any], schema: dict[str, Any], path: str, depth: int) -> Iterator[str]:
        first = _list(schema.get("prefixItems"))
        rest = schema.get("items", True)
        for place, item in enumerate(value):
            part = first[place] if place < len(first) else rest
            if part is not True:
                yield from self.problems(item, part, f"{path}[{place}]", depth)
        if schema.get("uniqueItems") is True and len({_key(item) for item in value}) < len(value):
            yield f"{path}: items are not unique"
        yield from _size(len(value), schema, "minItems", "maxItems", f"{path}: items")


def _simple(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    wanted = schema.get("type")
    types = [wanted] if isinstance(wanted, str) else _list(wanted)
    if types and not any(_is(value, each) for each in types):
        yield f"{path}: not of the wanted type"
    if isinstance(schema.get("enum"), list) and _key(value) not in {_key(one) for one in schema["enum"]}:
        yield f"{path}: none of the allowed values"
    if "const" in schema and _key(value) != _key(schema["const"]):
        yield f"{path}: not the wanted value"
    if isinstance(value, str):
        yield from _size(len(value), schema, "minLength", "maxLength", f"{path}: characters")
        if isinstance(schema.get("pattern"), str) and not _found(schema["pattern"], value):
            yield f"{path}: not of the wanted pattern"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bounds(value, schema, path)


def _bounds(value: float, schema: dict[str, Any], path: str) -> Iterator[str]:
    least, most = _number(schema.get("minimum")), _number(schema.get("maximum"))
    over, under = _number(schema.get("exclusiveMinimum")), _number(schema.get("exclusiveMaximum"))
    if (least is not None and value < least) or (over is not None and value <= over):
        yield f"{path}: too small"
    if (most is not None and value > most) or (under is not None and value >= under):
        yield f"{path}: too large"
    step = _number(schema.get("multipleOf"))
    if step and abs(value / step - round(value / step)) > 1e-9:
        yield f"{path}: not a multiple of the wanted number"


def _size(size: int, schema: dict[str, Any], least: str, most: str, told: str) -> Iterator[str]:
    low, high = _number(schema.get(least)), _number(schema.get(most))
    if low is not None and size < low:
        yield f"{told}: too few"
    if high is not None and size > high:
        yield f"{told}: too many"


def _is(value: Any, wanted: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match wanted:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "integer":
            return number and value == value // 1
        case "number":
            return number
    return True


def _key(value: Any) -> Any:
    """Equal for values that JSON Schema holds equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return "object", frozenset((name, _key(item)) for name, item in value.items())
    if isinstance(value, list):
        return "array", tuple(_key(item) for item in value)
    return (type(value) is bool, value)


def _found(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text, timeout=_PATTERN_SECONDS) is not None
    except (regex.error, TimeoutError):
        return True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
