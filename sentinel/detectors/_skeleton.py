"""One byte for each character, so that Hyperscan's offsets are the text's offsets and its work does not
depend on the script: ASCII stands for itself, any other character for the class it belongs to.

What is found in the skeleton is only a candidate; the recognizer's own expression then reads the real text.
So a stand-in may let too much through and never too little: `_candidates` builds its expressions for the
skeleton's alphabet with that in mind.
"""

from __future__ import annotations

import re

WORD, DIGIT, SPACE, OTHER = "q", "0", " ", "\x01"
STAND_INS = frozenset((WORD, DIGIT, SPACE, OTHER))

# The only characters beyond ASCII that match an ASCII letter under the package `regex`'s IGNORECASE.
FOLDS_TO_ASCII = {"\u0130": "i", "\u017f": "s", "\u212a": "k"}

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")


class _StandIns(dict[int, str]):
    """Filled as characters turn up; at most one entry per code point."""

    def __missing__(self, code: int) -> str:
        stand_in = self[code] = stand_in_of(chr(code))
        return stand_in


def stand_in_of(char: str) -> str:
    """The skeleton's character for `char`: how `\\w`, `\\d` and `\\s` of the package `regex` see it."""
    import regex

    if char.isascii():
        return char
    if char in FOLDS_TO_ASCII:
        return FOLDS_TO_ASCII[char]
    for shape, stand_in in ((r"\d", DIGIT), (r"\w", WORD), (r"\s", SPACE)):
        if regex.match(shape, char):
            return stand_in
    return OTHER


_TABLE = _StandIns()


def _replace(match: re.Match[str]) -> str:
    return match.group().translate(_TABLE)


# The quick way for most texts that are not ASCII: nothing beyond Latin-1 but these.
TYPOGRAPHY = "‘’“”…•\u2013\u2014"
_SHAPES = bytes(range(128)) + "".join(stand_in_of(chr(code)) for code in range(128, 256)).encode("ascii")


def latin(text: str) -> bytes | None:
    """Latin-1, with OTHER for typography; None where the text has other characters."""
    for char in TYPOGRAPHY:
        text = text.replace(char, OTHER)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def skeleton(text: str) -> bytes:
    """As many bytes as `text` has characters."""
    if text.isascii():
        return text.encode("ascii")
    usual = latin(text)
    if usual is not None:
        return usual.translate(_SHAPES)
    return _NON_ASCII.sub(_replace, text).encode("ascii")
