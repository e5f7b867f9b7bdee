"""Clauses that deny something, and whether an answer affirms it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from sentinel.detectors._opposites import denials
from sentinel.detectors._wording import Token

_SPLIT = re.compile(
    r"[,;:()–—]|\b(?:but|and|or|while|although|though|because|since|that|which|who|unless|except|so|as|than"
    r"|if|when|whether|until)\b",
    re.IGNORECASE,
)
_CONDITION = frozenset({"if", "when", "whether", "unless", "until", "than"})
_TURNS = frozenset({"not", "never", "no", "cannot", "nobody", "nothing", "without"})
# Behind a negator: it then denies something else than what follows.
_OTHERWISE = frozenset(
    "only just merely simply necessarily sure certain know later earlier more less fewer least until doubt "
    "matter yet always all every everyone because to".split()
)
# An answer with one of these affirms with a reserve, if at all.
_RESERVES = frozenset({"if", "unless", "except", "neither", "nor", "none", "hardly", "barely", "rarely"})


class Denied(msgspec.Struct, frozen=True):
    """What a clause denies: `scope`, the stems of content words behind its negator; `words`, all of its."""

    scope: frozenset[str]
    words: frozenset[str]


def turns(token: Token) -> bool:
    """Whether a word turns a statement round."""
    return token.plain in _TURNS or token.plain.endswith("n't")


def clauses(text: str, found: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of one sentence, parted where another clause or the next of several things begins."""
    if not found:
        return
    cuts = [match.start() for match in _SPLIT.finditer(text, found[0].start, found[-1].end)]
    clause: list[Token] = []
    for token in found:
        while cuts and cuts[0] <= token.start:
            cuts.pop(0)
            if clause:
                yield clause
            clause = []
        clause.append(token)
    yield clause


def denied(text: str, found: Sequence[Token]) -> Iterator[Denied]:
    """What the clauses of one sentence deny; not what they suppose, what holds until or unless, nor what
    `not only` and its like say."""
    if not any(map(turns, found)):
        return
    parts = list(clauses(text, found))
    for clause, after in zip(parts, [*parts[1:], []], strict=True):
        at = [place for place, token in enumerate(clause) if turns(token)]
        if len(at) != 1 or clause[0].plain in _CONDITION:
            continue
        if after and after[0].plain in _CONDITION:
            continue
        if at[0] + 1 == len(clause) or clause[at[0] + 1].plain in _OTHERWISE:
            continue
        scope = frozenset(token.stem for token in clause[at[0] + 1 :] if token.content)
        words = frozenset(token.stem for token in clause if token.content and not turns(token))
        if len(words) > 1 and scope:
            yield Denied(scope, words)


def affirms(found: Sequence[Token], denied: Denied) -> bool:
    """Whether a sentence holds all that a clause denies, and denies nothing itself."""
    stems = {token.stem for token in found if token.content}
    if not (denied.words <= stems or len(denied.scope) > 1 and denied.scope <= stems):
        return False
    return not any(turns(t) or t.stem in denials() or t.plain in _RESERVES for t in found)
