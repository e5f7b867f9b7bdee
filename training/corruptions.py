"""Answers made wrong, and answers worded otherwise: training pairs from texts that are known to be held.

What is swapped in comes from the same source (a name at the wrong place) or from another one (a name that
stands nowhere in it).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from sentinel.detectors._opposites import sides
from sentinel.detectors._wording import Token, tokens

_AUXILIARY = re.compile(r"\b(?:is|are|was|were|will|can|could|has|have|would|should|does|did)\b(?! not)")
_NEGATION = re.compile(r"\bnot |n't\b|\bnever ")
_QUANTIFIER = re.compile(r"\b(?:some|many|most|several|all|every|often|usually|always|both)\b")
_ABSOLUTES = ("all", "no", "few", "every", "only", "never", "rarely")
_NUMBER_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "ten")
_ENDINGS = ("ing", "ed", "ly", "s")
# Words that say little, with another word for each.
_REWORDED = dict(
    pair.split(":")
    for pair in (
        "said:stated say:state says:mentions shows:demonstrates show:demonstrate use:utilize "
        "used:utilized uses:employs make:create makes:creates made:created many:numerous big:large "
        "large:sizeable small:little important:significant help:assist helps:assists get:obtain "
        "different:various called:named known:recognized famous:renowned also:additionally "
        "people:individuals part:portion began:commenced started:began allows:enables include:comprise "
        "includes:comprises main:primary found:discovered company:firm built:constructed place:location "
        "needs:requires need:require several:multiple best:finest film:movie movie:film released:issued "
        "won:secured wrote:authored gives:provides usually:typically often:frequently first:initial "
        "new:novel type:kind types:kinds way:means world:globe area:region discuss:debate "
        "discussed:debated talk:speak talks:speaks tells:informs told:informed asks:inquires "
        "wants:wishes thinks:believes plan:scheme offers:proposes offered:proposed meeting:gathering "
        "problem:issue buy:purchase bought:purchased agree:concur friend:companion job:position "
        "money:funds house:home increase:growth increased:grew decrease:decline decreased:declined "
        "expects:anticipates expected:anticipated reported:announced because:since about:approximately"
    ).split()
)


class Pool:
    """Words of other texts, to swap in."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [[t for t in tokens(text) if t.content and len(t.plain) > 2] for text in texts]

    def some(self, rnd: random.Random) -> list[Token]:
        return rnd.choice(self._texts)


def corrupted(answer: str, source: str, rnd: random.Random, pool: Pool) -> str | None:
    """The answer with one thing made wrong; None where nothing can be."""
    ways: list[Callable[[str, str, random.Random, Pool], str | None]] = [
        *[_other_number, _other_name, _other_word, _opposite] * 3,
        *[_turned] * 2,
        _overstated,
    ]
    rnd.shuffle(ways)
    for way in ways:
        made = way(answer, source, rnd, pool)
        if made is not None and made != answer:
            return made
    return None


def reworded(answer: str, rnd: random.Random) -> str:
    """The answer with up to three words replaced by others that say the same."""
    left, right = sides()
    found = [t for t in tokens(answer) if t.plain in _REWORDED or t.plain in left and t.value is None]
    chosen = rnd.sample(found, min(len(found), rnd.choice([1, 1, 2, 3])))
    for token in sorted(chosen, key=lambda token: -token.start):
        others = [word for word in left.get(token.plain, ()) if word != token.plain]
        word = _REWORDED.get(token.plain) or (rnd.choice(others) if others else token.plain)
        answer = _swap(answer, token, word)
    return answer


def _swap(answer: str, token: Token, word: str) -> str:
    old = answer[token.start : token.end]
    word = word.capitalize() if old[:1].isupper() else word
    return answer[: token.start] + word + answer[token.end :]


def _content(answer: str) -> list[Token]:
    return [token for token in tokens(answer) if token.content]


def _other_number(answer: str, source: str, rnd: random.Random, pool: Pool) -> str | None:
    found = [token for token in _content(answer) if token.value is not None]
    if not found:
        return None
    token = rnd.choice(found)
    old = answer[token.start : token.end]
    digits = re.search(r"\d{1,9}", old)
    if digits is None:
        return _swap(answer, token, rnd.choice(_NUMBER_WORDS))
    others = [t.plain for t in tokens(source) if t.value is not None and t.plain[0].isdigit()]
    others = [plain for plain in others if plain != token.plain]
    if others and rnd.random() < 0.25:
        return _swap(answer, token, rnd.choice(others))
    value = int(digits.group())
    step = rnd.choice([1, 2, 3, 5, 10]) * rnd.choice([1, -1])
    year = 1500 < value < 2100
    new = value + step if year else rnd.choice([value + step, value * 2, value * 10, value // 2])
    changed = old[: digits.start()] + str(abs(new) if new != value else value + 1) + old[digits.end() :]
    return answer[: token.start] + changed + answer[token.end :]


def _other_name(answer: str, source: str, rnd: random.Random, pool: Pool) -> str | None:
    found = [token for token in _content(answer) if token.name and token.start > 0]
    others = [t for t in (tokens(source) if rnd.random() < 0.5 else pool.some(rnd)) if t.name]
    if not found or not others:
        return None
    return _swap(answer, rnd.choice(found), rnd.choice(others).plain)


def _other_word(answer: str, source: str, rnd: random.Random, pool: Pool) -> str | None:
    found = [t for t in _content(answer) if not t.name and t.value is None and len(t.plain) > 3]
    if not found:
        return None
    token = rnd.choice(found)
    wanted = _ending(token.plain)
    offered = tokens(source) if rnd.random() < 0.3 else pool.some(rnd)
    others = [
        t
        for t in offered
        if t.content and not t.name and t.value is None and len(t.plain) > 3
        if t.stem != token.stem and _ending(t.plain) == wanted
    ]
    return _swap(answer, token, rnd.choice(others).plain) if others else None


def _ending(word: str) -> str:
    return next((ending for ending in _ENDINGS if word.endswith(ending)), "")


def _opposite(answer: str, source: str, rnd: random.Random, pool: Pool) -> str | None:
    _, right = sides()
    found = []
    for token in _content(answer):
        for ending in ("", "s", "ed", "d", "ing"):
            base = token.plain.removesuffix(ending)
            if token.plain.endswith(ending) and base in right:
                found.append((token, base, ending))
    if not found:
        return None
    token, base, ending = rnd.choice(found)
    word = rnd.choice(right[base])
    if ending in ("ed", "d", "ing") and word.endswith("e"):
        word = word[:-1]
    return _swap(answer, token, word + ("ed" if ending == "d" else ending))


def _turned(answer: str, source: str, rnd: random.Random, pool: Pool) -> str | None:
    if _NEGATION.search(answer) and rnd.random() < 0.8:
        return _NEGATION.sub("", answer, count=1)
    found = list(_AUXILIARY.finditer(answer))
    if not found:
        return None
    end = rnd.choice(found).end()
    return answer[:end] + rnd.choice([" not", " never"]) + answer[end:]


def _overstated(answer: str, source: str, rnd: random.Random, pool: Pool) -> str | None:
    found = list(_QUANTIFIER.finditer(answer))
    if not found:
        return None
    match = rnd.choice(found)
    return answer[: match.start()] + rnd.choice(_ABSOLUTES) + answer[match.end() :]
