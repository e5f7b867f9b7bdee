"""E-mail addresses, card numbers, IBANs and US social security numbers, however they are set apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import regex

from sentinel.detectors import _checksums as check
from sentinel.detectors._disguise_hints import ACCOUNT, ADDRESS, NUMBER
from sentinel.detectors._recognizers import Recognizer
from sentinel.detectors._validators import email, iban, us_ssn

Value = tuple[int, int, str, float]  # start, end, type, score

_SURE_AT = r"(?:\s{0,3}@\s{0,3}|\s{0,3}[\[({<]\s{0,2}(?:at|@|arroba)\s{0,2}[\])}>]\s{0,3})"
_AT = rf"(?:{_SURE_AT}|\s{{1,3}}(?:at|arroba)\s{{1,3}}|[_\-]at[_\-])"
_SURE_DOT = (
    r"(?:\s{0,3}[\[({<]\s{0,2}(?:dot|\.|punto|punkt)\s{0,2}[\])}>]\s{0,3}"
    r"|\s{1,3}(?:dot|punto|punkt)\s{1,3}|[_\-]dot[_\-])"
)
_DOT = rf"(?:{_SURE_DOT}|\s{{0,2}}\.\s{{0,2}})"
_SIGN_WORD = r"\s{1,3}(?:plus|underscore|dash|hyphen|minus)\s{1,3}"
_HOST = regex.compile(
    rf"(?P<at>{_AT})(?P<domain>\w[\w\-]{{0,62}}?(?:{_DOT}\w[\w\-]{{0,62}}?){{0,4}}{_DOT}\w[\w\-]{{0,62}})",
    regex.I,
)
_USER = regex.compile(
    rf"(?r)(?<![\w@])[\w.+%\-]{{1,64}}(?:(?:{_SURE_DOT}|{_SIGN_WORD}|\s{{1,2}}\.\s{{1,2}})[\w.+%\-]{{1,64}}){{0,4}}",
    regex.I,
)
_BRACKETED = re.compile(r"[\[({<]\s{0,2}(?:(?:at|arroba)\b|\.\s{0,2}[\])}>])", re.IGNORECASE)
_MIDDLE = re.compile(r"@|(?<![^\W_])(?:at|arroba)(?![^\W_])", re.IGNORECASE)
_SIGN_ALONE = re.compile("@")
_DOT_WORDS = ("dot", "punto", "punkt")
_DOT_IN = regex.compile(_DOT, regex.I)
_SURE_DOT_IN = regex.compile(_SURE_DOT, regex.I)
_WIDE_DOT = regex.compile(r"\s\.\s{0,2}|\.\s{1,2}")
_SIGNS = {"plus": "+", "underscore": "_", "dash": "-", "hyphen": "-", "minus": "-"}
_SIGN = re.compile(r"\s+(plus|underscore|dash|hyphen|minus)\s+", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


def addresses(text: str, recognizer: Recognizer) -> Iterator[Value]:
    """`jane at example dot com`, `jane [at] example.com`, `jane @ example . com`. A bare `at` needs a
    written `dot`: "look at example.com" is no address."""
    middle = _MIDDLE if _spells_out(text) else _SIGN_ALONE
    for found in middle.finditer(text):
        host = _HOST.match(text, _before(text, found.start()))
        if host is None:
            continue
        at, domain = host["at"], host["domain"]
        sure = "@" in at or at.strip()[:1] in ("[", "(", "{", "<")
        if not sure and not _SURE_DOT_IN.search(domain):
            continue
        user = _USER.match(text, max(0, host.start() - 400), host.start())
        if user is None:
            continue
        name = _SIGN.sub(
            lambda sign: _SIGNS[sign[1].lower()], _WIDE_DOT.sub(".", _SURE_DOT_IN.sub(".", user.group()))
        )
        end = _host_end(name, domain, recognizer)
        if end:
            yield user.start(), host.start("domain") + end, "EMAIL_ADDRESS", 1.0


def _spells_out(text: str) -> bool:
    """Whether a word may stand for an `@`: next to one that stands for a point, or either in brackets."""
    small = text.lower()
    if any(dot in small for dot in _DOT_WORDS):
        return True
    return any(bracket in text for bracket in "[({<") and _BRACKETED.search(text) is not None


def _before(text: str, at: int) -> int:
    """Where what belongs to an `at` begins: white space, a bracket."""
    start = at
    while start > max(0, at - 6) and (text[start - 1].isspace() or text[start - 1] in "[({<_-"):
        start -= 1
    return start


def _host_end(name: str, domain: str, recognizer: Recognizer) -> int:
    """Where in what follows the `at` a valid domain ends: the longest before a point with white space beside
    it, else the shortest behind one (the next sentence may begin with what is a country's domain).

    0: nowhere.
    """
    ends: list[int] = [dot.start() for dot in _DOT_IN.finditer(domain)][1:] + [len(domain)]
    wide = _WIDE_DOT.search(domain)
    near = [end for end in ends if wide is None or end <= wide.start()]
    for end in [*reversed(near), *ends[len(near) :]]:
        plain = _SPACE.sub("", _DOT_IN.sub(".", domain[:end]))
        if email(f"{name}@{plain}", recognizer):
            return end
    return 0


_BREAK = r"[\s.\-–—_*/|,:;()\[\]·•‧∙⋅~+'\"]{0,6}"
_RUN = re.compile(rf"(?<![\w])\d(?:{_BREAK}\d){{8,199}}(?!\w)")
_FEWEST = 9
_DIGIT = re.compile(r"\d")
_CARD = re.compile(
    r"4\d{12}(?:\d{3}(?:\d{3})?)?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12,15}|35\d{14}|(?:50|5[6-9]|6\d)\d{11,17}"
)
_CARD_BEGINS = frozenset("23456")
_LISTED = re.compile(r"\d\s*[,;]\s*\d")
_ORDINARY = {
    "EMAIL_ADDRESS": re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@\w[\w-]*(?:\.\w[\w-]*)+"),
    "CREDIT_CARD": re.compile(r"\d{4}[- ]?\d{3,4}[- ]?\d{3,4}[- ]?\d{2,5}"),
    "US_SSN": re.compile(r"\d{9}|\d{3}[- .]\d{2}[- .]\d{4}|\d{5}-\d{4}|\d{3}-\d{6}"),
    "IBAN_CODE": re.compile(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,6}(?:[ -]?[A-Z0-9]{1,4})?"),
}
_SOCIAL = re.compile(r"\b(?:ssn|social|security)\b", re.IGNORECASE)


def numbers(text: str, recognizer: Recognizer) -> Iterator[Value]:
    """Cards and social security numbers in runs of digits with anything short between them."""
    if few_digits(text):
        return
    for run in _RUN.finditer(text):
        places = [run.start() + digit.start() for digit in _DIGIT.finditer(run.group())]
        digits = "".join(text[at] for at in places)
        cards = list(_cards(digits, places, text))
        for start, end in cards:
            yield places[start], places[end - 1] + 1, "CREDIT_CARD", 1.0
        if not cards:
            yield from _social(digits, places, text, recognizer)


def _begins(places: list[int], at: int) -> bool:
    return at == 0 or at == len(places) or places[at] > places[at - 1] + 1


def _cards(digits: str, places: list[int], text: str) -> Iterator[tuple[int, int]]:
    """A whole run; of a longer one each part of a card's length that begins and ends at a gap."""
    if _is_card(digits):
        yield 0, len(digits)
        return
    if len(digits) <= 13 or _LISTED.search(text, places[0], places[-1] + 1):
        return
    start = 0
    while start + 13 <= len(digits):
        length = _card_at(digits, places, text, start)
        if length:
            yield start, start + length
        start += length or 1


def _card_at(digits: str, places: list[int], text: str, start: int) -> int:
    """How many digits from `start` on are a card's; 0 for none. What is quickest to tell is asked first."""
    if digits[start] not in _CARD_BEGINS or not _begins(places, start):
        return 0
    for length in (16, 15, 14, 19, 13, 18, 17):
        end = start + length
        if (
            end <= len(digits)
            and _begins(places, end)
            and _is_card(digits[start:end])
            and _in_one_hand(places[start:end], text)
        ):
            return length
    return 0


def _in_one_hand(places: list[int], text: str) -> bool:
    """Whether the gaps look like one value's, and not like those of a table of numbers."""
    gaps = [text[a + 1 : b] for a, b in zip(places, places[1:], strict=False)]
    broken = sum("\n" in gap for gap in gaps)
    groups, length = set[int](), 1
    for gap in gaps:
        if gap:
            groups.add(length)
            length = 0
        length += 1
    groups.add(length)
    return len(groups) < 3 and (broken <= 3 or broken == len(gaps))


def _is_card(digits: str) -> bool:
    return bool(_CARD.fullmatch(digits)) and len(set(digits)) > 1 and check.luhn(digits)


def _social(digits: str, places: list[int], text: str, recognizer: Recognizer) -> Iterator[Value]:
    """Nine digits: sure where the text says what they are or groups them 3-2-4, likely where each stands
    alone."""
    told = _SOCIAL.search(text, max(0, places[0] - 80), places[-1] + 40) is not None
    for start in range(0, len(digits) - 8):
        part = digits[start : start + 9]
        if not (_begins(places, start) and _begins(places, start + 9)):
            continue
        if (len(digits) > 9 and not told) or us_ssn(
            f"{part[:3]}-{part[3:5]}-{part[5:]}", recognizer
        ) is False:
            continue
        at = places[start : start + 9]
        gaps = [b - a for a, b in zip(at, at[1:], strict=False)]
        grouped = gaps[2] > 1 and gaps[4] > 1 and all(g == 1 for i, g in enumerate(gaps) if i not in (2, 4))
        wider = min(gaps[2], gaps[4]) > max(g for i, g in enumerate(gaps) if i not in (2, 4))
        if told or grouped or wider or all(gap > 1 for gap in gaps):
            yield at[0], at[-1] + 1, "US_SSN", 0.85 if told or wider else 0.5
            return


_IBAN = re.compile(
    rf"(?<![A-Za-z0-9])([A-Za-z]){_BREAK}([A-Za-z])(?:{_BREAK}\d){{2}}(?:{_BREAK}[A-Za-z0-9]){{11,30}}"
)
_ALNUM = re.compile(r"[A-Za-z0-9]")


def accounts(text: str, recognizer: Recognizer) -> Iterator[Value]:
    """IBANs by country, length and check digits."""
    if few_digits(text):
        return
    shapes = recognizer.tables["iban"]
    for run in _IBAN.finditer(text):
        shape = shapes.get((run[1] + run[2]).upper())
        if shape is None:
            continue
        places = [run.start() + char.start() for char in _ALNUM.finditer(run.group())]
        bare = "".join(text[at] for at in places).upper()
        fit = regex.match(shape, bare)
        if fit is not None and iban(bare[: fit.end()], recognizer):
            yield places[0], places[fit.end() - 1] + 1, "IBAN_CODE", 1.0


# Hint, recognizer that knows what is valid, reading.
FINDERS: tuple[tuple[int, str, Callable[[str, Recognizer], Iterator[Value]]], ...] = (
    (ADDRESS, "EmailRecognizer", addresses),
    (NUMBER, "UsSsnRecognizer", numbers),
    (ACCOUNT, "IbanRecognizer", accounts),
)


def few_digits(text: str) -> bool:
    """Whether it has too few for any number that is sought here."""
    known = text.encode("ascii", "ignore")
    return len(known) - len(known.translate(None, b"0123456789")) < _FEWEST


def ordinary(type_: str, value: str) -> bool:
    """Whether the value is written as the patterns over the text itself find it."""
    return _ORDINARY[type_].fullmatch(value) is not None
