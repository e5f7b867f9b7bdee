"""`pii` by a small model: names of people, places and organisations.

Reads sentence by sentence with a little left context. Scores are calibrated probabilities. @mentions, web and
e-mail addresses hold no names: other types of `pii` are for those, or a rule on the text. See the model card,
`docs/models/names.md`.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sentinel.core.background import Background
from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._allow import AllowList
from sentinel.detectors.pii import PiiConfig

if TYPE_CHECKING:
    from sentinel.detectors._name_model import NameModel

_LEFT = 60  # characters before the sentence: the model sees three words to each side
_FLOOR = 0.1
TYPES = ("PERSON", "LOCATION", "ORGANIZATION")


@functools.cache
def _model() -> NameModel:
    from sentinel.detectors._name_model import NameModel  # numpy, for those that ask for names

    return NameModel.shipped()


class NameReader:
    name = "pii"
    version = "names-1"
    types = frozenset(TYPES)
    scope: Literal["sentence"] = "sentence"
    compares = False

    def __init__(self, config: PiiConfig, cache_dir: Path, model: NameModel | None = None) -> None:
        self._model = model or (_model() if config.names.shipped else None)
        self.stages = frozenset(Stage) if config.names.shipped else frozenset[Stage]()
        self._allowed = AllowList(config.allow_list, config.allow_list_match, "detectors.pii.allow_list")
        self._floors = {type_: max(_FLOOR, config.min_scores.get(type_, config.min_score)) for type_ in TYPES}

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        if self._model is None:
            return Inspection()
        origin = max(0, start - _LEFT)
        while 0 < origin < start and not text[origin - 1].isspace():
            origin += 1
        found = [
            Finding(
                self.name, name.type, name.start + origin, name.end + origin, name.probability, "name model"
            )
            for name in self._model.names(text[origin:])
            if name.start + origin >= start and name.probability >= self._floors[name.type]
        ]
        if self._allowed:
            found = [f for f in found if not self._allowed.covers(text[f.start : f.end])]
        return Inspection(tuple(found)) if found else Inspection()
