"""Which detectors exist, and how those that a process needs are loaded.

A third party adds one through the entry point group `sentinel.detectors`: a class that takes no argument
and has the shape of `base.Detector`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.core.needs import Needs, everything
from sentinel.detectors._kernel import LIBRARY
from sentinel.detectors._page import PatternDetector
from sentinel.detectors.base import Reading, types_of
from sentinel.detectors.detector_set import DetectorSet, Floors
from sentinel.detectors.groundedness import GroundednessConfig
from sentinel.detectors.injection import InjectionConfig
from sentinel.detectors.language import LanguageConfig
from sentinel.detectors.misuse import MisuseConfig
from sentinel.detectors.pii import PiiConfig
from sentinel.detectors.quality import QualityConfig
from sentinel.detectors.secrets import SecretsConfig
from sentinel.detectors.sentiment import SentimentConfig
from sentinel.detectors.topics import TopicConfig
from sentinel.detectors.toxicity import ToxicityConfig

ENTRY_POINTS = "sentinel.detectors"

# Name -> class of a pattern detector: it takes its config and the cache directory.
DETECTORS: dict[str, str] = {
    "pii": "sentinel.detectors.pii:PiiDetector",
    "secrets": "sentinel.detectors.secrets:SecretsDetector",
    "topics": "sentinel.detectors.topics:TopicsDetector",
}

# Name -> classes of detectors that read on their own: each takes the config under the name and the cache
# directory, and says in `types` what it finds. A name may be that of a pattern detector.
READERS: dict[str, tuple[str, ...]] = {
    "groundedness": ("sentinel.detectors.groundedness:GroundednessDetector",),
    "quality": ("sentinel.detectors.quality:QualityDetector",),
    "injection": ("sentinel.detectors.injection:InjectionDetector",),
    "toxicity": ("sentinel.detectors.toxicity:ToxicityDetector",),
    "misuse": ("sentinel.detectors.misuse:MisuseDetector",),
    "language": ("sentinel.detectors.language:LanguageDetector",),
    "sentiment": ("sentinel.detectors.sentiment:SentimentDetector",),
    "pii": ("sentinel.detectors.disguises:DisguiseReader", "sentinel.detectors.names:NameReader"),
}

_NOTHING = Inspection()
_NOBODY = 2.0
_MAX_VIEWS = 256
_SAMPLE = "email: jane@example.com, phone: (212) 555-0123; x-1 card 4111-1111-1111-1111 (ip 192.0.2.1/24)."


class DetectorsConfig(BaseModel):
    """Settings of the detectors, each under its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pii: PiiConfig = Field(default=PiiConfig(), description="Personal data by pattern.")
    secrets: SecretsConfig = Field(
        default=SecretsConfig(), description="Keys, tokens and passwords by pattern."
    )
    topics: dict[str, TopicConfig] = Field(
        default={}, description="Lists of phrases and expressions of your own, by finding type."
    )
    groundedness: GroundednessConfig = Field(
        default=GroundednessConfig(), description="Answers that their documents do not hold."
    )
    quality: QualityConfig = Field(
        default=QualityConfig(), description="Refusals, broken JSON, loops and leaks of the system prompt."
    )
    injection: InjectionConfig = Field(
        default=InjectionConfig(), description="Prompt injection and jailbreaks, direct and in documents."
    )
    toxicity: ToxicityConfig = Field(
        default=ToxicityConfig(), description="Abuse, with its kinds, by a small classifier."
    )
    misuse: MisuseConfig = Field(
        default=MisuseConfig(), description="Requests for help with harm, by a small classifier."
    )
    language: LanguageConfig = Field(default=LanguageConfig(), description="The language of a text.")
    sentiment: SentimentConfig = Field(
        default=SentimentConfig(), description="Ill and good feeling in English sentences."
    )


def compiled() -> bool:
    """Whether the small classifiers compute in the compiled kernel, and not in numpy."""
    return LIBRARY is not None


def known_detectors() -> frozenset[str]:
    """Every name that a rule may use: ours and those of installed packages."""
    return frozenset(DETECTORS) | frozenset(READERS) | frozenset(_third_parties())


def load_detectors(
    config: DetectorsConfig, names: Collection[str], cache_dir: Path, needs: Needs | None = None
) -> DetectorSet:
    """Load the named detectors, for what `needs` says (by default all that they find).

    Raises ConfigError on an unknown name and on a wrong setting.
    """
    asked = Floors(everything(names) if needs is None else needs)
    third_parties = _third_parties()
    for name in sorted(names):
        if name not in known_detectors():
            known = ", ".join(sorted(known_detectors()))
            raise ConfigError(f"no detector `{name}`; known: {known}", key="detectors")
    ours: list[PatternDetector] = []
    for name, place in DETECTORS.items():
        if name in names:
            ours.append(_class(place)(getattr(config, name), cache_dir, functools.partial(asked.of, name)))
    others: list[Reading] = []
    for name in sorted(names):
        for place in READERS.get(name, ()):
            reader = _class(place)
            if asked.any_of(name, types_of(reader)):
                others.append(reader(getattr(config, name), cache_dir))
        if name in third_parties and name not in DETECTORS and name not in READERS:
            others.append(_load_third_party(name, third_parties[name]))
    return DetectorSet(ours, others, cache_dir, normalise=config.pii.normalise)


def _class(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _third_parties() -> Mapping[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)}


def _load_third_party(name: str, entry: importlib.metadata.EntryPoint) -> Reading:
    try:
        made: Any = entry.load()()
    except Exception as error:  # whatever a foreign package raises is the user's to know
        raise ConfigError(
            f"detector `{name}` of {entry.value} failed to load: {error}", key="detectors"
        ) from error
    return made  # type: ignore[no-any-return]
