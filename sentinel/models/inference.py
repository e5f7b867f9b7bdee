"""Asking a model that is loaded, and telling what it raises."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import msgspec

from sentinel.core.finding import Inspection
from sentinel.models.base import Model, Passage

_NO_MEMORY = ("out of memory", "not enough memory", "allocate memory", "bad allocation", "bad_alloc")


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Inspection).decode
_ROUNDED = 1e-3  # by which a score may leave [0, 1]


class NoAnswer(Exception):
    """What a model gave is no answer about the texts that it was asked about: `why`, as a sentence."""

    def __init__(self, why: str) -> None:
        self.why = why


def not_a_number() -> NoAnswer:
    """For a model that computed NaN, which half precision does where it overflows. Compared with a threshold
    it would pass for a harmless text."""
    return NoAnswer("it gave a score that is no number: choose fp32 or bf16")


def inferred(model: Model, passages: Sequence[Passage]) -> list[Inspection]:
    """An answer for each passage. Raises whatever the model does, and NoAnswer."""
    answers = model.infer(passages)
    if len(answers) != len(passages):
        raise NoAnswer("it gave another number of answers than it was given texts")
    for passage, answer in zip(passages, answers, strict=True):
        _check(answer, len(passage.text))
    return answers


def _check(answer: object, length: int) -> None:
    """That callers can use it: a place outside the text would break what replaces or shows findings."""
    if not isinstance(answer, Inspection):
        raise NoAnswer("it gave something else than an Inspection")
    try:
        _decode(_encode(answer))
    except (TypeError, msgspec.ValidationError, UnicodeEncodeError) as error:
        told = "text that is no Unicode" if isinstance(error, UnicodeEncodeError) else str(error)
        raise NoAnswer(f"it gave an Inspection that cannot be told: {told}") from None
    for score in (*answer.scores.values(), *[finding.score for finding in answer.findings]):
        if not -_ROUNDED <= score <= 1.0 + _ROUNDED:
            raise not_a_number() if math.isnan(score) else NoAnswer("it gave a score that is not in [0, 1]")
    for finding in answer.findings:
        if not 0 <= finding.start <= finding.end <= length:
            raise NoAnswer("it gave a finding outside the text")


def without(detectors: Collection[str], why: str) -> Inspection:
    """The answer of a model that is not here and may be done without: it adds nothing to what the smaller
    detectors say, a next model is asked, and only what they do not know has failed."""
    from sentinel.detectors.registry import READERS

    small = sorted(name for name in detectors if name in READERS)
    failed = {name: why for name in sorted(detectors) if name not in READERS}
    return Inspection(failed=failed, unsure=tuple(small))


def told(error: BaseException) -> str:
    """A sentence without the error's own words, which might quote a text."""
    if isinstance(error, NoAnswer):
        return error.why
    return "it ran out of memory" if out_of_memory(error) else f"it raised {type(error).__name__}"


def failure(error: BaseException) -> str:
    """The same with the error's own words, for one that came before any text of a caller's was read."""
    words = " ".join(str(error).split())[:300]
    return f"{told(error)} ({words})" if words and not isinstance(error, NoAnswer) else told(error)


def out_of_memory(error: BaseException) -> bool:
    """Libraries have no type of their own for it in common, only words."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(part in words for part in _NO_MEMORY)
