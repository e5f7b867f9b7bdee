"""The configuration reference in Markdown, generated from the config types so that it cannot go stale."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sentinel.config import SentinelConfig
from sentinel.core.mistakes import model_in
from sentinel.models.registry import settings_of

_Row = tuple[str, str, str, str]


def reference() -> str:
    """A table of key, type, default and meaning; keys are dotted paths."""
    return _table(_rows(SentinelConfig))


def kind_reference(kind: str) -> str:
    """The same of the keys that an entry of `models.detectors` has for its kind."""
    return _table(row for row in _rows(settings_of(kind)) if row[0] != "kind")


def _table(rows: Iterable[_Row]) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{key}` | {kind} | {default} | {text} |" for key, kind, default, text in rows]
    return "\n".join(lines)


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[_Row]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = model_in(field.annotation)
        if inner is not None and not _is_collection(field.annotation):
            yield from _rows(inner, f"{key}.")
        else:
            text = (field.description or "").replace("|", "\\|")
            yield key, _kind(field.annotation).replace("|", "\\|"), _default(field), text
            if inner is not None and typing.get_origin(field.annotation) is dict:
                yield from _rows(inner, f"{key}.NAME.")


def _is_collection(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (list, tuple, dict)


def _kind(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{choice}`" for choice in inner).replace("\\", "")
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(arg) for arg in inner if arg is not type(None))
    if origin in (list, tuple):
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return "mapping" if model_in(annotation) else f"mapping to {_kind(inner[1])}"
    if origin is typing.Annotated:
        return _kind(inner[0])
    return {"str": "text", "int": "integer", "float": "number", "bool": "true, false", "Path": "path"}.get(
        getattr(annotation, "__name__", ""), getattr(annotation, "__name__", str(annotation))
    )


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    if default in (None, "", (), [], {}, frozenset()):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, dict):
        return "`" + ", ".join(f"{key}: {value}" for key, value in default.items()) + "`"
    if isinstance(default, tuple | list | frozenset):
        return "`" + ", ".join(str(item) for item in default) + "`"
    return f"`{default}`"
