"""Context words: a score rises when one of the recognizer's words stands near the match.

The rules are Presidio's LemmaContextAwareEnhancer over spaCy's blank English tokenizer, where the lemma of
a token is the token in lower case. Only the neighbourhood of matches is tokenised (`_tokenizer`).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable

from sentinel.detectors._recognizers import ContextSettings, TokenizerRules
from sentinel.detectors._tokenizer import Tokenizer

_DIGIT = re.compile("[0-9]")
_SPACE = re.compile(r"\s+")
_NOT_SPACE = re.compile(r"\S+")
_OPENING = "\"'([{"  # what may stand between white space and a match, and is no keyword
_KEPT_LENGTH = 32  # characters: the keywords of shorter chunks without digits are remembered ...
_MAX_KEPT = 4096  # ... for so many chunks, all texts together
FURTHEST = 4096  # characters to either side of a place in which keywords are sought
_NEAR = 500  # characters around a place in which a context word is sought before tokens are made
_STEP = 64  # characters, half as many again each time that keywords are still wanting
MAX_CHUNK = 500  # a longer stretch without white space is split at this length, so that work stays linear


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
                if sought in word and not (whole and word != sought):
                    return sought
        return ""

    def lifted(self, score: float) -> float:
        return min(max(score + self.settings.factor, self.settings.minimum), 1.0)


class Surroundings:
    """The words around places of one text. Ask in ascending order: then every chunk is split once."""

    def __init__(self, rules: ContextRules, text: str) -> None:
        self._rules = rules
        self._text = text
        self._lowered: str | None = None
        self._start = self._end = 0  # of the part that has been split, without gaps
        self._ends: list[int] = []  # where each token of it ends
        self._keywords: list[str] = []  # the token in lower case, or "" where it does not count
        self._place, self._words = -1, [""]
        self._present: dict[tuple[str, ...], tuple[str, ...]] = {}  # context words that the text has at all

    def present(self, context: tuple[str, ...]) -> tuple[str, ...]:
        """The words of `context` that the text has anywhere."""
        present = self._present.get(context)
        if present is None:
            if self._lowered is None:
                self._lowered = self._text.lower()
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
        lowered = self._lowered
        if lowered is None or len(lowered) != len(self._text):
            return True
        floor = max(0, place - _NEAR)
        at = lowered.rfind(word, floor, place + len(word))
        before = at + len(word) if at >= 0 else floor
        if (at >= 0 or floor) and not self._apart(before, place, self._rules.settings.before + 1):
            return True
        at = lowered.find(word, max(0, place - len(word)), place + _NEAR)
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
            index = self._index(place)
            before = self._left(index, place, wanted)
            if len(before) == wanted or self._start == 0 or self._start <= place - FURTHEST:
                break
            self._extend_left(step)
            step += step // 2
        return before + [self._keywords[at] for at in self._right(index, place, settings.after + 1)]

    def _index(self, place: int) -> int:
        return min(bisect_right(self._ends, place), len(self._ends) - 1)

    def _left(self, index: int, place: int, wanted: int) -> list[str]:
        """The keywords from a token on to the left, of those that have been split."""
        ends, keywords = self._ends, self._keywords
        found: list[str] = []
        while index >= 0 and ends[index] > place - FURTHEST:
            if keywords[index]:
                found.append(keywords[index])
                if len(found) == wanted:
                    break
            index -= 1
        return found

    def _right(self, index: int, place: int, wanted: int) -> list[int]:
        """Where the keywords from a token on to the right are; splits what it needs."""
        ends, keywords = self._ends, self._keywords
        found: list[int] = []
        while True:
            while index < len(ends):
                if index and ends[index - 1] >= place + FURTHEST:
                    return found
                if keywords[index]:
                    found.append(index)
                    if len(found) == wanted:
                        return found
                index += 1
            if self._end == len(self._text):
                return found
            self._extend_right(self._end + _STEP)

    def undecided(self, place: int, end: int) -> bool:
        """Whether what follows the text may change the words at `place`, where a match up to `end` is."""
        self._cover(place)
        wanted = self._rules.settings.after + 1
        counting = self._right(self._index(place), place, wanted)
        if len(counting) == wanted:
            return not self._complete(max(end, self._ends[counting[-1]]))
        limit = place + FURTHEST
        return len(self._text) < limit or not self._complete(max(end, limit))

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
