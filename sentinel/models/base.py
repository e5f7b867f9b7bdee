"""What a model is: something heavy that is loaded, reads many passages at once, and can be put away again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sentinel.core.background import NO_BACKGROUND, Background
from sentinel.core.finding import Inspection


class Passage(msgspec.Struct, frozen=True):
    """A text to read from `start` on; what stands before is its left context."""

    text: str
    start: int = 0
    background: Background = NO_BACKGROUND


class Model(Protocol):
    name: str
    version: str
    types: frozenset[str]

    def load(self) -> None: ...

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]: ...

    def unload(self) -> None: ...
