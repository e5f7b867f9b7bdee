"""Numbering plans: whether digits alone are a phone number that a region accepts.

The answer is that of the package phonenumbers (`parse`, then `is_valid_number` and the national prefix where
it is required: Leniency.VALID) for a piece of text that holds nothing but digits and punctuation, read from
the package's metadata. The package itself takes 50 us for each region, this 2 us;
`tests/detectors/test_phones.py` compares them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import phonenumbers

_SHORTEST, _LONGEST = 2, 17  # digits of a national number, as the package bounds them
_LONGEST_CODE = 3
_NON_GEOGRAPHIC = "001"
_FIRST_GROUP_ONLY = re.compile(r"\(?\\1\)?")
_TYPES = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail",
    "fixed_line", "mobile",
)  # fmt: skip

Matcher = Callable[[str], Any]


def metadata_of(region: str, code: int = 0) -> Any:
    """The package's metadata; `code` is asked for a number that belongs to no region. Raises ValueError."""
    lookup = phonenumbers.PhoneMetadata
    found = (
        lookup.metadata_for_nongeo_region(code)
        if region == _NON_GEOGRAPHIC
        else lookup.metadata_for_region(region)
    )
    if found is None:
        raise ValueError(region)
    return found


def descriptions(metadata: Any) -> list[Any]:
    """The kinds of number that a region has."""
    found = [getattr(metadata, name) for name in _TYPES]
    return [kind for kind in found if kind is not None and kind.national_number_pattern]


class Plan:
    """One region's."""

    def __init__(self, metadata: Any) -> None:
        self.code: int = metadata.country_code
        self._code = str(self.code)
        general = metadata.general_desc
        self._abroad = _matcher(metadata.international_prefix)
        self._prefix = _compiled(metadata.national_prefix_for_parsing)
        self._transform: str = metadata.national_prefix_transform_rule or ""
        self._general = re.compile(general.national_number_pattern or "(?!)").fullmatch
        self._lengths: tuple[int, ...] = tuple(general.possible_length)
        self._local = frozenset(general.possible_length_local_only)
        self._kinds = descriptions(metadata)
        self._by_length: dict[int, Matcher] = {}
        self._formats = [_Format(form) for form in metadata.number_format]
        self.leading = _matcher(metadata.leading_digits)

    def region_of(self, digits: str) -> str:
        """The region to which the number belongs that `digits` are when dialled in this one, or ""."""
        abroad = self._abroad(digits) if self._abroad else None
        if abroad and digits[abroad.end() : abroad.end() + 1] != "0":
            return region_of_international(digits[abroad.end() :]) or ""
        if digits.startswith(self._code):
            national = self._stripped(digits[len(self._code) :])[0]
            if (not self._general(digits) and self._general(national)) or self._is_too_long(digits):
                return _main(self.code).region_of_national(national)
        return self.region_of_national(digits, digits)

    def region_of_national(self, national: str, dialled: str = "") -> str:
        """The same without the code of a country. `dialled`: written without one, so that the national
        prefix must be there if the region wants it."""
        if len(national) < _SHORTEST:
            return ""
        bare = self._stripped(national)[0]
        if self._is_possible(bare):
            national = bare
        if not _SHORTEST <= len(national) <= _LONGEST:
            return ""
        region = _owner(self.code, national)
        if region and dialled and not _main(self.code).prefix_is_right(national, dialled):
            return ""
        return region

    def is_number(self, national: str) -> bool:
        """Whether some kind of number of the region is so written."""
        length = len(national)
        kinds = self._by_length.get(length)
        if kinds is None:
            kinds = self._by_length[length] = re.compile("|".join(self.patterns(length)) or "(?!)").fullmatch
        return kinds(national) is not None and self._general(national) is not None

    def patterns(self, length: int) -> list[str]:
        """The expressions of numbers of that length, of which one must match."""
        if self._lengths and length not in self._lengths:
            return []
        kinds = [kind for kind in self._kinds if not kind.possible_length or length in kind.possible_length]
        return list(dict.fromkeys(f"(?:{kind.national_number_pattern})" for kind in kinds))

    def prefix_is_right(self, national: str, dialled: str) -> bool:
        for form in self._formats:
            if form.fits(national):
                return not form.wants_prefix or self._stripped(dialled)[1]
        return True

    def _stripped(self, number: str) -> tuple[str, bool]:
        """Without the national prefix, and whether there was one."""
        match = self._prefix.match(number) if self._prefix and number else None
        if not match:
            return number, False
        if not self._transform or match.groups()[-1] is None:
            bare = number[match.end() :]
        else:
            bare = match.re.sub(self._transform, number, count=1)
        if self._general(number) and not self._general(bare):
            return number, False
        return bare, True

    def _is_possible(self, number: str) -> bool:
        """The package goes on with what the prefix leaves unless that is too short or of a wrong length; too
        long is left to the check that follows."""
        length = len(number)
        if length in self._local or self._lengths[0] == -1:
            return False
        return length in self._lengths or length > self._lengths[-1]

    def _is_too_long(self, number: str) -> bool:
        length = len(number)
        return length not in self._local and self._lengths[0] != -1 and length > self._lengths[-1]


class _Format:
    """One way to write a region's numbers."""

    def __init__(self, form: Any) -> None:
        rule = form.national_prefix_formatting_rule
        self._leading = (
            re.compile(form.leading_digits_pattern[-1]).match if form.leading_digits_pattern else None
        )
        self._whole = re.compile(form.pattern).fullmatch
        self.wants_prefix = (
            bool(rule)
            and not form.national_prefix_optional_when_formatting
            and not _FIRST_GROUP_ONLY.fullmatch(rule)
        )

    def fits(self, national: str) -> bool:
        return (not self._leading or self._leading(national) is not None) and self._whole(
            national
        ) is not None


def region_of_international(digits: str) -> str | None:
    """The region of a number that begins with the code of a country; "": none; None: no such code."""
    if len(digits) <= _SHORTEST:
        return ""
    for length in range(1, _LONGEST_CODE + 1) if digits[0] != "0" else ():
        code = int(digits[:length])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return _main(code).region_of_national(digits[length:])
    return None


@cache
def plan_of(region: str, code: int = 0) -> Plan:
    return Plan(metadata_of(region, code))


@cache
def _main(code: int) -> Plan:
    return plan_of(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0], code)


@cache
def _family(code: int) -> tuple[tuple[str, Plan], ...]:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    return tuple((region, plan_of(region, code if region == _NON_GEOGRAPHIC else 0)) for region in regions)


@cache
def _any_of_family(code: int, length: int) -> Matcher:
    """What any of a family's regions takes for a number; errs on the side of yes."""
    patterns = [pattern for _, plan in _family(code) for pattern in plan.patterns(length)]
    return re.compile("|".join(dict.fromkeys(patterns)) or "(?!)").fullmatch


def _owner(code: int, national: str) -> str:
    """Of the regions that share a code the first that claims the number, if it then has such a number."""
    family = _family(code)
    if len(family) > 1 and not _any_of_family(code, len(national))(national):
        return ""
    for region, plan in family:
        if len(family) == 1 or not plan.leading:
            if plan.is_number(national):
                return region
        elif plan.leading(national):
            return region if plan.is_number(national) else ""
    return ""


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _matcher(pattern: str | None) -> Matcher | None:
    return re.compile(pattern).match if pattern else None
