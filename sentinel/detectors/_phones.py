"""Phone numbers: candidates from the common pass, confirmed with the package phonenumbers as Presidio's
PhoneRecognizer does, region by region.

A candidate is a stretch with enough digits. The package reads only the surroundings: the longest stretch of
characters that can be part of a number or of its extension, with a little of what follows, because it judges
the neighbours too. Whatever lies outside cannot change its answer. Parsing takes 50 us, so digits that
cannot be a number of a region, going by the package's own metadata, are not parsed.

The bound: `limit` pieces parsed per text. Past it a piece that has the right shape is reported unconfirmed.
A region longer than MAX_REGION characters is read in stretches of that length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import phonenumbers
import regex

from sentinel.detectors._patterns import Work

MAX_REGION = 600
_AFTER = 4  # what is judged behind a number: a time stamp's ":30", the next letter
_LONGEST = 200  # characters: 20 digits with four other characters after each, and an extension
_ALIKE = 9  # shorter numbers can be judged otherwise by a region of the same family

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
_PLAIN_PIECE = re.compile(r"[0-9\-() .\[\]/]+")
_DIGITS = re.compile("[0-9]+")
_FEW_GROUPS = 5
_NOT_PUNCTUATION = re.compile(r"[^0-9\-() .\[\]/]+")  # without a label, none of the rest is part of a number
_PLUS = re.compile(r"[^0-9]*[+\uff0b]")
_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
_SPECIAL = re.compile(
    "[+x#~=]|int", re.IGNORECASE
)  # a plus, or the label of an extension (`ext`, `anexo`, ...)
_NOT_DIGITS = re.compile(r"[^0-9]+")

_TYPES = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager",
    "uan", "voicemail",
)  # fmt: skip


class PhoneMatch(msgspec.Struct, frozen=True, gc=False):
    """`number` is the package's PhoneNumber, or None for one that the bound left unconfirmed."""

    start: int
    end: int
    number: Any = None


def candidate_expression(regions: Iterable[str]) -> str:
    """For Hyperscan, over the skeleton (where `q` and \\x01 stand for the punctuation beyond ASCII): as
    many digits as the shortest valid number of `regions` has, with punctuation between."""
    lengths = [
        length
        for region in regions
        for kind in _descriptions(_metadata(region))
        for length in kind.possible_length
        if length > 0
    ]
    return rf"[0-9](?:[\-xXq \x01().\[\]/~]{{0,4}}[0-9]){{{max(2, min(lengths, default=7)) - 1}}}"


def _metadata(region: str) -> Any:
    found = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if found is None:
        raise ValueError(region)
    return found


def _descriptions(metadata: Any) -> list[Any]:
    found = [getattr(metadata, name) for name in _TYPES]
    return [kind for kind in found if kind is not None and kind.national_number_pattern]


class _Shape:
    """What the digits of one region's valid numbers look like; errs on the side of yes."""

    def __init__(self, region: str) -> None:
        metadata = _metadata(region)
        code = metadata.country_code
        siblings = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, (region,))
        kinds = [kind for sibling in siblings for kind in _descriptions(_metadata(sibling))]
        national = "|".join(dict.fromkeys(kind.national_number_pattern for kind in kinds))
        prefix = metadata.national_prefix_for_parsing or ""
        # What follows the prefix for calls abroad, or a prefix that the package rewrites, can be anything.
        openings = [
            metadata.international_prefix,
            prefix if metadata.national_prefix_transform_rule else None,
        ]
        anything = "".join(f"|(?:{opening}).*" for opening in openings if opening)
        # Twice: behind the country code the package strips it, and then once more from what is left.
        prefixes = f"(?:{prefix}){{1,2}}" if prefix else "(?!)"
        led = rf"(?:{code}(?:{prefixes})?|{prefixes})(?:{national}){anything}"
        self.pattern = f"{led}|{national}"
        self._led = re.compile(led).fullmatch
        self._bare = re.compile(national).fullmatch
        self._formats = _metadata(siblings[0]).number_format
        self.family = (code, prefix, metadata.international_prefix, metadata.national_prefix_transform_rule)

    def fits(self, piece: str) -> bool:
        if len(piece) > _LONGEST:
            return False
        if not _PLAIN_PIECE.fullmatch(piece):
            return True  # a plus, an extension, digits of another script: the package decides
        return self.fits_digits(_NOT_DIGITS.sub("", piece))

    def fits_digits(self, digits: str) -> bool:
        if self._led(digits):
            return True
        return self._bare(digits) is not None and not self._lacks_prefix(digits)

    def _lacks_prefix(self, national: str) -> bool:
        """Whether a number so written wants its national prefix, which it does not have."""
        for form in self._formats:
            leading = form.leading_digits_pattern
            if (not leading or re.match(leading[-1], national)) and re.fullmatch(form.pattern, national):
                rule = form.national_prefix_formatting_rule
                optional = form.national_prefix_optional_when_formatting
                return bool(rule) and not optional and not re.fullmatch(r"\(?\\1\)?", rule)
        return False


class _Survey(phonenumbers.PhoneNumberMatcher):
    """Goes through every piece that the matcher would try, and notes the regions that any piece fits."""

    def __init__(self, text: str, shapes: dict[str, _Shape]) -> None:
        super().__init__(text, None)
        self._shapes = shapes
        self._open = set(shapes)

    def _parse_and_verify(self, candidate: str, offset: int) -> None:
        self._open -= {region for region in self._open if self._shapes[region].fits(candidate)}

    def regions(self) -> list[str]:
        self.has_next()
        return [region for region in self._shapes if region not in self._open]


class _Confirmation(phonenumbers.PhoneNumberMatcher):
    """The package's matcher, which parses only pieces of the right shape and at most `limit` of them.

    `known` holds answers for the same piece from a region whose numbers are written alike (`US` and `CA`),
    or from any region for a number with a plus.
    """

    def __init__(
        self,
        text: str,
        region: str,
        leniency: int,
        shape: _Shape,
        work: Work,
        limit: int,
        known: dict[Any, Any],
    ) -> None:
        super().__init__(text, region, leniency=leniency)
        self._shape, self._work, self._limit, self._known = shape, work, limit, known

    def _parse_and_verify(self, candidate: str, offset: int) -> Any:
        if not self._shape.fits(candidate):
            return None
        written = self._shape.family if len(candidate) >= _ALIKE else self.preferred_region
        key = ("+" if _is_international(candidate) else written, candidate, offset)
        if key in self._known:
            return self._known[key]
        if self._work.phones >= self._limit:
            return _unconfirmed(candidate, offset)
        self._work.phones += 1
        answer = self._known[key] = super()._parse_and_verify(candidate, offset)
        return answer


def _is_international(piece: str) -> bool:
    """Whether a plus and a country code that exists decide, whatever the region. (If the code does not
    exist, the package tries once more without the plus.)"""
    if not _PLUS.match(piece):
        return False
    digits = _NOT_DIGITS.sub("", piece)
    return any(digits[:length] in _CODES for length in (1, 2, 3))


def _unconfirmed(candidate: str, offset: int) -> Any:
    if not _PLAIN_PIECE.fullmatch(candidate):
        return None
    return phonenumbers.PhoneNumberMatch(offset, candidate, phonenumbers.PhoneNumber())


class PhoneFinder:
    """One phone recognizer: some regions at one leniency."""

    def __init__(self, regions: Sequence[str], leniency: int, limit: int) -> None:
        self._shapes = {region: _Shape(region) for region in regions}
        self._any = re.compile("|".join(f"(?:{shape.pattern})" for shape in self._shapes.values())).fullmatch
        self._leniency = leniency
        self._limit = limit

    def find(self, text: str, ends: list[int], work: Work) -> list[PhoneMatch]:
        """Every match of every region, without those that lie inside another; ascending."""
        found: dict[tuple[int, int], PhoneMatch] = {}
        for start, end in _regions(text, ends):
            shift = max(0, start - 1)
            part = text[shift : end + _AFTER]
            known: dict[Any, Any] = {}
            for region in self._plausible(text[start:end], part):
                shape = self._shapes[region]
                for match in _Confirmation(part, region, self._leniency, shape, work, self._limit, known):
                    place = (match.start + shift, match.end + shift)
                    number = match.number if match.number.country_code else None
                    if place not in found or found[place].number is None:
                        found[place] = PhoneMatch(*place, number)
        return _outermost(list(found.values()))

    def _plausible(self, core: str, part: str) -> list[str]:
        """The regions of which a number may be in `core`.

        Without an extension, every piece that the package tries holds neighbouring groups of digits whole:
        a few groups are judged without its help.
        """
        if not core.isascii() or _SPECIAL.search(core):
            return _Survey(part, self._shapes).regions()
        fitting: list[str] = []
        for run in _NOT_PUNCTUATION.split(core):
            groups = _DIGITS.findall(run)
            count = len(groups)
            if count > _FEW_GROUPS:
                return _Survey(part, self._shapes).regions()
            pieces = ["".join(groups[i:j]) for i in range(count) for j in range(i + 1, count + 1)]
            fitting += [piece for piece in pieces if self._any(piece)]
        return (
            [r for r, shape in self._shapes.items() if any(map(shape.fits_digits, fitting))]
            if fitting
            else []
        )


def _regions(text: str, ends: list[int]) -> Iterator[tuple[int, int]]:
    """The stretches around candidates that the package has to see, apart from each other."""
    done = 0
    for end in sorted(ends):
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
