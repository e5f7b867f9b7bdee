"""The tokens that came before, each with what depends on it alone: of most texts nearly all of this is known.
A text is its tokens' numbers from then on."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sentinel.detectors._injection_classes import classify
from sentinel.detectors._injection_words import plain
from sentinel.detectors._kernel import LIBRARY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sentinel.detectors._injection_buckets import Seen
    from sentinel.detectors._injection_kernel import Compiled, Read

_Found = TypeVar("_Found")
KEPT = 1 << 15  # tokens
_MEANING = 0.75  # of a word vector's unit against the other signals


class Full(Exception):
    """A vocabulary has no room for more."""


class _Numbers(dict[str, int]):
    """Of tokens. One that it lacks gets the next number of the vocabulary, `last`, and is noted in `new`."""

    def __init__(self) -> None:
        self.last = 0
        self.new: list[str] = []

    def __missing__(self, token: str) -> int:
        self.new.append(token)
        number = self[token] = self.last
        self.last += 1
        return number


class Vocabulary:
    """By the numbers of tokens: `letters`, their classes as ASCII; `rows` of their vectors, the last of
    `vectors` for those without one; `hashes`, 32 bits; whether they are `words`. Nothing that is known
    changes. A token in ASCII may have two numbers, for `find` and `read` know nothing of each other."""

    def __init__(self) -> None:
        import numpy as np

        from sentinel.detectors._classifier_grams import words

        table = words()
        known = table.vectors[:-1] * table.scale
        self.spread = float(table.scale) / (float(known.std()) or 1.0)  # of a vector's unit
        self.unit = _MEANING * self.spread
        self.vectors = table.vectors
        self.letters = np.empty(KEPT, np.uint8)
        self.rows = np.empty(KEPT, np.int32)
        self.hashes = np.empty(KEPT, np.uint32)
        self.words = np.empty(KEPT, np.bool_)
        self._numbers = _Numbers()
        self._lock = threading.Lock()
        self._compiled: Compiled | None = None
        if LIBRARY is not None:
            from sentinel.detectors._injection_kernel import Compiled

            self._compiled = Compiled(self)

    def find(self, tokens: list[str]) -> NDArray[np.int32]:
        """The tokens' numbers. Raises Full."""
        with self._lock:
            return self._find(tokens)

    def read(self, text: str) -> Read | None:
        """The tokens of a text, all with their numbers, see `Compiled.read`. Raises Full."""
        assert self._compiled is not None
        with self._lock:
            read = self._compiled.read(text)
            if read is None:
                return None
            if len(read.others):
                read.numbers[read.others] = self._find(_cut(text, read.spans, read.others))
            if len(read.lacking):
                if self._numbers.last + len(read.lacking) > KEPT:
                    raise Full
                letters = "".join(map(classify, _cut(text, read.spans, read.lacking)))
                self._numbers.last = self._compiled.learn(text, read, letters, self._numbers.last)
        return read

    def seen(self, numbers: NDArray[np.int32], letters: str) -> Seen:
        """See `_injection_buckets.seen`."""
        if self._compiled is not None and len(numbers):
            return self._compiled.seen(numbers, letters)
        from sentinel.detectors._injection_buckets import seen

        return seen(self, numbers, letters)

    def _find(self, tokens: list[str]) -> NDArray[np.int32]:
        import numpy as np

        numbers = self._numbers
        found = np.fromiter(map(numbers.__getitem__, tokens), np.int32, len(tokens))
        if numbers.last > KEPT:
            raise Full
        if numbers.new:
            self._learn(numbers.new)
            numbers.new.clear()
        return found

    def _learn(self, new: list[str]) -> None:
        """What is to be known of tokens that have numbers. `Compiled.learn` says the same."""
        from sentinel.detectors._classifier_engine import rows_of

        to = [*map(self._numbers.__getitem__, new)]
        self.rows[to] = rows_of([token.lower().replace("’", "'") for token in new])
        self.letters[to] = [*map(ord, map(classify, new))]
        self.hashes[to] = [*map(_hash, new)]
        self.words[to] = [token[0].isalpha() for token in new]


def _cut(text: str, spans: NDArray[np.int32], which: NDArray[np.int32]) -> list[str]:
    starts, ends = spans.take(which, axis=1).tolist()
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _hash(token: str) -> int:
    return zlib.crc32(plain(token).encode("utf-8", "surrogatepass"))


_vocabulary: Vocabulary | None = None


def looked_up(tokens: list[str]) -> tuple[Vocabulary, NDArray[np.int32]]:
    """The numbers of tokens, in the vocabulary that they belong to."""
    return _with_room(lambda vocabulary: vocabulary.find(tokens))


def read(text: str) -> tuple[Vocabulary, Read | None]:
    """See `Vocabulary.read`; only where there is the kernel."""
    return _with_room(lambda vocabulary: vocabulary.read(text))


def _with_room(look: Callable[[Vocabulary], _Found]) -> tuple[Vocabulary, _Found]:
    """What is found in the last vocabulary, or in a new one where that is full: it holds more than a text."""
    global _vocabulary
    vocabulary = _vocabulary or Vocabulary()
    try:
        found = look(vocabulary)
    except Full:
        vocabulary = Vocabulary()
        found = look(vocabulary)
    _vocabulary = vocabulary
    return vocabulary, found


def is_known(token: str) -> bool:
    """Whether it has a vector, as 32,000 English words have."""
    vocabulary, numbers = looked_up([token])
    return bool(vocabulary.rows[numbers[0]] < len(vocabulary.vectors) - 1)
