"""Signs that an answer is not to be trusted when nothing it should rest on is known: it says two things about
the same, or it says what none of its siblings says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from sentinel.detectors._claims import Claims
from sentinel.detectors._grounding import Source, denies
from sentinel.detectors._opposites import opposites
from sentinel.detectors._sentences import sentences
from sentinel.detectors._wording import Token, tokens

_LEAST = 4  # content words that two sentences about the same share at least
_EARLIER = 3  # earlier sentences that one is compared with
# A statement of prose: code, labels, formulas and items of lists repeat each other with good reason.
_PROSE = re.compile(r"[\"'“]?[A-Z][^={}<>;|_#\\\[\]]*[.!][\"'”)]*")
_ITEM = re.compile(r"\s*(?:[-*•–]|\(?\w{1,3}[.):])\s*")
_CONDITION = re.compile(r"(?i:if|when|where|whether|for|unless|suppose|case|step|example)\b")


class Doubt(msgspec.Struct, frozen=True):
    """A sentence to doubt, with the words that tell, and why."""

    start: int
    end: int
    words: tuple[Token, ...]
    why: str
    share: float = 1.0


def contradictions(text: str) -> Iterator[Doubt]:
    """Sentences that repeat an earlier one but for a number, a negation or an opposite, and short ones that
    say otherwise about the same subject. Linear: each is compared with those few that share its rarest
    words."""
    claims = Claims()
    seen: list[tuple[list[Token], frozenset[str], frozenset[float], bool]] = []
    places: dict[str, list[int]] = {}
    for start, end in sentences(text, 0, final=True):
        found = tokens(text, start, end)
        content = [token for token in found if token.content]
        words = frozenset(t.stem for t in content if t.value is None)
        if not _states(text, start, end):
            continue
        begin = start + len(text[start:end]) - len(text[start:end].lstrip())
        against = claims.add(text[begin:end].rstrip())
        if against:
            at = begin + against[0]
            yield Doubt(start, end, tuple(t for t in found if t.start >= at)[:1], against[1])
            continue
        if len(words) < _LEAST:
            continue
        values = frozenset(t.value for t in content if t.value is not None)
        rare = sorted(words, key=lambda word: (len(places.get(word, ())), word))[:_EARLIER]
        for place in dict.fromkeys(place for word in rare for place in places.get(word, ())[-_EARLIER:]):
            doubt = _differ(content, words, values, denies(found), seen[place])
            if doubt:
                yield Doubt(start, end, tuple(doubt[0]), doubt[1])
                break
        seen.append((content, words, values, denies(found)))
        for word in words:
            places.setdefault(word, []).append(len(seen) - 1)


def _states(text: str, start: int, end: int) -> bool:
    piece = text[start:end]
    begin = start + len(piece) - len(piece.lstrip())
    near = max(0, begin - 12)
    line = max(text.rfind("\n", near, begin) + 1, near)
    said = piece.strip()
    return bool(_PROSE.fullmatch(said)) and not (
        _CONDITION.match(said) or _ITEM.match(said) or (line < begin and _ITEM.fullmatch(text, line, begin))
    )


def _differ(
    content: list[Token],
    words: frozenset[str],
    values: frozenset[float],
    denied: bool,
    other: tuple[list[Token], frozenset[str], frozenset[float], bool],
) -> tuple[list[Token], str] | None:
    _, words_before, values_before, denied_before = other
    more, less = words - words_before, words_before - words
    if not more and not less:
        if len(values) == len(values_before) == 1 and values != values_before:
            return [t for t in content if t.value is not None], "another number than an earlier sentence has"
        if values == values_before and denied != denied_before:
            return content[:1], "it denies what an earlier sentence says"
    if len(more) == len(less) == 1 and values == values_before and denied == denied_before:
        (new,) = more
        if not opposites().get(new, frozenset()).isdisjoint(less):
            return [t for t in content if t.stem == new], "the opposite of what an earlier sentence says"
    return None


def disagreements(text: str, siblings: Sequence[str], limit: int) -> Iterator[Doubt]:
    """Sentences with numbers or names that fewer than half of the sibling answers hold. `share`: of such ones
    among the sentence's numbers and names."""
    others = [Source([sibling], limit) for sibling in siblings]
    for start, end in sentences(text, 0, final=True):
        found = tokens(text, start, end)
        facts = [t for t in found[1:] if t.content and (t.name or t.value is not None)]
        if not facts:
            continue
        alone = [t for t in facts if 2 * sum(_holds(other, t) for other in others) < len(others)]
        if alone:
            yield Doubt(start, end, tuple(alone), "the other answers do not hold it", len(alone) / len(facts))


def _holds(source: Source, token: Token) -> bool:
    return token.value in source.numbers if token.value is not None else token.stem in source.places
