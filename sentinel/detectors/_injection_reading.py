"""One window of a text, read by all heuristics: grammar, forms, hidden and encoded text."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

import msgspec

from sentinel.detectors._injection_decode import backwards, decoded, rotated
from sentinel.detectors._injection_features import Reading
from sentinel.detectors._injection_forms import Mark, Turn, forged, hidden, many_shot, turns
from sentinel.detectors._injection_grammar import Hit, Shape, hits, plain, shape_of
from sentinel.detectors._injection_words import STOP, WORDS

_LONG = 60  # tokens
_FOCUSES = 3
_COIN = 4  # the shortest word that is known in rot13 or backwards
_TELLING = "VOSPRF"
_ENCODED_LIKELY = re.compile(
    r"[A-Za-z0-9+/_=-]{20}|%[0-9a-fA-F]{2}.{0,20}%[0-9a-fA-F]{2}|\\[xu]|&#|\b[01]{8}\b"
    r"|(?:\b\w[ .\-_*|·]){4}|(?:[.\-·−]{1,5}[ /]){4}|(?:\b[0-9a-fA-F]{2,3}[ ,:]){6}"
)
_ROTATED = frozenset(codecs.encode(w, "rot13") for w, c in WORDS.items() if c in _TELLING and len(w) > _COIN)
_BACKWARDS = frozenset(w[::-1] for w, c in WORDS.items() if c in _TELLING and len(w) > _COIN)


@lru_cache(maxsize=1 << 14)
def _turned(token: str) -> int:
    """1: a telling word in rot13, 2: one written backwards, 0: neither."""
    word = plain(token)
    return 1 if word in _ROTATED else 2 if word in _BACKWARDS else 0


def read(text: str) -> Reading:
    """Everything that the heuristics find in one window."""
    shape = shape_of(text)
    found = turns(text)
    return Reading(shape, hits(shape), _marks(text, shape, found), found)


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
        shape = Shape(letters[first:last], reading.shape.places[first:last], reading.shape.tokens[first:last])
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
    return _marks(text, shape_of(text), turns(text))


def _marks(text: str, shape: Shape, found: list[Turn]) -> list[Mark]:
    marks = list(forged(text))
    for mark, said in hidden(text):
        weight = _attack(said)
        if weight:
            why = f"{mark.why}, and it gives orders"
            mark = Mark(mark.type, mark.start, mark.end, max(mark.score, 0.3 + 0.65 * weight), why)
        marks.append(mark)
    marks += _payloads(text, shape)
    series = many_shot(found, len(text))
    return marks if series is None else [*marks, series]


def _payloads(text: str, shape: Shape) -> list[Mark]:
    found = []
    if _ENCODED_LIKELY.search(text):
        for each in decoded(text):
            weight = _attack(each.text)
            if weight:
                found.append(_payload(each.start, each.end, weight, each.how))
    turned = [_turned(token) for token in shape.tokens]
    for kind, turn, how in ((1, rotated, "in rot13"), (2, backwards, "backwards")):
        if turned.count(kind) >= 2:
            weight = _attack(turn(text))
            if weight:
                at = [place for place, token in zip(shape.places, turned, strict=True) if token == kind]
                found.append(_payload(at[0][0], at[-1][1], weight, how))
    return found


def _payload(start: int, end: int, weight: float, how: str) -> Mark:
    return Mark("ENCODED_PAYLOAD", start, end, 0.25 + 0.7 * weight, f"orders written {how}")


def _attack(said: str) -> float:
    """How sure the grammar is that hidden words are an attack; 0 where it sees none."""
    if not said:
        return 0.0
    found: list[Hit] = hits(shape_of(said[:4000]))
    return max((hit.pattern.weight for hit in found), default=0.0)
