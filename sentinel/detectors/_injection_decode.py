"""Encoded stretches of a text, decoded: base64, hexadecimal, percent and escape sequences, reversed and
spaced-out writing, Morse code. What they say is judged, for encoding alone is no attack. How a whole text may
be disguised is in `_injection_disguise`.

At most `STRETCHES` stretches of at most `LONGEST` characters are decoded, `DEPTH` layers deep; each step is
linear and never grows the text.
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from collections.abc import Callable, Iterator

import msgspec

from sentinel.detectors._injection_signs import (
    ALL,
    APART,
    BINARY,
    DOTTED,
    ESCAPED,
    LONG,
    NUMBERS,
    PAIRS,
    UNBROKEN,
)
from sentinel.detectors._injection_words import TELLING

STRETCHES = 12
LONGEST = 8000
DEPTH = 3
_LEAST_READABLE = 0.85


class Decoded(msgspec.Struct, frozen=True):
    """What the text at `start:end` says in clear, and how it was written. `sure`: it can be nothing else."""

    start: int
    end: int
    text: str
    how: str
    sure: bool = False


def _bytes(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    readable = sum(char.isalpha() or char in " .,:;!?'\"-_\n" for char in text)
    return text if len(text) >= 6 and readable >= _LEAST_READABLE * len(text) else ""


def _base64(stretch: str) -> str:
    body = re.sub(r"\s", "", stretch).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _bytes(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _base32(stretch: str) -> str:
    try:
        return _bytes(base64.b32decode(stretch + "=" * (-len(stretch) % 8)))
    except (binascii.Error, ValueError):
        return ""


def _hex(stretch: str) -> str:
    digits = re.sub(r"0x|\\x|[^0-9a-fA-F]", "", stretch)
    return _bytes(bytes.fromhex(digits[: len(digits) & ~1]))


def _percent(stretch: str) -> str:
    return urllib.parse.unquote(stretch, errors="ignore").replace("+", " ")


def _escapes(stretch: str) -> str:
    codes = re.findall(r"\\u\{?([0-9a-fA-F]{4})|&#x([0-9a-fA-F]{2,5});|&#([0-9]{2,6});", stretch)
    return _chars(int(a or b or c, 10 if c else 16) for a, b, c in codes)


def _chars(codes: Iterator[int]) -> str:
    return "".join(chr(code) for code in codes if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000)


def _binary(stretch: str) -> str:
    digits = re.sub(r"\s", "", stretch)
    return _bytes(bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits) - 7, 8)))


def _decimal(stretch: str) -> str:
    codes = [int(code) for code in re.findall(r"\d+", stretch)]
    return _bytes(bytes(codes)) if max(codes) < 256 else ""


_MORSE = dict(
    zip(
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- "
        "-..- -.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----.".split(),
        "abcdefghijklmnopqrstuvwxyz0123456789",
        strict=True,
    )
)


def _morse(stretch: str) -> str:
    words = re.split(r"\s*/\s*|\s{2,}", stretch.replace("·", ".").replace("−", "-").strip())
    return " ".join("".join(_MORSE.get(code, "") for code in word.split()) for word in words)


_SPACED_GAPS = re.compile(r"(?<=\w)[ \n.\-_*|·](?=\w)")
# Words that tell an attack, and those that stand between them, in a run of letters whose gaps are lost.
_IN_RUN = re.compile("|".join(sorted({*TELLING, "all", "your", "the", "and"}, key=lambda w: (-len(w), w))))
_LONGEST_WORD = 24


def _spaced(stretch: str) -> str:
    """`i g n o r e   a l l`: single gaps close, wider ones stay."""
    said = re.sub(r"\s{2,}", " ", _SPACED_GAPS.sub("", stretch))
    if any(len(word) > _LONGEST_WORD for word in said.split()):
        said = re.sub(r" {2,}", " ", _IN_RUN.sub(r" \g<0> ", said.lower())).strip()
    return said


class _Scheme(msgspec.Struct, frozen=True):
    """`sign` is a part of every match, and sought quickly where it begins with a class of characters: a text
    has seldom more than one scheme. It is in no text without `needs`, one of `_injection_signs`; if that is
    LONG, it is found among `UNBROKEN` characters without a blank."""

    how: str
    expression: re.Pattern[str]
    decode: Callable[[str], str]
    sign: re.Pattern[str]
    needs: int


def _scheme(how: str, needs: int, sign: str, expression: str, decode: Callable[[str], str]) -> _Scheme:
    return _Scheme(how, re.compile(expression), decode, re.compile(sign), needs)


# Ordered: the first that decodes a stretch has it.
_SCHEMES = (
    _scheme("in binary", BINARY, r"[01][01]{7}\s?[01]{8}", r"\b[01]{8}(?:\s?[01]{8}){5,999}\b", _binary),
    _scheme("in hexadecimal", ESCAPED, r"\\x", r"(?:\\x[0-9a-fA-F]{2}){6,2000}", _hex),
    _scheme(
        "in hexadecimal",
        PAIRS,
        r"[ ,:](?:0x)?[0-9a-fA-F]{2}[ ,:](?:0x)?[0-9a-fA-F]{2}[ ,:]",
        r"\b(?:0x)?[0-9a-fA-F]{2}(?:[ ,:](?:0x)?[0-9a-fA-F]{2}){7,2000}\b",
        _hex,
    ),
    _scheme("in hexadecimal", LONG, r"[0-9a-fA-F][0-9a-fA-F]{23}", r"\b(?:0x)?[0-9a-fA-F]{24,4000}\b", _hex),
    _scheme(
        "as character codes",
        NUMBERS,
        r"[ ,]\d{2,3}[ ,]{1,2}\d{2,3}[ ,]",
        r"\b\d{2,3}(?:[ ,]{1,2}\d{2,3}){9,1000}\b",
        _decimal,
    ),
    _scheme(
        "as escape sequences",
        ESCAPED,
        r"\\u|&#",
        r"(?:(?:\\u\{?[0-9a-fA-F]{4}\}?|&#x?[0-9a-fA-F]{2,6};) ?){6,1000}",
        _escapes,
    ),
    _scheme(
        "percent-encoded", ESCAPED, r"%", r"(?:[\w.+-]{0,20}%[0-9a-fA-F]{2}){3,400}[\w.+-]{0,40}", _percent
    ),
    _scheme("in base32", LONG, r"[A-Z2-7][A-Z2-7]{23}", r"\b[A-Z2-7]{24,4000}={0,6}", _base32),
    _scheme(
        "in base64", LONG, r"[A-Za-z0-9+/_-][A-Za-z0-9+/_-]{15}", r"[A-Za-z0-9+/_-]{16,8000}={0,2}", _base64
    ),
    _scheme(
        "in Morse code",
        DOTTED,
        r"[.\-·−][ /|]{1,3}[.\-·−]{1,5}[ /|]",
        r"(?<![\w.\-])[.\-·−]{1,5}(?:[ /|]{1,3}[.\-·−]{1,5}){7,1000}",
        _morse,
    ),
    _scheme(
        "spaced out",
        APART,
        r"[ \n.\-_*|·]\w[ \n.\-_*|·]\w[ \n.\-_*|·]\w[ \n.\-_*|·]\w",
        r"(?<!\w)\w(?:[ \n.\-_*|·]\w){4,}(?:[ \n]{2,4}\w(?:[ \n.\-_*|·]\w){0,30}){0,60}(?!\w)",
        _spaced,
    ),
)


def decoded(text: str, signs: int = ALL, depth: int = DEPTH) -> Iterator[Decoded]:
    """What the encoded stretches say, outer layers first. Offsets are those of the outermost stretch."""
    budget = STRETCHES
    unbroken = " ".join(chunk for chunk in text.split() if len(chunk) >= UNBROKEN) if signs & LONG else ""
    for scheme in _SCHEMES:
        if not signs & scheme.needs or not scheme.sign.search(unbroken if scheme.needs == LONG else text):
            continue
        for match in scheme.expression.finditer(text):
            if budget == 0:
                return
            stretch = match.group()[:LONGEST]
            said = scheme.decode(stretch)
            if len(said) < 6 or said == stretch:
                continue
            budget -= 1
            yield Decoded(match.start(), match.end(), said, scheme.how, True)
            if depth > 1:
                for inner in decoded(said, depth=depth - 1):
                    how = f"{scheme.how}, {inner.how}"
                    yield Decoded(match.start(), match.end(), inner.text, how, True)
