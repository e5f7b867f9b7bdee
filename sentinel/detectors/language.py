"""`language`: which language a text is in, by the shipped model (docs/models/language.md).

The type of its finding is the ISO 639-1 code in upper case.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection

BUILD = "2"  # raised whenever the same text may give other findings
_FLOOR = 0.1
_READ = 1000  # characters that are looked at for letters


class LanguageConfig(BaseModel):
    """Which languages a text may be in, and how much of it is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    among: tuple[str, ...] = Field(
        default=(), description="Languages to choose among, as ISO 639-1 codes; empty: all that are known."
    )
    min_letters: int = Field(
        default=4, ge=1, description="Texts with fewer letters are too short to tell, and have no finding."
    )


class LanguageDetector:
    name = "language"
    compares = False

    def __init__(self, config: LanguageConfig, cache_dir: Path) -> None:
        from sentinel.detectors._language_model import LanguageModel  # with numpy, only where it is asked for

        self._model = LanguageModel.shipped()
        among = frozenset(code.lower() for code in config.among)
        unknown = sorted(among.difference(self._model.codes))
        if unknown:
            known = ", ".join(sorted(self._model.codes))
            message = f"no such language: {', '.join(unknown)}; known are {known}"
            raise ConfigError(message, key="detectors.language.among")
        self._among = among
        self._least = config.min_letters
        settings = f"{','.join(sorted(among))}+{config.min_letters}"
        self.version = f"{self._model.version}+{settings}+{BUILD}"

    def inspect(self, text: str, background: Background) -> Inspection:
        if sum(map(str.isalpha, text[:_READ])) < self._least:
            return Inspection()
        told = self._model.likeliest(text, self._among)
        if told is None or told[1] < _FLOOR:
            return Inspection()
        start = len(text) - len(text.lstrip())
        why = "the likeliest language of the text"
        code, score = told
        return Inspection(
            (Finding(self.name, code.upper(), start, len(text.rstrip()), round(score, 4), why),)
        )
