"""What a detector is: something that reads a text and reports findings. It never acts and knows no rule."""

from __future__ import annotations

from typing import Protocol

from sentinel.core.finding import Inspection


class Detector(Protocol):
    """A third party's or a model's detector; pattern detectors share one pass (`_patterns`) of this shape.

    `version` changes whenever the same text may give other findings. `inspect` is called from worker threads
    too and must not keep state between calls.
    """

    name: str
    version: str

    def inspect(self, text: str) -> Inspection: ...
