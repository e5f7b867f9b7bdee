"""What the model of `injection` sees of a text: hashed words, and the signals of the heuristics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from sentinel.detectors._injection_forms import Mark, Turn
from sentinel.detectors._injection_grammar import PATTERNS, PATTERNS_LAST, Hit, Shape
from sentinel.detectors._injection_words import QUOTE, STOP

if TYPE_CHECKING:
    import numpy as np

ENGLISH = 0.72  # the share of words with a vector, which is 0.85 and more in nearly all English prompts
_FEW = 3
_LETTERS = "VWOBLPSQUYIRKXAFNGJMHTCZElqodtanymgf"


class Reading(msgspec.Struct, frozen=True):
    """One window of a text, or a part of one, and what the heuristics found in it. `spared`: the grammar saw
    something in a short text that turned out to speak of another thing. `within`: what it says in writing
    that people do not read; `how`: of such a reading, how it was written."""

    shape: Shape
    hits: list[Hit]
    marks: list[Mark]
    turns: list[Turn]
    start: int = 0  # of the first character, where it is a part of a window
    spared: bool = False
    within: tuple[Reading, ...] = ()
    how: str = ""


SIGNALS = (
    *(f"hit:{pattern.name}" for pattern in (*PATTERNS, *PATTERNS_LAST)),
    *(f"quoted:{type_}" for type_ in ("OVERRIDE", "JAILBREAK", "PROMPT_EXTRACTION")),
    "types",
    "first",
    "imperative",
    "mark:FORGED_TEMPLATE",
    "mark:INVISIBLE_TEXT",
    "mark:ENCODED_PAYLOAD",
    "system_turns",
    "turns",
    "question",
    "talk",
    "length",
    *(f"share:{letter}" for letter in _LETTERS),
)
_AT = {name: place for place, name in enumerate(SIGNALS)}
_SHARE = {letter: _AT[f"share:{letter}"] for letter in _LETTERS}


def signals(reading: Reading) -> list[float]:
    """The signals in the order of `SIGNALS`, each about 0 to 1."""
    told = [0.0] * len(SIGNALS)
    letters = reading.shape.letters
    for hit in reading.hits:
        if hit.quoted:
            told[_AT[f"quoted:{hit.pattern.type}"]] = 1.0
        at = _AT[f"hit:{hit.pattern.name}"]
        told[at] = min(1.0, told[at] + (0.3 if hit.quoted else 0.7))
    told[_AT["types"]] = len({hit.pattern.type for hit in reading.hits}) / 3
    if reading.hits and min(hit.start for hit in reading.hits) < reading.start + 40:
        told[_AT["first"]] = 1.0
    told[_AT["imperative"]] = float(letters[:1] in tuple("VWRGT"))
    for mark in reading.marks:
        name = f"mark:{mark.type}"
        if name in _AT:
            told[_AT[name]] = max(told[_AT[name]], mark.score)
    told[_AT["system_turns"]] = float(any(t.speaker.startswith(("system", "dev")) for t in reading.turns))
    told[_AT["turns"]] = min(1.0, len(reading.turns) / 6)
    told[_AT["question"]] = float(letters[:1] == "E")
    told[_AT["talk"]] = min(1.0, letters.count("Z") / 3)
    words = len(letters) - letters.count(STOP) - letters.count(QUOTE)
    told[_AT["length"]] = math.log1p(words) / 6
    for letter in set(letters):
        at = _SHARE.get(letter, -1)
        if at >= 0:
            told[at] = min(1.0, 3.0 * letters.count(letter) / (words + 6))
    return told


class Features(msgspec.Struct, frozen=True):
    """What the model reads. `told`, float32: the signals, then the meaning, which is the mean of the vectors
    of the words, zeros for those that have none. `buckets` (int64) of the words, pairs of words and triples
    of classes, each once, for what is repeated without end tells no more; and of each in `tokens` (int64) the
    number of the first token it comes from. `rows` (int32) of the tokens' vectors in the table of the small
    classifiers."""

    told: np.ndarray
    buckets: np.ndarray
    tokens: np.ndarray
    rows: np.ndarray


def features(reading: Reading) -> Features:
    import numpy as np

    shape = reading.shape
    read = shape.vocabulary.seen(shape.numbers, shape.letters)
    told = np.empty(len(SIGNALS) + len(read.summed), np.float32)
    told[: len(SIGNALS)] = signals(reading)
    told[len(SIGNALS) :] = read.summed * (shape.vocabulary.unit / max(1, len(read.rows)))
    return Features(told, read.buckets, read.tokens, read.rows)


def _counted(shape: Shape) -> tuple[int, int]:
    """Its words, and how many of them have a vector."""
    import numpy as np

    words, rows = (each.take(shape.numbers) for each in (shape.vocabulary.words, shape.vocabulary.rows))
    known = words & (rows < len(shape.vocabulary.vectors) - 1)
    return int(np.count_nonzero(words)), int(np.count_nonzero(known))


def known_share(shape: Shape) -> float:
    """The share of words that have a vector; 0 without words."""
    words, known = _counted(shape)
    return known / max(1, words)


def foreign(shape: Shape) -> bool:
    """Whether so many of the words have no vector that the text is hardly English."""
    words, known = _counted(shape)
    return words > _FEW and known / words < ENGLISH
