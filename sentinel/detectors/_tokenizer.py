"""spaCy's blank English tokenizer, for the stretches between white space ("chunks"): spaCy splits at white
space first, and what becomes of a chunk does not depend on the rest. Left out: spaCy's second pass, which
joins pieces that punctuation rules have split when together they are an exception such as an emoticon.

spaCy's expressions are long, so most chunks are split by short ones that give the same.
"""

from __future__ import annotations

import re
from functools import cached_property

from sentinel.detectors._recognizers import TokenizerRules

# Chunks whose tokens are plain without spaCy's expressions (a full stop after a capital is not).
_SIMPLE = re.compile(r"""([(\"]?)([A-Za-z]*[a-z]|[A-Z]+(?![.])|[0-9]+(?![^0-9]))([)\"]?)([,.;:!?]?)""")
# What an ASCII chunk must look like for spaCy's long expressions to have no say: asked first, as they cost
# 5 us each. A prefix is punctuation or a currency (`US$`); a suffix is punctuation, `'s`, or a unit behind
# a number; an infix stands between the characters named here.
_NO_PREFIX = re.compile(r"[0-9]|[A-Za-z](?!.*\$)")
_NO_SUFFIX = re.compile(r"(?:[0-9]|(?:^|[^0-9'/A-Za-z])[A-Za-z]+)\Z")
_INFIX_POSSIBLE = re.compile(
    r"""[A-Za-z0-9][:<>=/~\-]+[A-Za-z]|[0-9][+\-*^][0-9\-]|[a-z'"`,]\.[A-Z'"`,]|[A-Za-z],[A-Za-z]|\.\."""
)
# Most chunks with digits: brackets and quotes around one piece that begins and ends like a word or number.
_NUMBERED = re.compile(
    r"""([\["'({]*)(?=[!-/:-~]*[0-9])([0-9A-Za-z][!-#%&(-\[\]-~]{4,}(?<=[0-9A-Za-z]))([\]"')},:;!?]*)"""
)
_NO_UNIT = re.compile(r"(?:[0-9]|[^0-9'/A-Za-z][A-Za-z]+|[0-9](?:Z|[A-Za-z]{5,}))\Z")
_MAYBE_URL = re.compile(r"[/?#]|[.:][0-9]{1,5}\Z|[^0-9]\Z")
_INFIX = re.compile(
    r"""\.\.+|(?<=[0-9])[+\-*^](?=[0-9\-])|(?<=[a-z'"`,])\.(?=[A-Z'"`,])|(?<=[A-Za-z]),(?=[A-Za-z])"""
    r"""|(?<=[A-Za-z0-9])(?:---?|[\-~])(?=[A-Za-z])|(?<=[A-Za-z0-9])[:<>=/](?=[A-Za-z])"""
)


class Tokenizer:
    """spaCy's blank English tokenizer for one chunk at a time."""

    def __init__(self, rules: TokenizerRules) -> None:
        self._source = rules
        self._rules = rules.rules
        self.exceptions = rules.rules
        self._numbered = not any(_NUMBERED.fullmatch(word) for word in rules.rules)

    # Compiled when the first chunk needs it: 60 ms that a text of plain words never pays.

    @cached_property
    def _prefix(self) -> re.Pattern[str]:
        return re.compile(self._source.prefix)

    @cached_property
    def _suffix(self) -> re.Pattern[str]:
        return re.compile(self._source.suffix)

    @cached_property
    def _infix(self) -> re.Pattern[str]:
        return re.compile(self._source.infix)

    @cached_property
    def _url(self) -> re.Pattern[str]:
        return re.compile(self._source.url)

    def is_one(self, word: str) -> bool:
        """Whether a chunk of letters is one token."""
        return word not in self._rules

    def split(self, chunk: str) -> tuple[str, ...] | list[str]:
        """The tokens of a stretch without white space."""
        known = self._rules.get(chunk)
        if known is not None:
            return known
        simple = _SIMPLE.fullmatch(chunk)
        if simple is None:
            numbered = _NUMBERED.fullmatch(chunk) if self._numbered else None
            pieces = self._pieces(numbered[2]) if numbered else None
            if numbered is None or pieces is None:
                return self._split_affixes(chunk)
            return [*numbered[1], *pieces, *numbered[3]]
        opening, word, closing, mark = simple.groups()
        if word == chunk:
            return (chunk,)
        if opening and chunk[1:] in self._rules:
            return (opening, *self._rules[chunk[1:]])
        return [part for part in (opening, *self._rules.get(word, (word,)), closing, mark) if part]

    @staticmethod
    def _pieces(core: str) -> list[str] | None:
        """The tokens of a chunk without brackets and quotes, or None where that takes a longer look."""
        if not _NO_UNIT.search(core):
            return None
        if not _INFIX_POSSIBLE.search(core):
            return [core]
        if "." in core and _MAYBE_URL.search(core):
            return None
        pieces: list[str] = []
        start = 0
        for match in _INFIX.finditer(core):
            pieces += [core[start : match.start()], match.group()]
            start = match.end()
        return [*filter(None, pieces), core[start:]]

    def _split_affixes(self, rest: str) -> list[str]:
        before: list[str] = []
        after: list[str] = []
        plain = rest.isascii()
        while rest and rest not in self._rules:
            prefix = 0 if plain and _NO_PREFIX.match(rest) else self._length(self._prefix.search(rest))
            if prefix and rest[prefix:] in self._rules:
                before.append(rest[:prefix])
                rest = rest[prefix:]
                break
            bare = plain and _NO_SUFFIX.search(rest, prefix)
            suffix = 0 if bare else self._length(self._suffix.search(rest[prefix:]))
            if suffix and rest[:-suffix] in self._rules:
                after.append(rest[-suffix:])
                rest = rest[:-suffix]
                break
            if not prefix and not suffix:
                break
            if prefix:
                before.append(rest[:prefix])
            if suffix and prefix + suffix <= len(rest):
                after.append(rest[-suffix:])
                rest = rest[prefix:-suffix]
            else:
                rest = rest[prefix:]
        return [*before, *self._middle(rest), *reversed(after)]

    @staticmethod
    def _length(match: re.Match[str] | None) -> int:
        return len(match.group()) if match else 0

    def _middle(self, rest: str) -> tuple[str, ...] | list[str]:
        if not rest:
            return ()
        known = self._rules.get(rest)
        if known is not None:
            return known
        if rest.isascii() and not _INFIX_POSSIBLE.search(rest):
            return (rest,)
        if "." in rest and self._url.match(rest):
            return (rest,)
        pieces: list[str] = []
        start = 0
        for match in self._infix.finditer(rest):
            if match.start() == 0:
                continue
            if match.start() != start:
                pieces.append(rest[start : match.start()])
            if match.group():
                pieces.append(match.group())
            start = match.end()
        if start < len(rest):
            pieces.append(rest[start:])
        return pieces
