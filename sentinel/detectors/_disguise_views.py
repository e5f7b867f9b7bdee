"""A text as it reads without what somebody wrote to hide values in it. Each view knows where its characters
stood in the text before, and is None where there is nothing to take off.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import unquote

import msgspec

from sentinel.detectors._disguise_hints import BASE32, BASE64, HEX
from sentinel.detectors._normalise import undisguised

LONGEST = 8192  # characters of one encoded stretch
STRETCHES = 256  # encoded stretches of one text


class View(msgspec.Struct, frozen=True):
    """`origin[i]` is where character i stood, `ends[i]` where that ended."""

    text: str
    origin: Sequence[int]
    ends: Sequence[int]
    how: str = ""

    def place(self, start: int, end: int) -> tuple[int, int]:
        return self.origin[start], self.ends[end - 1]

    def over(self, before: View) -> View:
        """This view, made of another, with the places of that one's text."""
        origin = [before.origin[at] for at in self.origin]
        ends = [before.ends[at - 1] for at in self.ends]
        return View(self.text, origin, ends, ", ".join(filter(None, (before.how, self.how))))


def same(text: str) -> View:
    return View(text, range(len(text)), range(1, len(text) + 1))


def rewritten(text: str, edits: Iterable[tuple[int, int, str]], how: str) -> View | None:
    """The text with stretches replaced; `edits` ascend. All of a replacement stands for all of its
    stretch."""
    parts: list[str] = []
    origin: list[int] = []
    ends: list[int] = []
    done = 0
    for start, end, new in edits:
        parts += (text[done:start], new)
        origin += (*range(done, start), *[start] * len(new))
        ends += (*range(done + 1, start + 1), *[end] * len(new))
        done = end
    if not parts:
        return None
    parts.append(text[done:])
    origin += range(done, len(text))
    ends += range(done + 1, len(text) + 1)
    return View("".join(parts), origin, ends, how)


# Escapes: `%40`, `&#64;`, `&commat;`, `\u0040`, `\x40`

_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,12});")
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")


def _percent(match: re.Match[str]) -> str:
    return unquote(match.group(), errors="replace")


def _entity(match: re.Match[str]) -> str:
    return html.unescape(match.group())


def _escape(match: re.Match[str]) -> str:
    code = int(match[1] or match[2] or match[3], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else match.group()


_ESCAPES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str], str], ...] = (
    ("%", _PERCENT, _percent, "percent-encoded"),
    ("&", _ENTITY, _entity, "as character references"),
    ("\\", _ESCAPE, _escape, "as escape sequences"),
)


def unescaped(text: str) -> View | None:
    """Without one layer of escapes."""
    for mark, expression, plain, how in _ESCAPES:
        if mark in text:
            edits = [(m.start(), m.end(), plain(m)) for m in expression.finditer(text)]
            edits = [edit for edit in edits if edit[2] != text[edit[0] : edit[1]]]
            if edits:
                return rewritten(text, edits, how)
    return None


# What kind of character stands where, in ASCII: most texts are seen at once to hold no disguise

_KINDS = (
    b"".join(
        b"a" if char.islower() else b"A" if char.isupper() else b"0" if char.isdecimal() else b" "
        for char in map(chr, range(128))
    )
    + b" " * 128
)


def kinds_of(text: str) -> bytes:
    """`a` for a lower-case letter, `A` for a capital, `0` for a digit, a space for anything else."""
    return text.encode("ascii", "replace").translate(_KINDS)


# Written out: `j a n e @ e x a m p l e`, `four one one one`

_MARKS = r"[\s.\-_*|/,:·•‧∙⋅~+]"
_ALONE = (
    rf"(?<![^\W_])[^\W_](?:{_MARKS}{{0,3}}@{_MARKS}{{0,3}}[^\W_](?![^\W_])|{_MARKS}{{1,5}}[^\W_](?![^\W_]))"
)
_LETTERS = re.compile(f"{_ALONE[:-1]}){{1,999}}")
_MANY_LETTERS = re.compile(f"{_ALONE[:-1]}){{5}}")
_PIECE = re.compile(r"[^\W_]|[\W_]+")


def _closed(run: str) -> str:
    """Single characters without the gaps between them. A mark other than the usual gap belongs to what was
    spelled: `a - b - . - c` keeps its point."""
    pieces = _PIECE.findall(run)
    gaps = [piece for piece in pieces[1::2] if "@" not in piece]
    usual = max(set(gaps), key=gaps.count) if gaps else ""
    made = []
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            made.append(piece)
        elif "@" in piece:
            made.append("@")
        elif piece != usual:
            inner = piece.removeprefix(usual).removesuffix(usual)
            made.append("".join(char for char in inner if char in "_-.+"))
    return "".join(made)


def closed_up(text: str) -> View | None:
    """Without the gaps in words that are written letter by letter."""
    if not _MANY_LETTERS.search(text):
        return None
    return rewritten(
        text, ((m.start(), m.end(), _closed(m.group())) for m in _LETTERS.finditer(text)), "spaced out"
    )


_UNITS = {
    word: str(number)
    for number, words in enumerate((
        "zero oh null nul cero zéro zéró", "one eins uno un une", "two zwei zwo dos deux",
        "three drei tres trois", "four vier cuatro quatre", "five fünf fuenf cinco cinq", "six sechs seis",
        "seven sieben siete sept", "eight acht ocho huit", "nine neun nueve neuf niner",
    ))
    for word in words.split()
}  # fmt: skip
_TEENS = {
    word: str(number)
    for number, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(), 10
    )
}
_TENS = {
    word: str(number)
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_NUMBER = "|".join(sorted((*_UNITS, *_TEENS, *_TENS, *_TIMES), key=len, reverse=True))
_BETWEEN = r"[\s,.\-–—_/|]{0,4}(?:(?:dash|hyphen|space|minus)\b[\s,.\-]{0,3})?"
_SPELLED = re.compile(rf"\b(?:{_NUMBER})\b(?:{_BETWEEN}(?:(?:{_NUMBER})\b|\d))+", re.IGNORECASE)
_SPELLED_TOKEN = re.compile(rf"\d+|(?:{_NUMBER})\b|[^\W\d]+|[-–—]", re.IGNORECASE)
_DASHES = frozenset(("dash", "hyphen", "minus", "-", "–", "—"))
DIGIT_WORDS = frozenset((*_UNITS, *_TEENS, *_TENS, *_TIMES))
_NUMBERS = frozenset(word.encode() for word in DIGIT_WORDS)
_ENOUGH, _NEAR = 3, 6  # so many words for digits among so many words, or no number is spelled out
_APART = bytes.maketrans(b",.-_/|:;()[]\"'", b" " * 14)


def _digits(run: str) -> str:
    """The digits one by one, so that their groups stay to be seen."""
    made: list[str] = []
    times, tens = 1, ""
    for token in _SPELLED_TOKEN.findall(run.lower()):
        digits = token if token.isdecimal() else _UNITS.get(token) or _TEENS.get(token) or ""
        if tens and token not in _DASHES:
            joins = len(digits) == 1 and digits != "0"
            made += tens if joins else f"{tens}0"
            tens = ""
        if token in _TENS:
            tens = _TENS[token]
        elif token in _TIMES:
            times = _TIMES[token]
        elif digits:
            made += digits * times
            times = 1
        elif token in _DASHES and not tens and made[-1:] != ["-"]:
            made.append("-")
    made += f"{tens}0" if tens else ""
    return " ".join(made)


def spelled(text: str) -> View | None:
    """With digits for the words that name them."""
    words = text.lower().encode("utf-8", "surrogatepass").translate(_APART).split()
    if _NUMBERS.isdisjoint(words):
        return None
    at = [place for place, word in enumerate(words) if word in _NUMBERS]
    if not any(b - a < _NEAR for a, b in zip(at, at[_ENOUGH - 1 :], strict=False)):
        return None
    return rewritten(
        text, ((m.start(), m.end(), _digits(m.group())) for m in _SPELLED.finditer(text)), "spelled out"
    )


# Encoded stretches: what they say has no places of its own

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}(?:\r?\n[A-Za-z0-9+/_-]{8,})*={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ :,\-]{0,2}){6,}(?![0-9A-Za-z])")
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{16,}={0,6}(?![A-Za-z0-9])")
_NOT_HEX = re.compile(r"0x|\\x|[^0-9A-Fa-f]")


def _readable(data: bytes) -> str:
    """The bytes as text, where nearly all of it that can be seen is printable."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    seen = undisguised(text)
    printable = seen.isprintable() or sum(map(str.isprintable, seen)) >= 0.9 * len(seen)
    return text if seen and printable else ""


def _from_base64(stretch: str) -> str:
    bare = re.sub(r"\s", "", stretch).rstrip("=").translate(str.maketrans("-_", "+/"))
    if len(bare) % 4 == 1:
        return ""
    return _readable(base64.b64decode(bare + "=" * (-len(bare) % 4)))


def _from_hex(stretch: str) -> str:
    digits = _NOT_HEX.sub("", stretch)
    return _readable(bytes.fromhex(digits)) if len(digits) % 2 == 0 else ""


def _from_base32(stretch: str) -> str:
    bare = stretch.rstrip("=")
    try:
        return _readable(base64.b32decode(bare + "=" * (-len(bare) % 8)))
    except binascii.Error:
        return ""


def _worth(stretch: str) -> bool:
    """Whether it is not simply a word: encoded text mixes cases or holds digits."""
    return not (stretch.islower() or stretch.istitle() or stretch.isupper() or stretch.isdecimal())


# Every long stretch of base64 has one of these, and hardly any word: letters by their case, digits.
_TURNS = (b"aA", b"a0", b"0a", b"0A", b"AAa")
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_FEWEST_PAIRS = 6  # of what is read as hexadecimal: the first half of each is a digit, for what can be read


def _base64_stretches(text: str, kinds: bytes) -> Iterator[re.Match[str]]:
    """Where base64 may stand. Words are not looked at: they are most of a text."""
    hints: list[int] = []
    for turn in _TURNS:
        at = kinds.find(turn)
        while at >= 0:
            hints.append(at)
            at = kinds.find(turn, at + 1)
    end = 0
    for hint in sorted(hints):
        if hint < end:
            continue
        start = hint
        while start > end and text[start - 1] in _ALPHABET:
            start -= 1
        match = _BASE64.match(text, start)
        if match is not None:
            end = match.end()
            yield match


def _encodings(text: str, hints: int) -> Iterator[tuple[re.Match[str], Callable[[str], str], str]]:
    kinds = kinds_of(text)
    if hints & BASE64:
        for match in _base64_stretches(text, kinds):
            yield match, _from_base64, "in base64"
    if hints & HEX and kinds.count(b"0") >= _FEWEST_PAIRS:
        for match in _HEX.finditer(text):
            yield match, _from_hex, "in hexadecimal"
    if hints & BASE32:
        for match in _BASE32.finditer(text):
            yield match, _from_base32, "in base32"


def encoded(text: str, hints: int) -> Iterator[View]:
    """What each stretch that is encoded as the hints tell says, as views in which every place is the whole
    stretch."""
    budget = STRETCHES
    for match, decode, how in _encodings(text, hints):
        for start, stretch in _stretches(match):
            if len(stretch) > LONGEST or (decode is _from_base64 and not _worth(stretch)):
                continue
            said = decode(stretch)
            if len(said) < 6:
                continue
            if not budget:
                return
            budget -= 1
            end = start + len(stretch)
            yield View(said, [start] * len(said), [end] * len(said), how)


def _stretches(match: re.Match[str]) -> Iterator[tuple[int, str]]:
    """All that matched, and where that is several lines, each of them."""
    at = match.start()
    yield at, match.group()
    if "\n" not in match.group():
        return
    for line in match.group().splitlines(keepends=True):
        yield at, line.rstrip("\r\n")
        at += len(line)
