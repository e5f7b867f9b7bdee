"""One byte for each character, so that Hyperscan's offsets are the text's offsets and its work does not
depend on the script: ASCII stands for itself, any other character for the class it belongs to.

What is found in the skeleton is only a candidate; the recognizer's own expression then reads the real text.
So a stand-in may let too much through and never too little: `_candidates` builds its expressions for the
skeleton's alphabet with that in mind.
"""

from __future__ import annotations

import re
from collections.abc import Callable

WORD, DIGIT, SPACE, OTHER = "q", "0", " ", "\x01"
STAND_INS = frozenset((WORD, DIGIT, SPACE, OTHER))

# The only characters beyond ASCII that match an ASCII letter under the package `regex`'s IGNORECASE.
FOLDS_TO_ASCII = {"\u0130": "i", "\u017f": "s", "\u212a": "k"}

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")


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


# The quick way for most texts that are not ASCII: nothing beyond Latin-1 but these.
TYPOGRAPHY = "‘’“”…•\u2013\u2014"


def latin(text: str) -> bytes | None:
    """Latin-1, with OTHER for typography; None where the text has other characters."""
    for char in TYPOGRAPHY:
        text = text.replace(char, OTHER)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


class _StandIns(dict[int, str]):
    """Filled as characters turn up; at most one entry per code point."""

    def __init__(self, of: Callable[[str], str]) -> None:
        self._of = of

    def __missing__(self, code: int) -> str:
        stand_in = self[code] = self._of(chr(code))
        return stand_in


class Skeletons:
    """Skeletons by what stands for a character beyond ASCII."""

    def __init__(self, stand_in: Callable[[str], str]) -> None:
        beyond = "".join(stand_in(chr(code)) for code in range(128, 256))
        self._latin = bytes(range(128)) + beyond.encode("ascii")
        self._table = _StandIns(stand_in)

    def of(self, text: str) -> bytes:
        """As many bytes as `text` has characters."""
        if text.isascii():
            return text.encode("ascii")
        usual = latin(text)
        if usual is not None:
            return usual.translate(self._latin)
        return _NON_ASCII.sub(self._replace, text).encode("ascii")

    def _replace(self, match: re.Match[str]) -> str:
        return match.group().translate(self._table)


skeleton = Skeletons(stand_in_of).of
