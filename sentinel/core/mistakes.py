"""A pydantic error, told to the person who wrote the file: where it is, and what to write instead."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sentinel.core.source import KeyPath


def mistakes_of(error: ValidationError, model: type[BaseModel]) -> list[tuple[KeyPath, str]]:
    """Every mistake of a value that is no `model`: its path within the value, and a sentence."""
    return [_told(detail, model) for detail in error.errors(include_url=False)]


def guess(given: object, choices: str | Collection[str]) -> str:
    """`; did you mean X?` where one of the choices is close."""
    names = (
        choices.replace("'", "").replace(" or ", ", ").split(", ") if isinstance(choices, str) else choices
    )
    close = difflib.get_close_matches(str(given), list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def unknown_key(key: str, model: type[BaseModel]) -> str:
    """What to say of a key that `model` does not have."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    return f"unknown key{guess(key, names) or '; known are ' + ', '.join(names)}"


def answers_for(model: str, detectors: Collection[str]) -> str:
    """What to say of a model's name where that of a detector belongs."""
    return f"`{model}` is a model that answers for {', '.join(sorted(detectors))}: name one of these"


def _told(detail: ErrorDetails, model: type[BaseModel]) -> tuple[KeyPath, str]:
    path, kind, context = tuple(detail["loc"]), detail["type"], detail.get("ctx", {})
    given = detail["input"]
    if path[-1:] == ("[key]",):  # pydantic's mark of what is wrong with a key itself
        path = path[:-1]
    if kind == "extra_forbidden":
        return path, unknown_key(str(path[-1]), _owner(model, path[:-1]))
    if kind == "missing" and isinstance(path[-1], int):
        return path, "is missing; add it to the list"
    if kind == "missing":
        return path, f"is missing; add `{path[-1]}:`"
    if kind == "literal_error":
        return path, f"must be {context['expected']}, not {_shown(given)}{guess(given, context['expected'])}"
    if kind == "string_type":
        return path, f"must be text, not {_shown(given)}; put it in quotes if it is text"
    if kind in ("tuple_type", "list_type"):
        return path, f"must be a list, not {_shown(given)}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return path, f"must be a mapping (key: value), not {_shown(given)}"
    if kind in ("float_type", "int_type", "float_parsing", "int_parsing"):
        return path, f"must be a number, not {_shown(given)}"
    if kind == "string_pattern_mismatch":
        return path, f"{_shown(given)} is not of the right form: {_description(model, path)}"
    if kind == "too_short":
        return path, "must not be empty"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return path, message if kind == "value_error" else f"{message}, and is {_shown(given)}"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else f"{value[:57]!r}..."
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else str(value)


def _owner(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """The model that the mapping at `path` should be."""
    for step in path:
        field = _field(model, step)
        model = (model_in(field.annotation) if field else None) or model
    return model


def _description(model: type[BaseModel], path: KeyPath) -> str:
    field = _field(_owner(model, path[:-1]), path[-1]) if path else None
    return (field.description if field else None) or "see the documentation"


def _field(model: type[BaseModel], step: str | int) -> Any:
    return next(
        (field for name, field in model.model_fields.items() if step in (name, field.alias)),
        None,
    )


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field's annotation holds, within unions and lists too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in typing.get_args(annotation) if (found := model_in(arg))), None)
