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
CODES = frozenset(
    (
        "af am ar az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fo fr ga gd gl gu ha he hi hr ht "
        "hu hy id ig is it ja jv ka kk km kn ko ku ky la lb lo lt lv mg mi mk ml mn mr ms mt my ne nl no oc "
        "pa pl ps pt qu ro ru rw si sk sl so sq sr sv sw ta te tg th tk tl tr tt ug uk ur uz vi xh yo zh zu"
    ).split()
)
"""ISO 639-1, of the languages that the model knows."""


class LanguageConfig(BaseModel):
    """Which languages a text may be in, and how much of it is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    among: tuple[str, ...] = Field(
        default=(), description="Languages to choose among, as ISO 639-1 codes; empty: all that are known."
    )
    min_letters: int = Field(
        default=3, ge=1, description="Texts with fewer letters are too short to tell, and have no finding."
    )


class LanguageDetector:
    name = "language"
    types = frozenset(code.upper() for code in CODES)
    compares = False

    def __init__(self, config: LanguageConfig, cache_dir: Path) -> None:
        from sentinel.detectors._language_model import LanguageModel  # with numpy, only where it is asked for

        among = frozenset(code.lower() for code in config.among)
        unknown = among - CODES
        if unknown:
            message = f"no such language: {', '.join(sorted(unknown))}; known are {', '.join(sorted(CODES))}"
            raise ConfigError(message, key="detectors.language.among")
        self._model = LanguageModel.shipped()
        self._among = among
        self._least = config.min_letters
        settings = f"{','.join(sorted(among))}+{config.min_letters}"
        self.version = f"{self._model.version}+{settings}+{BUILD}"

    def inspect(self, text: str, background: Background) -> Inspection:
        told = self._model.likeliest(text, self._among, self._least)
        if told is None or told[1] < _FLOOR:
            return Inspection()
        code, score = told
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        why = "the likeliest language of the text"
        return Inspection((Finding(self.name, code.upper(), start, end, round(score, 4), why),))
