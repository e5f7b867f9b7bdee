"""`language`: which language a text is in, by py3langid (BSD-3-Clause), an optional dependency.

The type of its finding is the ISO 639-1 code in upper case. Its model takes 80 MB, so it is loaded only where
a rule asks for it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection

BUILD = "1"  # raised whenever the same text may give other findings
_FLOOR = 0.1
_MAX_CHARS = 2000


class LanguageConfig(BaseModel):
    """Which languages a text may be in, and how much of it is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    among: tuple[str, ...] = Field(
        default=(), description="Languages to choose among, as ISO 639-1 codes; empty: all that are known."
    )
    min_letters: int = Field(
        default=12, ge=1, description="Texts with fewer letters are too short to tell, and have no finding."
    )


class LanguageDetector:
    name = "language"
    compares = False

    def __init__(self, config: LanguageConfig, cache_dir: Path) -> None:
        try:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier
        except ImportError:
            message = "the detector `language` needs py3langid: pip install 'sentinel-sidecar[language]'"
            raise ConfigError(message, key="detectors.language") from None
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        if config.among:
            try:
                self._identifier.set_languages([code.lower() for code in config.among])
            except ValueError as error:
                raise ConfigError(f"{error}", key="detectors.language.among") from None
        self._least = config.min_letters
        self.version = f"{','.join(sorted(config.among))}+{config.min_letters}+{BUILD}"

    def inspect(self, text: str, background: Background) -> Inspection:
        head = text[:_MAX_CHARS]
        if sum(map(str.isalpha, head)) < self._least:
            return Inspection()
        code, probability = self._identifier.classify(head)
        score = round(min(1.0, float(probability)), 4)
        if score < _FLOOR:
            return Inspection()
        start = len(text) - len(text.lstrip())
        why = "the likeliest language of the text"
        return Inspection((Finding(self.name, code.upper(), start, len(text.rstrip()), score, why),))
