"""What a detector is: something that reads a text and reports findings. It never acts and knows no rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, cast

from sentinel.core.background import Background
from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding, Inspection


class Detector(Protocol):
    """A detector that reads whole texts; pattern detectors share one pass (`_patterns`) instead.

    `version` changes whenever the same text may give other findings. `inspect` is called from worker threads
    too and must not keep state between calls. A detector may say which finding types it gives, in an
    attribute `types`: it is then left alone by rules that ask for others; in `stages`, which stages it reads
    (all, where it does not say); in `compares` or `reads`, how much of the background it reads
    (`core.background.reads_of`): a text that comes again is not read again where that is the same; with
    `quick = True`, that it takes no longer than patterns do; and in `by_form`, which types it tells by form,
    so that no model's opinion takes them back.
    """

    name: str
    version: str

    def inspect(self, text: str, background: Background) -> Inspection: ...


class SentenceDetector(Protocol):
    """A detector that reads sentence by sentence: it has `scope = "sentence"`.

    `inspect` is asked once about each sentence, `text[start:]`; what stands before is its left context. Its
    findings lie in the sentence, with offsets into `text`. One that has `inspect_sentences(text, places,
    background)` tells there at once of all sentences of a text what `inspect` tells of each, in a list.
    """

    name: str
    version: str
    scope: Literal["sentence"]

    def inspect(self, text: str, start: int, background: Background) -> Inspection: ...


Reading = Detector | SentenceDetector
Keeps = Callable[[str, Finding], bool]
"""Whether a finding in a text counts by a detector's settings, if another of its name made it."""


def by_sentence(detector: Reading) -> SentenceDetector | None:
    """The detector, if it reads sentences."""
    return cast(SentenceDetector, detector) if getattr(detector, "scope", "text") == "sentence" else None


def types_of(detector: object) -> frozenset[str] | None:
    """The finding types that a detector, or its class, can give; None where it does not say."""
    types: frozenset[str] | None = getattr(detector, "types", None)
    return types


def by_form(detector: object) -> frozenset[str]:
    """The finding types that no model takes back."""
    types: frozenset[str] = getattr(detector, "by_form", frozenset())
    return types


def reads(detector: object, stage: Stage) -> bool:
    """Whether a detector reads texts of a stage."""
    stages: frozenset[Stage] | None = getattr(detector, "stages", None)
    return stages is None or stage in stages


def keeps(detector: object) -> Keeps | None:
    """What a detector's settings say of findings that another of its name made; None for nothing."""
    found: Keeps | None = getattr(detector, "keeps", None)
    return found


def quick(detector: object) -> bool:
    """Whether a detector takes no longer than patterns do."""
    return bool(getattr(detector, "quick", False))
