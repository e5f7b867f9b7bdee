"""Words of a text and what the name model sees of each: shared by the detector and its training.

A word's features do not depend on its place, so the detector keeps what the first layer makes of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from zlib import crc32

import regex

# Web and e-mail addresses and @mentions are one word each, so that no name is found within one.
WORDS = regex.compile(
    r"(?:https?://|www\.)\S+"
    r"|[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"
    r"|[@#]\w+"
    r"|(?:\p{L}\.){2,}"
    r"|['’]s\b"
    r"|[\p{L}\p{M}\p{N}]+(?:['’](?!s\b)[\p{L}\p{M}]+)*"
    r"|\n|[^\s\w]|_+"
)
ROWS = (
    8192,
    2048,
    4096,
    512,
)  # of the hash tables: the word, its first three letters, its last three, its shape
PIECES = 6  # of a word that the vocabulary does not hold as a whole
_LONGEST = 40
_UNCASED = str.maketrans("ı’", "i'")


def plain(word: str) -> str:
    """Lower case without accents, as the vocabulary has its words."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFD", word.lower().translate(_UNCASED))
    return "".join(part for part in parts if not unicodedata.combining(part))


def kind_of(word: str) -> str:
    """What stands for a word of which no letter says anything, else an empty string."""
    if len(word) == 1 or ("@" not in word and not word.startswith(("http", "www."))):
        return ""
    if word[0] == "@":
        return "<mention>"
    if "://" in word or word.startswith("www."):
        return "<url>"
    return "<mail>" if "@" in word else ""


def shape(word: str) -> str:
    """`Jane` is `Xxxx`, `McKay-2` is `XxXxx-d`: at most three of a kind in a row."""
    if word.isalpha():  # most are, and a miss of the kept ones should not cost much
        if word.islower():
            return "xxx"[: len(word)]
        if word[0].isupper() and word[1:].islower():
            return "Xxxx"[: len(word)]
    made: list[str] = []
    for char in word[:_LONGEST]:
        if char.isalpha():
            mark = "X" if char.isupper() else "x"
        else:
            mark = "d" if char.isdigit() else char
        if made[-3:] != [mark] * 3:
            made.append(mark)
    return "".join(made)


def hashes(word: str) -> tuple[int, int, int, int]:
    """The word's rows in the four hash tables."""
    kind = kind_of(word)
    if kind:
        return tuple(crc32(f"{i}{kind}".encode()) % rows for i, rows in enumerate(ROWS))  # type: ignore[return-value]
    low = plain(word[:_LONGEST])
    features = (low, low[:3], low[-3:], shape(word))
    made = [crc32(f"{i}{feature}".encode()) % ROWS[i] for i, feature in enumerate(features)]
    return made[0], made[1], made[2], made[3]


def pieces(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    """The word's rows in the vocabulary: itself, or the longest pieces that it is made of (WordPiece)."""
    if kind_of(word):
        return []
    low = plain(word[:_LONGEST]).lstrip("#")
    whole = vocabulary.get(low)
    if whole is not None:
        return [whole]
    made: list[int] = []
    start = 0
    while start < len(low) and len(made) < PIECES:
        for end in range(len(low), start, -1):
            row = vocabulary.get(("##" if start else "") + low[start:end])
            if row is not None:
                made.append(row)
                start = end
                break
        else:
            start += 1
    return made
