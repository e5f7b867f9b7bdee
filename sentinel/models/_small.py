"""The encoder's answer together with that of the smaller detector of the same name.

They are mistaken about different texts: words tell the small one more, what is meant tells the encoder more.
So their log-odds are averaged by weight, for the whole and for each finding type that both know. What only
the small one knows (an encoded payload, text that nobody sees) stays as it is. In prompts that are hardly
English the encoder says little of attacks: to it many a request in another language looks like one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sentinel.core.finding import Finding, Inspection
from sentinel.models.base import Passage

if TYPE_CHECKING:
    from sentinel.detectors.registry import DetectorsConfig

_UNSAID = 0.05  # the score of a finding type that a detector does not report
_SUREST = 0.999
# Of the encoder (docs/models/encoder.md): it tells benign traffic better from abuse.
_WEIGHT = {"toxicity": 0.9}
_WEIGHT_ELSE = 0.7
_ABROAD = {"injection": 0.3}  # in prompts that are hardly English
_READ = 2000  # characters that tell of a text's language


class Small:
    """The data plane's own detectors, set as there. Raises ConfigError on a wrong setting."""

    def __init__(self, names: Collection[str], state_dir: Path, settings: DetectorsConfig) -> None:
        from sentinel.detectors.registry import known_detectors, load_detectors

        known = sorted(set(names) & known_detectors())
        self._detectors = load_detectors(settings, known, state_dir)
        set_as = settings.model_dump_json(include=set(known))
        self._set_as = hashlib.sha256(set_as.encode()).hexdigest()[:8]

    @property
    def version(self) -> str:
        """Of the detectors and their settings."""
        versions = (version for _, version in sorted(self._detectors.versions.items()))
        return "+".join((*versions, self._set_as))

    def ask(self, passage: Passage) -> Inspection:
        from sentinel.detectors.inspection import moved

        text = passage.text[passage.start :]
        answer = self._detectors.inspect(text, background=passage.background)
        return moved(answer, passage.start)


def in_english(text: str) -> bool:
    """Whether most of its words are English ones, or it has too few to tell."""
    from sentinel.detectors._injection_features import foreign
    from sentinel.detectors._injection_grammar import shape_of

    return not foreign(shape_of(text[:_READ]))


def both(
    name: str, score: float, kinds: Mapping[str, float], told: Inspection, *, english: bool = True
) -> tuple[float, dict[str, float], dict[str, Finding]]:
    """A detector's score, that of each finding type, and the small detector's strongest finding of each type,
    with the score it has now. `score` and `kinds` are the encoder's, `told` is what the small one says."""
    usual = _WEIGHT.get(name, _WEIGHT_ELSE)
    weight = usual if english else _ABROAD.get(name, usual)
    theirs = told.scores.get(name)
    if theirs is None:
        return score, dict(kinds), {}
    if name in told.failed:  # it read a part: of the rest it may think as the encoder does
        theirs = max(theirs, score)
    found: dict[str, Finding] = {}
    for finding in told.findings:
        if finding.detector == name and finding.score > (
            found[finding.type].score if finding.type in found else 0.0
        ):
            found[finding.type] = finding
    own = {type_: each.score for type_, each in found.items() if type_ not in kinds}
    whole = max([_mean(weight, score, theirs), *own.values()])
    shared = {
        type_: min(whole, _mean(weight, each, found[type_].score if type_ in found else _UNSAID))
        for type_, each in kinds.items()
    }
    if shared and whole > max([*shared.values(), *own.values()]):  # the likeliest type stands for the whole
        shared[max(shared, key=shared.__getitem__)] = whole
    scores = {**shared, **own}
    known = {
        type_: _weighed(finding, scores[type_]) if type_ in shared else finding
        for type_, finding in found.items()
    }
    return whole, scores, known


def _weighed(finding: Finding, score: float) -> Finding:
    """`why` told of the small detector's own score."""
    why = f"{finding.why}; {score:.2f} with the sentence encoder"
    return msgspec.structs.replace(finding, score=score, why=why)


def _mean(weight: float, encoder: float, small: float) -> float:
    """Of the log-odds; `weight`: of the encoder's."""
    odds = weight * _log_odds(encoder) + (1 - weight) * _log_odds(small)
    return 1.0 / (1.0 + math.exp(-odds))


def _log_odds(score: float) -> float:
    bounded = min(max(score, 1 - _SUREST), _SUREST)
    return math.log(bounded / (1 - bounded))
