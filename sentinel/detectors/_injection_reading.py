"""One window of a text, read by all heuristics: grammar, forms, hidden and encoded text."""

from __future__ import annotations

import re

import msgspec

from sentinel.detectors._injection_decode import decoded
from sentinel.detectors._injection_disguise import disguised
from sentinel.detectors._injection_features import Reading
from sentinel.detectors._injection_forms import Mark, Turn, forged, hidden, many_shot, turns
from sentinel.detectors._injection_grammar import Hit, Shape, hits, shape_of, shape_within
from sentinel.detectors._injection_lookalikes import apart
from sentinel.detectors._injection_signs import APART, DOTTED, ESCAPED, LONG, NUMBERS
from sentinel.detectors._injection_words import STOP

_LONG = 60  # tokens
_FOCUSES = 3
_VIEWS = 4
_READ = 4000  # characters of what is written in another way
# What encoded text needs to have; each test is quick, for most texts pass none.
_RUN = 20  # characters
_MARKED = re.compile(r"%[0-9a-fA-F]{2}|\\[xu]|&#")
_NUMBERS = re.compile(r"[0-9][ ,:][0-9a-fA-F]{2,8}[ ,:]")
_DOTS = re.compile(r"[.\-·−][.\-·−]{1,4}[ /|]{1,3}[.\-·−]{1,5}[ /|]")
_JOINS = re.compile(r"[.\-_*|·]\w[.\-_*|·]\w[.\-_*|·]\w")
_JOINED = re.compile(r"\w[.\-_*|·]\w[.\-_*|·]\w[.\-_*|·]\w")
_APART = re.compile(r" \w \w \w ")
_LETTERS_APART = re.compile(r"(?:\b\w ){4}")


def _may_be_encoded(text: str, shape: Shape) -> bool:
    signs = shape.signs
    return bool(
        (signs & LONG and max(map(len, text.split()), default=0) >= _RUN)
        or (signs & ESCAPED and _MARKED.search(text))
        or (signs & NUMBERS and _NUMBERS.search(text))
        or (signs & APART and _JOINS.search(text) and _JOINED.search(text))
        or (signs & DOTTED and _DOTS.search(text))
        or (signs & APART and _APART.search(text) and _LETTERS_APART.search(text))
        or shape.chars < 2 * len(shape.letters)
    )


def read(text: str) -> Reading:
    """Everything that the heuristics find in one window."""
    shape = shape_of(text)
    found = turns(text)
    seen = hits(shape)
    kept = apart(shape, seen)
    spared = len(kept) < len(seen) and len(shape.letters) < _LONG
    said = _in_clear(text, shape, seen)
    return Reading(shape, kept, _marks(text, found, said), found, spared=spared, within=tuple(said[:_VIEWS]))


def focused(reading: Reading) -> list[Reading]:
    """The sentences of a long window in which the grammar saw something, with the one behind: what stands
    around an attack must not hide it. At most `_FOCUSES`, the surest first."""
    letters = reading.shape.letters
    if len(letters) < _LONG or not reading.hits:
        return []
    found: dict[tuple[int, int], Reading] = {}
    for hit in sorted(reading.hits, key=lambda hit: -hit.pattern.weight):
        first = letters.rfind(STOP, 0, hit.first) + 1
        last = min(_end(letters, _end(letters, hit.last)), hit.last + _LONG // 2)
        first = max(first, hit.first - _LONG // 2)
        if any(start <= hit.first and hit.last < end for start, end in found):
            continue
        shape = reading.shape.part(first, last)
        inside = [
            msgspec.structs.replace(h, first=h.first - first, last=h.last - first)
            for h in reading.hits
            if first <= h.first and h.last < last
        ]
        found[first, last] = Reading(shape, inside, [], [], shape.places[0][0])
        if len(found) == _FOCUSES:
            break
    return list(found.values())


def _end(letters: str, start: int) -> int:
    """Behind the next sentence's end."""
    stop = letters.find(STOP, start)
    return len(letters) if stop < 0 else stop + 1


def marks_of(text: str) -> list[Mark]:
    """What of it does not depend on who speaks."""
    shape = shape_of(text)
    return _marks(text, turns(text), _in_clear(text, shape, hits(shape)))


def _marks(text: str, found: list[Turn], said: list[Reading]) -> list[Mark]:
    marks = list(forged(text))
    for mark, words in hidden(text):
        weight = _weight(hits(shape_of(words[:_READ])))
        if weight:
            why = f"{mark.why}, and it gives orders"
            mark = Mark(mark.type, mark.start, mark.end, max(mark.score, 0.3 + 0.65 * weight), why)
        marks.append(mark)
    for each in said:
        weight = _weight(each.hits)
        if weight:
            start, end = each.shape.places[0]
            marks.append(
                Mark("ENCODED_PAYLOAD", start, end, 0.25 + 0.7 * weight, f"orders written {each.how}")
            )
    series = many_shot(found, len(text))
    return marks if series is None else [*marks, series]


def _in_clear(text: str, shape: Shape, seen: list[Hit]) -> list[Reading]:
    """What it says in writing that people do not read, the surest attacks first. Of what may be chance only
    that in which the grammar sees what it does not see in the text itself: else nothing was hidden."""
    said = list(decoded(text, shape.signs)) if _may_be_encoded(text, shape) else []
    names = {hit.pattern.name for hit in seen}
    found = []
    for each in (*said, *disguised(text, shape)):
        clear = shape_within(each.text[:_READ], each.start, each.end)
        kept = hits(clear)
        if clear.letters and (each.sure or any(hit.pattern.name not in names for hit in kept)):
            found.append(Reading(clear, kept, [], [], each.start, how=each.how))
    found.sort(key=lambda reading: -_weight(reading.hits))
    return found


def _weight(found: list[Hit]) -> float:
    """How sure the grammar is that words are an attack; 0 where it sees none."""
    return max((hit.pattern.weight for hit in found), default=0.0)
