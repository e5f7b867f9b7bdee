"""Which ways to hide a value a text may use: what Hyperscan sees of it at 1.4 us a kilobyte, so that a text
without a hint is read no further.

What always holds: of a reading that gives anything, its hint is seen. So each hint is wider than the
expressions of the reading, most of whose assertions are dropped. It looks at a skeleton in which a character
beyond ASCII stands as the module `re` sees it, for that is what most of the readings use.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import hyperscan

from sentinel.detectors._databases import Sought, databases
from sentinel.detectors._skeleton import DIGIT, OTHER, SPACE, WORD, Skeletons

ADDRESS, NUMBER, ACCOUNT, SPACED, SPELLED, ESCAPED, BASE64, HEX, BASE32 = (1 << place for place in range(9))
_DIGITS, _TURN = 1 << 9, 1 << 10  # what a further database needs

_Sought = tuple[int, str, bool]  # hint, expression, whether letters of either case will do

_SPACE = r"\x09-\x0d\x1c-\x20"
_OTHER = rf"\x{ord(OTHER):02x}"  # for the dashes and the point that are not ASCII
BREAK = rf"{_SPACE}.\-_*/|,:;()\[\]~+'\"{_OTHER}"  # between digits
MARK = rf"{_SPACE}.\-_*/|,:~+{_OTHER}"  # between letters
APART = rf"{_SPACE},.\-_/|{_OTHER}"  # between words for digits
_IN_BASE64 = r"[A-Za-z0-9+/_\-]"
_TURNS = r"(?:[a-z][A-Z0-9]|[0-9][A-Za-z]|[A-Z][A-Z][a-z])"

_WRITTEN: tuple[_Sought, ...] = (
    (ADDRESS, "@", False),
    (ADDRESS, rf"[\[({{<][{_SPACE}]{{0,2}}(?:at|arroba)[{_SPACE}]{{0,2}}[\])}}>]", True),
    (ADDRESS, rf"[\[({{<][{_SPACE}]{{0,2}}\.[{_SPACE}]{{0,2}}[\])}}>]", False),
    (ADDRESS, rf"[\[({{<_\-{_SPACE}](?:dot|punto|punkt)[\])}}>_\-{_SPACE}]", True),
    (NUMBER, rf"[0-9](?:[{BREAK}]{{0,6}}[0-9]){{8}}", False),
    (ESCAPED, r"%[0-9a-f]{2}", True),
    (ESCAPED, r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,12});", True),
    (ESCAPED, r"\\(?:u\{[0-9a-f]{1,6}\}|u[0-9a-f]{4}|x[0-9a-f]{2})", True),
    (SPACED, rf"[{MARK}]{{2}}@[{MARK}]{{3}}|[{MARK}]{{3}}@[{MARK}]{{2}}", False),
    (BASE32, r"[A-Z2-7]{16}", False),
    (_DIGITS, r"[0-9](?:[^0-9]*[0-9]){5}", False),
)  # fmt: skip
# One for each: together they would make an automaton that is several times as slow.
_LETTERS: _Sought = (SPACED, r"[A-Za-z0-9](?:[^A-Za-z0-9]{1,5}[A-Za-z0-9]){5}", False)
_CASES: _Sought = (_TURN, _TURNS, False)
# Asked only of texts with a turn, and with digits.
_STRETCH: _Sought = (
    BASE64,
    "|".join(_IN_BASE64 * before + _TURNS + _IN_BASE64 * (6 - before) for before in range(7)),
    False,
)
_PAIRS: _Sought = (HEX, r"(?:(?:0x|\\x)?[0-9a-f]{2}[ :,\-]{0,2}){6}", True)

_KIND = re.compile(r"(\[(?! \])[^\]]*\])(?:\[ \]\?)?\)?(?:\{(\d+)\})?")
_BEGINNING = 8  # of an IBAN behind the country, of 11 at least: hardly any other text begins like it


def stand_in(char: str) -> str:
    """How `\\d`, `\\w`, `\\s` and IGNORECASE of the module `re` see a character beyond ASCII."""
    if char in _FOLDS_TO_ASCII:
        return _FOLDS_TO_ASCII[char]
    if char.isdecimal():
        return DIGIT
    return WORD if char.isalnum() else SPACE if char.isspace() else OTHER


_FOLDS_TO_ASCII = {"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"}
_SHAPES = Skeletons(stand_in)


class Hints:
    """Safe to use from several threads. `words` are those for digits, `ibans` expressions by country."""

    def __init__(self, words: Iterable[str], ibans: Mapping[str, str], cache_dir: Path) -> None:
        groups = (
            (*_WRITTEN, _spelled(words)),
            (_LETTERS,),
            (_CASES,),
            (_STRETCH,),
            (_PAIRS,),
            (_account(ibans),),
        )
        self._databases = databases("hints", [list(map(_once, group)) for group in groups], cache_dir)
        self._local = threading.local()

    def of(self, text: str) -> int:
        """The hints of a text, added up."""
        shape = _SHAPES.of(text)
        written, letters, cases, stretch, pairs, accounts = self._scans()
        seen: list[int] = []
        written[0].scan(shape, _collect, 0, seen, written[1])
        letters[0].scan(shape, _collect, 0, seen, letters[1])
        cases[0].scan(shape, _collect, 0, seen, cases[1])
        if not seen:
            return 0
        if _TURN in seen:
            stretch[0].scan(shape, _collect, 0, seen, stretch[1])
        if _DIGITS in seen:
            pairs[0].scan(shape, _collect, 0, seen, pairs[1])
            accounts[0].scan(shape, _collect, 0, seen, accounts[1])
        hints = 0
        for hint in seen:
            hints |= hint
        return hints & ~(_DIGITS | _TURN)

    def _scans(self) -> list[tuple[Any, Any]]:
        """Each database with this thread's scratch space."""
        try:
            return self._local.scans  # type: ignore[no-any-return]
        except AttributeError:
            scans = [(database, hyperscan.Scratch(database)) for database in self._databases]
            self._local.scans = scans
            return scans


def _collect(hint: int, _start: int, _end: int, _flags: int, seen: list[int]) -> None:
    seen.append(hint)


def _once(sought: _Sought) -> Sought:
    hint, expression, either_case = sought
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
    return hint, expression, int(flags | hyperscan.HS_FLAG_CASELESS if either_case else flags)


def _spelled(words: Iterable[str]) -> _Sought:
    """A word for digits and behind it another, or a digit."""
    number = "|".join(sorted({_SHAPES.of(word).decode() for word in words}))
    between = rf"[{APART}]{{1,4}}(?:(?:dash|hyphen|space|minus)[{APART}]{{1,3}})?"
    return SPELLED, rf"(?:^|[^a-z0-9_])(?:{number}){between}(?:{number}|[0-9])", True


def _account(ibans: Mapping[str, str]) -> _Sought:
    """A country and the first of what its IBANs have, up to two digits between them that are not ASCII."""
    between = rf"[{BREAK}]*"
    countries: dict[str, list[str]] = {}
    for country, expression in sorted(ibans.items()):
        begins = "".join(f"{between}{kind}" for kind in _first_kinds(expression.removeprefix(f"({country})")))
        countries.setdefault(begins, []).append(f"{country[0]}{between}{country[1]}")
    begun = "|".join(
        f"(?:{'|'.join(names)})(?:{between}[0-9]){{0,2}}{begins}" for begins, names in countries.items()
    )
    return ACCOUNT, begun, True


def _first_kinds(expression: str) -> list[str]:
    """A class for each of the first characters. The expressions are lists of classes, each with a space that
    may follow and a count."""
    kinds: list[str] = []
    for kind, count in _KIND.findall(expression):
        kinds += [kind] * int(count or 1)
    return kinds[:_BEGINNING]
