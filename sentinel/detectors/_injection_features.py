"""What the model of `injection` sees of a text: hashed words, and the signals of the heuristics."""

from __future__ import annotations

import math
import zlib
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import msgspec

from sentinel.detectors._injection_forms import Mark, Turn
from sentinel.detectors._injection_grammar import PATTERNS, Hit, Shape, plain
from sentinel.detectors._injection_words import OTHER, QUOTE, STOP

if TYPE_CHECKING:
    import numpy as np

BITS = 15
_MEANING = 0.75  # of a word vector's unit against the other signals
_MASK = (1 << BITS) - 1
_MIX = 0x9E3779B1
_LETTERS = "VWOBLPSQUYIRKXAFNGJMHTCZE"


class Reading(msgspec.Struct, frozen=True):
    """One window of a text, or a part of one, and what the heuristics found in it."""

    shape: Shape
    hits: list[Hit]
    marks: list[Mark]
    turns: list[Turn]
    start: int = 0  # of the first character, where it is a part of a window


@lru_cache(maxsize=1 << 15)
def _hash(token: str) -> int:
    return zlib.crc32(plain(token).encode("utf-8", "surrogatepass"))


SIGNALS = (
    *(f"hit:{pattern.name}" for pattern in PATTERNS),
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
    first = _AT["share:V"]
    for place, letter in enumerate(_LETTERS):
        count = letters.count(letter)
        if count:
            told[first + place] = min(1.0, 3.0 * count / (words + 6))
    return told


@cache
def _unit() -> float:
    """What one unit of the classifiers' word vectors counts."""
    from sentinel.detectors._classifier_grams import words  # which imports numpy

    known = words()
    return _MEANING / (float((known.vectors[:-1] * known.scale).std()) or 1.0)


@lru_cache(maxsize=1 << 15)
def _row(token: str) -> int:
    """The word's row among the vectors."""
    import numpy as np

    from sentinel.detectors._classifier_grams import words
    from sentinel.detectors._classifier_words import hash_word

    return int(words().find(np.array([hash_word(token.lower().replace("’", "'"))], np.uint64))[0])


def meaning(shape: Shape) -> np.ndarray:
    """The mean of the vectors of the words, zeros for those that have none: float32."""
    import numpy as np

    from sentinel.detectors._classifier_grams import words

    rows = np.fromiter(map(_row, shape.tokens), np.int64, len(shape.tokens))
    known = words()
    sums = known.vectors[rows].sum(axis=0, dtype=np.int32)
    mean: np.ndarray = sums * np.float32(_unit() * float(known.scale) / max(1, len(rows)))
    return mean


def dense(reading: Reading) -> np.ndarray:
    """What the model reads beside the hashed words: the signals, then the meaning; float32."""
    import numpy as np

    return np.concatenate((np.asarray(signals(reading), np.float32), meaning(reading.shape)))


def hashed(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Bucket numbers (int64) of the words, pairs of words and triples of classes, and for each the number of
    the     first token it comes from (int64); a bucket may come more than once."""
    import numpy as np

    words = np.fromiter(map(_hash, shape.tokens), np.int64, len(shape.tokens))
    at = np.arange(len(words))
    pairs = (words[:-1] * 31 + words[1:] * _MIX) >> 7
    kinds = np.frombuffer(shape.letters.encode("ascii"), np.uint8).astype(np.int64)
    telling = np.flatnonzero(kinds != ord(OTHER))
    some = kinds[telling]
    triples = (some[:-2] * 0x10001 + some[1:-1] * 0x1003 + some[2:] * 0x35 + 977) * _MIX >> 9
    buckets = np.concatenate((words ^ (words >> 15), pairs, triples)) & _MASK
    return buckets, np.concatenate((at, at[:-1], telling[:-2] if len(telling) > 2 else telling[:0]))
