"""Numbers and names of an answer that the model itself found improbable, where the model server tells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sentinel.core.exchange import TokenProbability
from sentinel.detectors._consistency import Doubt
from sentinel.detectors._sentences import sentences
from sentinel.detectors._wording import Token, tokens

_DOUBTFUL = 0.3  # below it, the model had likelier things to say


def improbable(text: str, told: Sequence[TokenProbability]) -> Iterator[Doubt]:
    """Sentences with a number or a name whose tokens together are improbable, those first. `share`: how
    improbable the worst is. Other words are left alone: there are many ways to say the same. Linear."""
    if not told:
        return
    place = 0
    for start, end in sentences(text, 0, final=True):
        doubtful: list[tuple[float, Token]] = []
        for number, word in enumerate(tokens(text, start, end)):
            while place < len(told) and told[place][1] <= word.start:
                place += 1
            if number and word.content and (word.name or word.value is not None):
                probability = _probability(word, told, place)
                if probability < _DOUBTFUL:
                    doubtful.append((probability, word))
        if doubtful:
            doubtful.sort(key=lambda each: each[0])
            lowest = doubtful[0][0]
            words = tuple(word for _, word in doubtful)
            why = f"the model gave its own number or name a probability of {lowest:.2f}"
            yield Doubt(start, end, words, why, 1.0 - lowest)


def _probability(word: Token, told: Sequence[TokenProbability], place: int) -> float:
    """Of the word's tokens together; 1 where none was told."""
    total = 0.0
    while place < len(told) and told[place][0] < word.end:
        total += min(told[place][2], 0.0)
        place += 1
    return math.exp(total)
