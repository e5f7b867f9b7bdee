"""The text as it reads: without the disguises that Unicode offers.

- compatibility forms (full-width, circled, mathematical letters and digits, ligatures) by NFKC, per character
- digits of any script as ASCII digits
- zero-width, bidirectional and other format characters taken out, and what else is drawn as nothing or over
  the letter before it (combining marks, variation selectors, fillers)
- letters of other scripts that look like Latin ones, where Latin letters, digits or `@` stand in the same
  word (a word all in Cyrillic stays: its letters disguise nothing); a word ends at white space and at
  characters of the scripts that are written without it, so that one Greek letter in a Chinese text does not
  leave all of it open
- dashes and quotes as ASCII ones; those of ordinary typography only where a dash touches a digit

The normalised form only ever adds findings, so it may be bold. What becomes of a character depends on its
word and the characters beside it, so that a text can be normalised while it arrives.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import regex

from sentinel.detectors._skeleton import TYPOGRAPHY, latin

_LOOK_ALIKE = dict(
    zip(
        "аеорсухіјѕһԁкмтвнпАВЕКМНОРСТХІЈЅУαορντικυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeopcyxijshdkmtbhnABEKMHOPCTXIJSYaopvtikuxABEZHIKMNOPTYX",
        strict=True,
    )
)
_DASHES_AND_QUOTES = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
    **dict.fromkeys("\u2024\u3002\uff61", "."),
}
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
# White space as `str.isspace` sees it, Han, kana and Hangul; not their punctuation and full-width forms.
_BETWEEN = r"\s\x1c-\x1f\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(f"[^{_BETWEEN}]+")
_LAST_BETWEEN = regex.compile(f"(?r)[{_BETWEEN}]")
_LATIN = re.compile(r"[A-Za-z0-9@]")
_ALIKE = frozenset(_LOOK_ALIKE)
# Beside the format characters: Unicode's Default_Ignorable_Code_Point, and marks that stand on any letter.
_UNSEEN = re.compile(
    "[\u0300-\u036f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3164"
    "\ufe00-\ufe0f\ufe20-\ufe2f\uffa0\U000e0000-\U000e0fff]"
)
_NEAR = 64  # what looks to the left of a place looks at no more of its word, look-alikes excepted
_FEW = 8  # characters that are replaced one after the other
_HAS_LOOK_ALIKE = re.compile("[" + "".join(_LOOK_ALIKE) + "]")


class Normalised(msgspec.Struct, frozen=True):
    """`origin[i]` is the place in the original text of character i; one more entry for the end."""

    text: str
    origin: Sequence[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where the original has what stands at `start:end`."""
        return self.origin[start], self.origin[end - 1] + 1


class _Replacements(dict[str, str]):
    """Filled as characters turn up; at most one entry per code point."""

    def __missing__(self, char: str) -> str:
        replacement = self[char] = _replacement(char)
        return replacement


def _replacement(char: str) -> str:
    if char in _DASHES_AND_QUOTES:
        return _DASHES_AND_QUOTES[char]
    category = unicodedata.category(char)
    if category == "Cf" or _UNSEEN.match(char):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return unicodedata.normalize("NFKC", char)


_TABLE = _Replacements()
_DASH_AT_DIGIT = re.compile(r"[\u2013\u2014](?:(?=\d)|(?<=\d.))")


def unusual(text: str) -> bool:
    """Whether the text, or one that it goes on with, may have a normalised form of its own."""
    return not text.isascii() and ("\u2013" in text or "\u2014" in text or bool(_suspects(text)))


def has_look_alike(text: str) -> bool:
    """Whether letters stand in the text that another part of their word may tell to be disguises."""
    return not text.isascii() and _HAS_LOOK_ALIKE.search(text) is not None


def word_start(text: str, place: int) -> int:
    """Where the word begins that `place` stands in or behind."""
    last = _LAST_BETWEEN.search(text, 0, place)
    return last.end() if last is not None else 0


def context_start(text: str, place: int) -> int:
    """From where on a text has to be read so that what stands behind `place` becomes what it does in the
    whole."""
    near = max(0, place - _NEAR)
    if has_look_alike(text[near:]):
        return word_start(text, place)
    last = _LAST_BETWEEN.search(text, near, place)
    return last.end() if last is not None else near


def undisguised(text: str) -> str:
    """The text as if each of its characters were known to be a disguise."""
    if text.isascii():
        return text
    return "".join(_LOOK_ALIKE.get(char) or _TABLE[char] for char in text)


def _matters(char: str) -> bool:
    """Whether the character may be a disguise; typography is none."""
    return char in _LOOK_ALIKE or (char not in TYPOGRAPHY and _TABLE[char] != char)


_SUSPECTS = bytes(0x80 if _matters(chr(code)) else 0 for code in range(256))  # of Latin-1


def _suspects(text: str) -> set[str]:
    """The characters that may be disguises."""
    usual = latin(text)
    if usual is not None and usual.translate(_SUSPECTS).isascii():
        return set()
    return {char for char in set(text) if char > "\x7f" and _matters(char)}


def normalised(text: str) -> Normalised | None:
    """The normalised form, or None when it is the text itself."""
    if text.isascii():
        return None
    dashes: Iterable[int] = ()
    if "\u2013" in text or "\u2014" in text:
        dashes = [match.start() for match in _DASH_AT_DIGIT.finditer(text)]
    suspects = _suspects(text)
    if not suspects and not dashes:
        return None
    changed = dict.fromkeys(dashes, "-")
    if not _ALIKE.isdisjoint(suspects):
        changed |= _disguised_letters(text)
    new = {char: _TABLE[char] for char in suspects if _TABLE[char] != char}
    if not new and not changed:
        return None
    if len(new) > _FEW or not all(len(plain) == 1 and plain not in new for plain in new.values()):
        return _rewritten(text, changed)
    made = text
    for char, plain in new.items():
        made = made.replace(char, plain)
    if changed:
        chars = list(made)
        for place, plain in changed.items():
            chars[place] = plain
        made = "".join(chars)
    return Normalised(made, range(len(text) + 1))


def _rewritten(text: str, changed: Mapping[int, str]) -> Normalised:
    """Character by character, for what changes length. `changed`: what becomes of some places."""
    parts: list[str] = []
    origin: list[int] = []
    done = 0
    for run in _NON_ASCII.finditer(text):
        parts.append(text[done : run.start()])
        origin.extend(range(done, run.start()))
        for place in range(run.start(), run.end()):
            char = text[place]
            new = changed.get(place) or (char if char in TYPOGRAPHY else _TABLE[char])
            parts.append(new)
            origin.extend([place] * len(new))
        done = run.end()
    parts.append(text[done:])
    origin.extend(range(done, len(text) + 1))
    return Normalised("".join(parts), origin)


def _disguised_letters(text: str) -> dict[int, str]:
    return {
        word.start() + place: _LOOK_ALIKE[char]
        for word in _WORD.finditer(text)
        if has_look_alike(word.group()) and _LATIN.search(unicodedata.normalize("NFKC", word.group()))
        for place, char in enumerate(word.group())
        if char in _LOOK_ALIKE
    }
