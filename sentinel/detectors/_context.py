"""Context words: a score rises when one of the recognizer's words stands near the match.

The rules are Presidio's LemmaContextAwareEnhancer over spaCy's blank English tokenizer, where the lemma of
a token is the token in lower case. Only the neighbourhood of matches is tokenised: spaCy splits at white
space first, and what is between two white spaces ("chunk") does not depend on the rest. Left out: spaCy's
second pass, which joins pieces that punctuation rules have split when together they are an exception such
as an emoticon.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

from sentinel.detectors._recognizers import ContextSettings, TokenizerRules

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
_DIGIT = re.compile("[0-9]")
_SPACE = re.compile(r"\s+")
_NOT_SPACE = re.compile(r"\S+")
_SPACE_OR_NOT = re.compile(r"\s+|\S+")
_OPENING = "\"'([{"  # what may stand between white space and a match, and is no keyword
_KEPT_LENGTH = 32  # characters: the keywords of shorter chunks without digits are remembered ...
_MAX_KEPT = 4096  # ... for so many chunks, all texts together
FURTHEST = 4096  # characters to the left of a place in which keywords are sought
_NEAR = 500  # characters around a place in which a context word is sought before tokens are made
_STEP = 64  # characters, half as many again each time that keywords are still wanting
MAX_CHUNK = 500  # a longer stretch without white space is split at this length, so that work stays linear


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


class ContextRules:
    """Shared by all texts; thread-safe."""

    def __init__(self, settings: ContextSettings, rules: TokenizerRules) -> None:
        self.settings = settings
        self.tokenizer = Tokenizer(rules)
        self.stop_words = rules.stop_words
        marks = (chr(code) for code in range(128) if unicodedata.category(chr(code))[0] == "P")
        self._ignored = rules.stop_words.union(marks)
        self._kept: dict[str, tuple[tuple[int, str], ...]] = {}

    def is_ignored(self, word: str) -> bool:
        """Stop words and punctuation."""
        if word in self._ignored:
            return True
        return not word.isalnum() and all(unicodedata.category(char)[0] == "P" for char in word)

    def keywords(self, chunk: str) -> tuple[tuple[int, str], ...]:
        """Where each token of a chunk ends, and the token in lower case, or "" where it does not count."""
        kept = self._kept.get(chunk)
        if kept is not None:
            return kept
        ends: list[tuple[int, str]] = []
        end = 0
        for token in self.tokenizer.split(chunk):
            end += len(token)
            word = token.lower()
            ends.append((end, "" if ":" in word or self.is_ignored(word) else word))
        told = tuple(ends)
        if len(chunk) <= _KEPT_LENGTH and not _DIGIT.search(chunk) and "@" not in chunk:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            self._kept[chunk] = told
        return told

    def supporting(self, words: Iterable[str], context: tuple[str, ...]) -> str:
        """What of `context` (lower case) occurs in `words`, in the first of them that has any; or ""."""
        whole = self.settings.mode == "whole_word"
        for word in words:
            for sought in context:
                if word == sought if whole else sought in word:
                    return sought
        return ""

    def lifted(self, score: float) -> float:
        return min(max(score + self.settings.factor, self.settings.minimum), 1.0)


class Surroundings:
    """The words around places of one text. Ask in ascending order: then every chunk is split once."""

    def __init__(self, rules: ContextRules, text: str) -> None:
        self._rules = rules
        self._text = text
        self._start = self._end = 0  # of the part that has been split, without gaps
        self._ends: list[int] = []  # where each token of it ends
        self._keywords: list[str] = []  # the token in lower case, or "" where it does not count
        self._place, self._words = -1, [""]
        self._present: dict[tuple[str, ...], tuple[str, ...]] = {}  # context words that the text has at all

    @cached_property
    def _lowered(self) -> str:
        return self._text.lower()

    def present(self, context: tuple[str, ...]) -> tuple[str, ...]:
        """The words of `context` that the text has anywhere."""
        present = self._present.get(context)
        if present is None:
            lowered = self._lowered
            present = self._present[context] = tuple([word for word in context if word in lowered])
        return present

    def supporting(self, place: int, context: tuple[str, ...]) -> str:
        """The word of `context` nearest to `place`, or ""."""
        present = self.present(context)
        if not present:
            return ""
        word = self._just_before(place, present)
        if word:
            return word
        for word in present:
            if self._may_be_near(place, word):
                return self._rules.supporting(self.words(place), present)
        return ""

    def _just_before(self, place: int, context: tuple[str, ...]) -> str:
        """The answer where chunks just before a match that begins a chunk give it; "" says nothing."""
        floor = max(0, place - _STEP)
        *chunks, opening = self._text[floor:place].split(" ")
        if opening.strip(_OPENING):
            return ""
        own = _NOT_SPACE.match(self._text, place, place + MAX_CHUNK)
        if own is None or self._rules.supporting((own.group().lower(),), context):
            return ""
        left = self._rules.settings.before
        for chunk in chunks[: 0 if floor else None : -1]:
            if not chunk or _SPACE.search(chunk):
                return ""
            for _, keyword in reversed(self._rules.keywords(chunk)):
                if keyword:
                    word = self._rules.supporting((keyword,), context)
                    if word or left == 1:
                        return word
                    left -= 1
        return ""

    def _may_be_near(self, place: int, word: str) -> bool:
        """Cheaply, without splitting: False only where six keywords surely lie between."""
        if len(self._lowered) != len(self._text):
            return True
        floor = max(0, place - _NEAR)
        at = self._lowered.rfind(word, floor, place + len(word))
        before = at + len(word) if at >= 0 else floor
        if (at >= 0 or floor) and not self._apart(before, place, self._rules.settings.before + 1):
            return True
        at = self._lowered.find(word, max(0, place - len(word)), place + _NEAR)
        after = at if at >= 0 else min(len(self._text), place + _NEAR)
        unseen = at >= 0 or after < len(self._text)
        return unseen and not self._apart(place, after, self._rules.settings.after + 1)

    def _apart(self, start: int, end: int, keywords: int) -> bool:
        """Whether as many plain words and chunks with digits (no stop word has any) lie wholly between two
        places."""
        tokenizer, stop_words = self._rules.tokenizer, self._rules.stop_words
        for chunk in self._text[start:end].split()[1:-1]:
            if (
                chunk.isalpha()
                and chunk.isascii()
                and tokenizer.is_one(chunk)
                and chunk.lower() not in stop_words
            ) or (":" not in chunk and _DIGIT.search(chunk)):
                keywords -= 1
                if not keywords:
                    return True
        return False

    def words(self, place: int) -> list[str]:
        """The keywords that Presidio looks at for a match at `place`: its own token and up to five before it,
        then the first from there on."""
        if place != self._place:
            self._place, self._words = place, self._find_words(place)
        return self._words

    def _find_words(self, place: int) -> list[str]:
        settings = self._rules.settings
        self._cover(place)
        wanted, step = settings.before + 1, _STEP
        while True:
            index = min(bisect_right(self._ends, place), len(self._ends) - 1)
            before = _first(islice(reversed(self._keywords), len(self._keywords) - 1 - index, None), wanted)
            if len(before) == wanted or self._start == 0 or self._start <= place - FURTHEST:
                break
            self._extend_left(step)
            step += step // 2
        while True:
            after = _first(islice(self._keywords, index, None), settings.after + 1)
            if len(after) > settings.after or self._end == len(self._text):
                return before + after
            self._extend_right(self._end + _STEP)

    def undecided(self, place: int, end: int) -> bool:
        """Whether what follows the text may change the words at `place`, where a match up to `end` is."""
        self._cover(place)
        while True:
            index = min(bisect_right(self._ends, place), len(self._ends) - 1)
            counting = [i for i in range(index, len(self._ends)) if self._keywords[i]]
            if len(counting) > self._rules.settings.after:
                return not self._complete(max(end, self._ends[counting[self._rules.settings.after]]))
            if self._end == len(self._text):
                return True
            self._extend_right(self._end + _STEP)

    def _complete(self, place: int) -> bool:
        """Whether the chunk around `place` has ended."""
        limit = place + MAX_CHUNK
        return limit <= len(self._text) or _SPACE.search(self._text, max(place - 1, 0), limit) is not None

    def _cover(self, place: int) -> None:
        """Have tokens from a chunk's beginning at or before `place` to the end of the chunk that holds it."""
        if not self._start <= place < self._end:
            start = self._chunk_start(place)
            if not self._start <= start <= self._end or not self._ends:
                self._ends, self._keywords, self._start, self._end = [], [], start, start
            self._extend_right(place + 1)

    def _chunk_start(self, place: int) -> int:
        floor = max(0, place - MAX_CHUNK)
        while place > floor and not (self._text[place - 1].isspace() and not self._text[place].isspace()):
            place -= 1
        return place

    def _extend_right(self, to: int) -> None:
        match = _SPACE.search(self._text, min(to, len(self._text)), min(len(self._text), to + MAX_CHUNK))
        end = match.end() if match else min(len(self._text), to + MAX_CHUNK)
        ends, keywords = self._split(self._end, end)
        self._ends += ends
        self._keywords += keywords
        self._end = end

    def _extend_left(self, step: int) -> None:
        start = self._chunk_start(max(0, self._start - step))
        ends, keywords = self._split(start, self._start)
        self._ends = ends + self._ends
        self._keywords = keywords + self._keywords
        self._start = start

    def _split(self, start: int, end: int) -> tuple[list[int], list[str]]:
        """Ends and keywords of the tokens of a part that begins and ends where chunks do. One space after a
        token belongs to it; any other white space is a token."""
        ends: list[int] = []
        keywords: list[str] = []
        text, rules = self._text, self._rules
        done = start
        for match in _NOT_SPACE.finditer(text, start, end):
            at = match.start()
            if at - done > 1 or (at > done and (text[done] != " " or done == start)):
                self._space(done, at, ends, keywords)
            for length, word in rules.keywords(match.group()):
                ends.append(at + length)
                keywords.append(word)
            done = match.end()
        if done < end:
            self._space(done, end, ends, keywords)
        return ends, keywords

    def _space(self, start: int, end: int, ends: list[int], keywords: list[str]) -> None:
        text = self._text
        if start and text[start] == " " and not text[start - 1].isspace():
            start += 1
        if start < end:
            ends.append(end)
            keywords.append(text[start:end])


def tokens(tokenizer: Tokenizer, text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Place and text of each. One space after a token belongs to it; any other white space is a token."""
    for match in _SPACE_OR_NOT.finditer(text, start, end):
        at, stretch = match.start(), match.group()
        if not stretch.isspace():
            for piece in tokenizer.split(stretch):
                yield at, piece
                at += len(piece)
        elif not (at and stretch[0] == " " and not text[at - 1].isspace()):
            yield at, stretch
        elif len(stretch) > 1:
            yield at + 1, stretch[1:]


def _first(keywords: Iterable[str], wanted: int) -> list[str]:
    return list(islice(filter(None, keywords), wanted))
