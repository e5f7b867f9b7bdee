"""Answers that run in a circle, and answers that give away a text. Linear in the texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

_WORD = re.compile(r"\w+")
_SAME = 39  # how often characters are repeated where nothing stands between
_CIRCLE = re.compile(rf"(\w{{1,8}}?)\1{{{_SAME},}}")
_GRAM = 4
_TIMES = 5  # how often something must stand in a row
_WORDS = 40  # and how many words the row must have
_LETTERS = 3  # words with letters in what is repeated, else all of it: a column of numbers is no loop


class Stretch(msgspec.Struct, frozen=True):
    """start..end of a text; `times`: how often it repeats what it begins with; `words`: how many it has;
    `counted`: most of the repetitions have numbers of their own, as the lines of a table or a log have."""

    start: int
    end: int
    times: int
    words: int
    counted: bool = False


def circles(text: str) -> Iterator[Stretch]:
    """Stretches in which the same words, but for numbers, follow each other again and again."""
    yield from _rows(text)
    if max(map(len, text.split()), default=0) > _SAME:
        for match in _CIRCLE.finditer(text):
            if any(char.isalpha() for char in match.group(1)):
                size = len(match.group(1))
                yield Stretch(match.start(), match.end(), (match.end() - match.start()) // size, _WORDS)


def _rows(text: str) -> Iterator[Stretch]:
    words = ["0" if word.isdigit() else word.lower() for word in _WORD.findall(text)]
    grams = [*zip(*(words[step:] for step in range(_GRAM)), strict=False)]
    if len(words) < _WORDS or len(set(grams)) == len(grams):  # nothing of it comes again
        return
    found = list(_WORD.finditer(text))
    last: dict[tuple[str, ...], int] = {}
    period = begin = 0
    for at, gram in enumerate(grams):
        before = last.get(gram, -1)
        last[gram] = at
        step = at - before if before >= 0 else 0
        if step == period and period:
            continue
        if period and (row := _row(found, words, begin, at + _GRAM - 1, period)):
            yield row
        period, begin = step, before
    if period and (row := _row(found, words, begin, len(words), period)):
        yield row


def _row(
    found: Sequence[re.Match[str]], words: Sequence[str], begin: int, end: int, period: int
) -> Stretch | None:
    times = (end - begin) // period
    if times < _TIMES or end - begin < _WORDS:
        return None
    unit = words[begin : begin + period]
    lettered = sum(any(char.isalpha() for char in word) for word in unit)
    if lettered < min(_LETTERS, period):
        return None
    numbers = [at for at in range(period) if unit[at] == "0"]
    said = {tuple(found[begin + row * period + at].group() for at in numbers) for row in range(times)}
    counted = bool(numbers) and 2 * len(said) > times
    return Stretch(found[begin].start(), found[end - 1].end(), times, end - begin, counted)


def shared(text: str, secret: str, known: Sequence[str], least: int) -> Iterator[Stretch]:
    """Stretches of at least so many words that `text` has in common with `secret`, where none of the `known`
    texts has them too. `times` is 1."""
    grams = set(_grams(secret, least))
    for other in known:
        grams.difference_update(_grams(other, least))
    if not grams:
        return
    found = list(_WORD.finditer(text))
    words = [match.group().lower() for match in found]
    begin = end = -1
    for at in range(len(words) - least + 1):
        if tuple(words[at : at + least]) not in grams:
            continue
        if at > end:
            if begin >= 0:
                yield Stretch(found[begin].start(), found[end - 1].end(), 1, end - begin)
            begin = at
        end = at + least
    if begin >= 0:
        yield Stretch(found[begin].start(), found[end - 1].end(), 1, end - begin)


def count_words(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


def _grams(text: str, size: int) -> Iterator[tuple[str, ...]]:
    words = [match.group().lower() for match in _WORD.finditer(text)]
    return (tuple(words[at : at + size]) for at in range(len(words) - size + 1))
