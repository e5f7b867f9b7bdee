"""What the model of `injection` sees of a text: hashed words, and the signals of the heuristics."""

from __future__ import annotations

import math
import threading
import zlib
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from sentinel.detectors._injection_forms import Mark, Turn
from sentinel.detectors._injection_grammar import PATTERNS, PATTERNS_LAST, Hit, Shape
from sentinel.detectors._injection_words import OTHER, QUOTE, STOP, plain

if TYPE_CHECKING:
    import numpy as np

BITS = 15
_MEANING = 0.75  # of a word vector's unit against the other signals
ENGLISH = 0.72  # the share of words with a vector, which is 0.85 and more in nearly all English prompts
_FEW = 3
_MASK = (1 << BITS) - 1
_KEPT = 1 << 15  # tokens
_MIX = 0x9E3779B1
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


class _Vocabulary:
    """Tokens that came before, by number. Of each: `rows` of its vector, and `parts` [3, tokens], what its
    hash gives alone, and as the first and as the second word of a pair. Threads may look up while one learns,
    for nothing that is known changes."""

    def __init__(self) -> None:
        import numpy as np

        from sentinel.detectors._classifier_grams import words

        self._words = words()
        known = self._words.vectors[:-1] * self._words.scale
        self.spread = float(self._words.scale) / (float(known.std()) or 1.0)  # of a vector's unit
        self.unit = _MEANING * self.spread
        self.vectors = self._words.vectors
        self.parts = np.empty((3, _KEPT), np.int64)
        self.rows = np.empty(_KEPT, np.int32)
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def find(self, tokens: list[str]) -> np.ndarray | None:
        """The tokens' numbers, int64; None where there is no room for more."""
        import numpy as np

        found = [*map(self._numbers.get, tokens)]
        if None in found:
            if not self._learn(tokens):
                return None
            found = [*map(self._numbers.get, tokens)]
        return np.array(found, np.int64)

    def _learn(self, tokens: list[str]) -> bool:
        import numpy as np

        from sentinel.detectors._classifier_words import hash_word

        with self._lock:
            new = [token for token in dict.fromkeys(tokens) if token not in self._numbers]
            first, last = len(self._numbers), len(self._numbers) + len(new)
            if last > _KEPT:
                return False
            lower = [hash_word(token.lower().replace("’", "'")) for token in new]
            self.rows[first:last] = self._words.find(np.array(lower, np.uint64))
            hashes = np.array([_hash(token) for token in new], np.int64)
            self.parts[:, first:last] = hashes ^ (hashes >> 15), hashes * 31, hashes * _MIX
            self._numbers.update(zip(new, range(first, last), strict=True))
            return True


def _hash(token: str) -> int:
    return zlib.crc32(plain(token).encode("utf-8", "surrogatepass"))


_vocabulary: _Vocabulary | None = None


def looked_up(tokens: list[str]) -> tuple[_Vocabulary, np.ndarray]:
    """The numbers of tokens, in the vocabulary that they belong to: a new one where the last is full."""
    global _vocabulary
    vocabulary = _vocabulary or _Vocabulary()
    numbers = vocabulary.find(tokens)
    if numbers is None:
        vocabulary = _Vocabulary()
        numbers = vocabulary.find(tokens)
        assert numbers is not None, "a window has fewer tokens than a vocabulary holds"
    _vocabulary = vocabulary
    return vocabulary, numbers


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

    vocabulary, numbers = looked_up(reading.shape.tokens)
    rows = vocabulary.rows.take(numbers)
    vectors = vocabulary.vectors.take(rows, axis=0)
    told = np.empty(len(SIGNALS) + vectors.shape[1], np.float32)
    told[: len(SIGNALS)] = signals(reading)
    meaning = vectors.sum(axis=0, dtype=np.int32) * (vocabulary.unit / max(1, len(numbers)))
    told[len(SIGNALS) :] = meaning
    buckets, tokens = _hashed(vocabulary.parts.take(numbers, axis=1), reading.shape.letters)
    return Features(told, buckets, tokens, rows)


def known_words(tokens: list[str]) -> list[bool]:
    """Of each token whether it has a vector, as 32,000 English words have."""
    vocabulary, numbers = looked_up(tokens)
    known: list[bool] = (vocabulary.rows.take(numbers) < len(vocabulary.vectors) - 1).tolist()
    return known


def known_word(token: str) -> bool:
    return known_words([token])[0]


def known_share(shape: Shape) -> float:
    """The share of words that have a vector; 0 without words."""
    words = _words(shape)
    return sum(known_words(words)) / max(1, len(words))


def foreign(shape: Shape) -> bool:
    """Whether so many of the words have no vector that the text is hardly English."""
    return len(_words(shape)) > _FEW and known_share(shape) < ENGLISH


def _words(shape: Shape) -> list[str]:
    return [token for token in shape.tokens if token[0].isalpha()]


@cache
def _triples() -> np.ndarray:
    """What a class says as the first, second and third of a triple, by its letter: [3, 128]."""
    import numpy as np

    letters = np.arange(128, dtype=np.int64)
    return np.stack((letters * 0x10001, letters * 0x1003, letters * 0x35 + 977)) * _MIX


def _hashed(parts: np.ndarray, letters: str) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    alone, left, right = parts
    at = np.arange(len(alone))
    kinds = np.frombuffer(letters.encode("ascii"), np.uint8)
    telling = np.flatnonzero(kinds != ord(OTHER))
    one, two, three = _triples().take(kinds[telling], axis=1)
    pairs = (left[:-1] + right[1:]) >> 7
    triples = (one[:-2] + two[1:-1] + three[2:]) >> 9
    buckets, first = np.unique(np.concatenate((alone, pairs, triples)) & _MASK, return_index=True)
    tokens: np.ndarray = np.concatenate((at, at[:-1], telling[:-2]))[first]
    return buckets, tokens
