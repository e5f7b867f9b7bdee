"""Phone numbers: candidates from the common pass, then what Presidio's PhoneRecognizer finds with the package
phonenumbers, region by region, but all regions in one reading.

A candidate is a stretch with enough digits. Its surroundings are read: the longest stretch of characters
that can be part of a number or of its extension, with a little of what follows, because the package judges
the neighbours too. Whatever lies outside cannot change its answer. There the pieces are tried that the
package's matcher would try. A piece of digits and punctuation is judged by `_phone_plans`, once for each
sequence of digits; one with an extension or letters by the package.

The bound: `limit` judgements per text. Past it whatever has the right shape is reported unconfirmed.
A stretch longer than MAX_REGION characters is read in parts of that length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec
import phonenumbers
import regex
from phonenumbers import phonenumbermatcher

from sentinel.detectors._page import Places
from sentinel.detectors._patterns import Work
from sentinel.detectors._phone_plans import descriptions, metadata_of, plan_of, region_of_international

MAX_REGION = 600
_AFTER = 4  # what is judged behind a number: a time stamp's ":30", the next letter
_LONGEST = 200  # characters: 20 digits with four other characters after each, and an extension

# Of the package's candidate pattern: punctuation between digits, lead characters, letters of extension
# labels.
_PUNCTUATION = (
    r"\-x\u2010-\u2015\u2212\u30fc\uff0d\uff0f \xa0\xad\u200b\u2060\u3000()\uff08\uff09\uff3b\uff3d.\[\]/~"
    r"\u2053\u223c\uff5e"
)
_EXTENSION = r"+\uff0b\t,;=:.\uff0e#\uff03exnsiótadob\u0301доб\uff45\uff58\uff54\uff4e\uff49"
_OUTSIDE = rf"[^\d{_PUNCTUATION}{_EXTENSION}]"
_LAST_OUTSIDE = regex.compile("(?r)" + _OUTSIDE, regex.IGNORECASE)
_FIRST_OUTSIDE = regex.compile(_OUTSIDE, regex.IGNORECASE)
# Digits of any script and punctuation, but for `x` and the tildes, which can be the label of an extension.
_PLAIN = (
    r"\-\u2010-\u2015\u2212\u30fc\uff0d\uff0f \xa0\xad\u200b\u2060\u3000()\uff08\uff09\uff3b\uff3d.\[\]/\s"
)
_PLAIN_PIECE = re.compile(rf"([{_PLAIN}]*[+\uff0b]+)?[\d{_PLAIN}]+")
_NOT_DIGITS = re.compile(r"\D+")
_BRACKETS = re.compile(r"[()\uff08\uff09\uff3b\uff3d\[\]]")
_ROUGH = re.compile(r"\+?\(?\d(?:[\-() ./\[\]]{0,4}\d)+")
_package: Any = phonenumbermatcher  # for names that it does not export as well


class PhoneMatch(msgspec.Struct, frozen=True, gc=False):
    """`region`: where the number is from, "" when the package does not say; None for one that the bound left
    unconfirmed."""

    start: int
    end: int
    region: str | None = None


def candidate_expression(regions: Iterable[str]) -> str:
    """For Hyperscan, over the skeleton (where `q` and \\x01 stand for the punctuation beyond ASCII): as
    many digits as the shortest valid number of `regions` has, with punctuation between."""
    return rf"[0-9](?:[\-xXq \x01().\[\]/~]{{0,4}}[0-9]){{{_fewest_digits(regions) - 1}}}"


LIVE = _package._PATTERN.pattern
LOOKS_AHEAD = _AFTER


def _fewest_digits(regions: Iterable[str]) -> int:
    lengths = [
        length
        for region in regions
        for kind in descriptions(metadata_of(region))
        for length in kind.possible_length
        if length > 0
    ]
    return max(2, min(lengths, default=7))


def _shape(region: str) -> str:
    """An expression for the digits of a region's valid numbers; errs on the side of yes."""
    metadata = metadata_of(region)
    code = metadata.country_code
    siblings = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, (region,))
    kinds = [kind for sibling in siblings for kind in descriptions(metadata_of(sibling))]
    national = "|".join(dict.fromkeys(kind.national_number_pattern for kind in kinds))
    prefix = metadata.national_prefix_for_parsing or ""
    # What follows the prefix for calls abroad, or a prefix that the package rewrites, can be anything.
    openings = [metadata.international_prefix, prefix if metadata.national_prefix_transform_rule else None]
    anything = "".join(f"|(?:{opening}).*" for opening in openings if opening)
    # Twice: behind the country code the package strips it, and then once more from what is left.
    prefixes = f"(?:{prefix}){{1,2}}" if prefix else "(?!)"
    return rf"(?:{code}(?:{prefixes})?|{prefixes})?(?:{national}){anything}"


class PhoneFinder:
    """One phone recognizer: some regions at one leniency."""

    def __init__(self, regions: Sequence[str], leniency: int, limit: int) -> None:
        self.regions = tuple(regions)
        self.leniency = leniency
        self.limit = limit
        self.all = (1 << len(self.regions)) - 1
        self._fewest = _fewest_digits(self.regions)

    # Made for the first candidate: 60 ms that a start does without.

    @cached_property
    def may_be_number(self) -> Any:
        return re.compile("|".join(f"(?:{_shape(region)})" for region in self.regions)).fullmatch

    @cached_property
    def plans(self) -> list[tuple[Any, Any]]:
        """Of each region: a quick look that errs on the side of yes, and the answer."""
        return [(re.compile(_shape(region)).fullmatch, plan_of(region)) for region in self.regions]

    def find(
        self,
        text: str,
        ends: list[int],
        work: Work,
        begin: int = 0,
        tried: list[tuple[int, int]] | None = None,
    ) -> list[PhoneMatch]:
        """Every match of every region from `begin` on, without those that lie inside another; ascending. The
        stretches that were tried as numbers are added to `tried`."""
        found: list[PhoneMatch] = []
        judge = _Judge(self, work)
        for start, end in _regions(text, ends, begin):
            read: list[PhoneMatch] = []
            if work.phones < self.limit:
                shift = max(0, start - 1)
                reading = _Reading(judge, text[shift : end + _AFTER], shift)
                read = reading.matches(start - shift if start == begin else 0)
                found += read
                if tried is not None:
                    tried += reading.tried
            if work.phones >= self.limit:
                found += self._unconfirmed(text, start, end, Places((m.start, m.end) for m in read))
        return found

    def fits(self, digits: str) -> bool:
        return self._fewest <= len(digits) <= _LONGEST and self.may_be_number(digits) is not None

    def _unconfirmed(self, text: str, start: int, end: int, read: Places) -> Iterator[PhoneMatch]:
        for match in _ROUGH.finditer(text, start, end):
            if not read.overlap(*match.span()) and self.fits(_digits(match.group())):
                yield PhoneMatch(*match.span())


class _Judge:
    """Which regions accept a piece, as bits; remembered for one text."""

    def __init__(self, finder: PhoneFinder, work: Work) -> None:
        self.finder = finder
        self._work = work
        self._by_digits: dict[str, tuple[int, list[str]]] = {}
        self.regions: dict[str, str] = {}  # piece -> where its number is from

    def plain(self, piece: str, plus: bool) -> int | None:
        """For digits and punctuation. None: the package has to say."""
        digits = _digits(piece)
        key = "+" + digits if plus else digits
        known = self._by_digits.get(key)
        if known is None:
            known = self._by_digits[key] = self._judge(digits, plus)
        if known[1]:
            self.regions[piece] = known[1][0]
        return known[0] if known[0] >= 0 else None

    def _judge(self, digits: str, plus: bool) -> tuple[int, list[str]]:
        if plus:
            self._work.phones += 1
            region = region_of_international(digits)
            return (-1, []) if region is None else (self.finder.all if region else 0, [region])
        if not self.finder.fits(digits):
            return 0, []
        self._work.phones += 1
        owners = [plan.region_of(digits) if fits(digits) else "" for fits, plan in self.finder.plans]
        return sum(1 << index for index, owner in enumerate(owners) if owner), [o for o in owners if o]

    def by_package(self, piece: str, readers: list[Any], offset: int) -> int:
        """For everything else."""
        accepted = 0
        if self._work.phones >= self.finder.limit:
            return 0
        for index, reader in enumerate(readers):
            self._work.phones += 1
            match = reader._parse_and_verify(piece, offset)
            if match is not None:
                accepted |= 1 << index
                self.regions[piece] = phonenumbers.region_code_for_number(match.number) or ""
        return accepted


class _Reading:
    """One part of a text, as the package's matcher goes through it: from where the last number ended it
    looks for the next candidate, tries it whole, then the pieces inside. Regions part ways where one accepts
    a piece and another does not, so each goes on from its own place."""

    def __init__(self, judge: _Judge, part: str, shift: int) -> None:
        self._judge = judge
        self._part = part
        self._shift = shift
        self._known: dict[tuple[str, int], int] = {}
        self.tried: list[tuple[int, int]] = []
        finder = judge.finder
        self._strict = finder.leniency == _package.Leniency.VALID

    @cached_property
    def _readers(self) -> list[Any]:
        finder = self._judge.finder
        return [
            _package.PhoneNumberMatcher(self._part, region, leniency=finder.leniency)
            for region in finder.regions
        ]

    def matches(self, begin: int) -> list[PhoneMatch]:
        found: dict[tuple[int, int], PhoneMatch] = {}
        going_on = {begin: self._judge.finder.all}
        while going_on:
            index = min(going_on)
            left = going_on.pop(index)
            match = _package._PATTERN.search(self._part, index)
            if match is None:
                continue
            start = match.start()
            self.tried.append((start + self._shift, match.end() + self._shift))
            candidate = _before(_package._SECOND_NUMBER_START_PATTERN.search(match.group()), match.group())
            for piece, at in self._pieces(candidate, start):
                accepted = left & self._accepted(piece, at)
                if accepted:
                    end = at + len(piece)
                    region = self._judge.regions.get(piece, "")
                    found[at, end] = PhoneMatch(at + self._shift, end + self._shift, region)
                    going_on[end] = going_on.get(end, 0) | accepted
                    left &= ~accepted
                    if not left:
                        break
            if left:
                after = start + len(candidate)
                going_on[after] = going_on.get(after, 0) | left
        return _outermost(list(found.values()))

    def _pieces(self, candidate: str, start: int) -> Iterator[tuple[str, int]]:
        """What the matcher tries of a candidate, in order, with its place."""
        if "/" in candidate and _package._SLASH_SEPARATED_DATES.search(candidate):
            return
        if _package._TIME_STAMPS.search(candidate):
            after = self._part[start + len(candidate) :]
            if _package._TIME_STAMPS_SUFFIX.match(after):
                return
        yield candidate, start
        if candidate.isdecimal():
            return
        for separator in _package._INNER_MATCHES:
            inner = separator.search(candidate)
            if inner:
                yield _trimmed(candidate[: inner.start()]), start
            while inner:
                yield _trimmed(inner.group(1)), start + inner.start(1)
                inner = separator.search(candidate, inner.start() + 1)

    def _accepted(self, piece: str, at: int) -> int:
        """The regions that take the piece for a number at this place."""
        known = self._known.get((piece, at))
        if known is None:
            known = self._known[piece, at] = self._judged(piece, at)
        return known

    def _judged(self, piece: str, at: int) -> int:
        if not 1 < len(piece) <= _LONGEST:
            return 0
        plain = _PLAIN_PIECE.fullmatch(piece) if self._strict else None
        accepted = self._judge.plain(piece, plain[1] is not None) if plain else None
        if accepted is None:
            return self._judge.by_package(piece, self._readers, at)
        return accepted if accepted and self._stands_alone(piece, at) else 0

    def _stands_alone(self, piece: str, at: int) -> bool:
        """Neither torn out of brackets or of a word, nor pages of a publication."""
        if _BRACKETS.search(piece) and not _package.fullmatch(_package._MATCHING_BRACKETS, piece):
            return False
        if "(" in piece and _package._PUB_PAGES.search(piece):
            return False
        before = self._part[at - 1] if at and not _package._LEAD_PATTERN.match(piece) else " "
        end = at + len(piece)
        after = self._part[end] if end < len(self._part) else " "
        return not (self._clings(before) or self._clings(after))

    def _clings(self, char: str) -> bool:
        if char.isascii():
            return char.isalpha() or char in "%$"
        judge = _package.PhoneNumberMatcher
        return bool(judge._is_invalid_punctuation_symbol(char) or judge._is_latin_letter(char))


def _digits(piece: str) -> str:
    digits = _NOT_DIGITS.sub("", piece)
    return digits if digits.isascii() else "".join(str(int(char)) for char in digits)


def _before(match: Any, text: str) -> str:
    return text[: match.start()] if match else text


def _trimmed(piece: str) -> str:
    """Without what cannot end a number."""
    end = len(piece)
    while end and not (piece[end - 1].isalnum() or piece[end - 1] == "#"):
        end -= 1
    return piece[:end]


def _regions(text: str, ends: list[int], begin: int) -> Iterator[tuple[int, int]]:
    """The stretches around candidates that have to be read, apart from each other."""
    done = begin
    for end in ends:
        while end > done:
            floor = max(done, end - MAX_REGION)
            last = _LAST_OUTSIDE.search(text, floor, end)
            start = last.end() if last else floor
            first = _FIRST_OUTSIDE.search(text, end, min(len(text), start + MAX_REGION))
            done = first.start() if first else max(end, min(len(text), start + MAX_REGION))
            yield start, done


def _outermost(matches: list[PhoneMatch]) -> list[PhoneMatch]:
    kept: list[PhoneMatch] = []
    for match in sorted(matches, key=lambda match: (match.start, -match.end)):
        if not kept or match.end > kept[-1].end:
            kept.append(match)
    return kept
