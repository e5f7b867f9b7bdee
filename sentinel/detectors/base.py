"""What a detector is: something that reads a text and reports findings. It never acts and knows no rule."""

from __future__ import annotations

from typing import Literal, Protocol, cast

from sentinel.core.finding import Inspection


class Detector(Protocol):
    """A third party's or a model's detector; pattern detectors share one pass (`_patterns`) of this shape.

    `version` changes whenever the same text may give other findings. `inspect` is called from worker threads
    too and must not keep state between calls.
    """

    name: str
    version: str

    def inspect(self, text: str) -> Inspection: ...


class SentenceDetector(Protocol):
    """A detector that reads sentence by sentence: it has `scope = "sentence"`.

    `inspect` is asked once about each sentence, `text[start:]`; what stands before is its left context. Its
    findings lie in the sentence, with offsets into `text`.
    """

    name: str
    version: str
    scope: Literal["sentence"]

    def inspect(self, text: str, start: int) -> Inspection: ...


def by_sentence(detector: Detector | SentenceDetector) -> SentenceDetector | None:
    """The detector, if it reads sentences."""
    return cast(SentenceDetector, detector) if getattr(detector, "scope", "text") == "sentence" else None
