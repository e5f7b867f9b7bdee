"""The class of a word, a letter, by `_injection_words`: as it is written, with digits for letters, with its
inner letters in disorder, in pieces, turned around, or by its beginning."""

from __future__ import annotations

import re

from sentinel.detectors._injection_words import (
    OTHER,
    QUOTE,
    SIGNED,
    STEMS,
    STOP,
    TURNED,
    WORDS,
    plain,
)

_LEET = tuple(str.maketrans("0134578@$", f"o{one}eastbas") for one in "il")  # 1 stands for both
_HAS_LEET = re.compile(r"[a-z][0134578@$]|[0134578@$][a-z]")
_MIXED = re.compile(r"[a-z][013457$@]+[a-z]|^[013457][a-z]{3}")
_SHORTEST_SCRAMBLED = 6
_ARABIC_ARTICLE = re.compile(r"^[وفبلك]?(?:ال|لل)?(?=\w{2})")


def _shape(word: str) -> str:
    return f"{word[0]}{''.join(sorted(word[1:-1]))}{word[-1]}"


# A word with its inner letters in disorder still reads as itself; so do attacks. Only the words that no other
# English word is a scrambling of, so long ones.
_SCRAMBLED = {
    _shape(word): letter
    for word, letter in WORDS.items()
    if len(word) >= _SHORTEST_SCRAMBLED and letter in "VOBPSR" and word.isalpha()
}
# What most words lack that are none of these, or begin with no stem: looked up first, for that is quicker.
_ENDS = {(word[0], word[-1], len(word)) for word in _SCRAMBLED}
_SHORTEST_STEM, _LONGEST_STEM = min(map(len, STEMS)), max(map(len, STEMS))
_BEGINNINGS = {stem[:_SHORTEST_STEM] for stem in STEMS}


def classify(token: str) -> str:
    """The class letter of one token."""
    first = token[0]
    if first in ".!?;\n…":
        return STOP
    if first in '"“”«»„`「」『』':
        return QUOTE
    word = plain(token)
    letter = WORDS.get(word)
    if letter is not None:
        return letter
    if not word.isalpha() and _HAS_LEET.search(word):
        letter = WORDS.get(word.translate(_LEET[0])) or WORDS.get(word.translate(_LEET[1]))
    if letter is None and len(word) >= _SHORTEST_SCRAMBLED and (word[0], word[-1], len(word)) in _ENDS:
        letter = _SCRAMBLED.get(_shape(word))
    if letter is None and ("." in word or "-" in word):
        letter = WORDS.get(word.replace(".", "").replace("-", ""))
    letter = letter or TURNED.get(word) or _stem(word)
    return letter or (SIGNED if not word.isalpha() and _MIXED.search(word) else OTHER)


def _stem(word: str) -> str | None:
    """The class of a word by its beginning, without the small words that Arabic writes in front."""
    if not word.isascii():
        word = _ARABIC_ARTICLE.sub("", word)
        if word in WORDS:
            return WORDS[word]
    if word[:_SHORTEST_STEM] not in _BEGINNINGS:
        return None
    ends = range(min(len(word), _LONGEST_STEM), _SHORTEST_STEM - 1, -1)
    return next((STEMS[word[:end]] for end in ends if word[:end] in STEMS), None)
