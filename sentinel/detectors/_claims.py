"""Short statements about a subject, `X was founded in 1932` and `X is not open`, that deny each other.

A pronoun stands for the subject of the sentences right before it. Nothing else is resolved: `the firm` may be
another one.
"""

from __future__ import annotations

import re

from sentinel.detectors._wording import stem

_CLAIM = re.compile(
    r"(?P<subject>(?:[^\W_][\w'’-]{0,40}\s){1,6}?)(?P<verb>is|are|was|were|has|can|will)"
    r"(?P<no>n['’]t|\snot|\snever)?\s(?P<rest>[^.!?;:]{2,200})[.!]"
)
# What happens to a thing or a person once.
_ONCE = re.compile(
    r"(?:first |originally |officially )?(?P<what>founded|established|incorporated|born|invented|discovered"
    r"|completed|built)\b[^,;]{0,60}?\bin (?:[A-Z][a-z]{2,8} )?(?P<year>1\d{3}|20\d\d)\b"
)
_SAME = frozenset({"it", "he", "she", "they"})
_AGAIN = re.compile(r"(?:It|He|She|They|Its|His|Her|Their)\b")
_NOBODY = frozenset(
    {"i", "you", "we", "this", "that", "these", "those", "there", "what", "who", "one", "some"}
)
_ARTICLES = ("the ", "a ", "an ")
_ONLY = re.compile(r"(?:only|just|merely|simply|necessarily|always|yet|all|every)\b")


class Claims:
    """The claims of one text, sentence by sentence in its order."""

    def __init__(self) -> None:
        self._subject: str | None = None  # of the last sentences
        self._years: dict[tuple[str, str], str] = {}
        self._denied: dict[tuple[str, str, tuple[str, ...]], bool] = {}

    def add(self, sentence: str) -> tuple[int, str] | None:
        """What it says against an earlier one: where in the sentence, and why."""
        claim = _CLAIM.match(sentence)
        subject = self._known(sentence, claim["subject"].strip().lower() if claim else "")
        if not claim or not subject:
            return None
        rest, denied = claim["rest"], claim["no"] is not None
        once = _ONCE.match(rest)
        if once and not denied:
            year = self._years.setdefault((subject, once["what"]), once["year"])
            if year != once["year"]:
                return claim.start("rest") + once.start("year"), "another year than an earlier sentence has"
        if denied and _ONLY.match(rest):
            return None
        said = subject, claim["verb"], tuple(stem(word) for word in rest.lower().split())
        if self._denied.setdefault(said, denied) != denied:
            return claim.start("rest"), "it denies what an earlier sentence says, or the other way round"
        return None

    def _known(self, sentence: str, subject: str) -> str | None:
        """The subject that is meant; that of the sentences before is kept while they go on about it."""
        if subject and subject not in _SAME:
            for article in _ARTICLES:
                subject = subject.removeprefix(article)
            self._subject = None if subject.split()[0] in _NOBODY else subject
        elif not subject and not _AGAIN.match(sentence):
            self._subject = None
        return self._subject
