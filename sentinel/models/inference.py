"""Asking a model that is loaded, and telling what it raises."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core.finding import Inspection
from sentinel.models.base import Model, Passage

_NO_MEMORY = ("out of memory", "not enough memory", "allocate memory", "bad allocation", "bad_alloc")


class WrongCount(Exception):
    """A model answered about another number of texts than it was asked about."""


def inferred(model: Model, passages: Sequence[Passage]) -> list[Inspection]:
    """An answer for each passage. Raises whatever the model does, and WrongCount."""
    answers = model.infer(passages)
    if len(answers) != len(passages):
        raise WrongCount
    return answers


def told(error: BaseException) -> str:
    """A sentence without the error's own words, which might quote a text."""
    if isinstance(error, WrongCount):
        return "it gave another number of answers than it was given texts"
    return "it ran out of memory" if out_of_memory(error) else f"it raised {type(error).__name__}"


def out_of_memory(error: BaseException) -> bool:
    """Libraries have no type of their own for it in common, only words."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(part in words for part in _NO_MEMORY)
