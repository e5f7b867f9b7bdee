"""Numbering plans: the region that the package phonenumbers gives to digits, in every region."""

from __future__ import annotations

import random
from typing import Any

import phonenumbers
import pytest
from phonenumbers import phonenumbermatcher

from sentinel.detectors._phone_plans import plan_of, region_of_international

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
PRESIDIO = ["US", "GB", "DE", "FR", "IL", "IN", "CA", "BR"]


def theirs(digits: str, region: str) -> str:
    verify: Any = phonenumbermatcher._verify
    try:
        number = phonenumbers.parse(digits, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return ""
    valid = verify(phonenumbers.Leniency.VALID, number, digits, None)
    return (phonenumbers.region_code_for_number(number) or "") if valid else ""


def dialled(chooser: random.Random, region: str) -> str:
    metadata: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
    example = phonenumbers.example_number_for_type(region, chooser.randrange(11))
    digits = "".join(chooser.choices("0123456789", k=chooser.randint(3, 15)))
    if example is not None and chooser.random() < 0.8:
        national = phonenumbers.national_significant_number(example)
        kept = chooser.randint(0, len(national))
        digits = national[:kept] + digits[: len(national) - kept]
    code, prefix = str(metadata.country_code), metadata.national_prefix or ""
    led = (
        chooser.choice(["", "", prefix, "0", "1", code, code + prefix, "00" + code, "011" + code, "80"])
        + digits
    )
    return led[: chooser.choice([30, 30, len(led) - 1])]


@pytest.mark.parametrize(("regions", "seed"), [(PRESIDIO, 1), (PRESIDIO, 2), (REGIONS, 3)])
def test_equal_to_the_package(regions: list[str], seed: int) -> None:
    chooser, seen = random.Random(seed), 0
    for _ in range(1500):
        region = chooser.choice(regions)
        digits = dialled(chooser, chooser.choice([region, region, chooser.choice(REGIONS)]))
        if len(digits) < 3:
            continue
        expected = theirs(digits, region)
        assert plan_of(region).region_of(digits) == expected, (region, digits)
        abroad = region_of_international(digits)
        assert abroad is None or abroad == theirs("+" + digits, region), digits
        seen += bool(expected)
    assert seen > 100


def test_a_code_that_no_country_has() -> None:
    assert region_of_international("2105550123") is None
    assert region_of_international("0105550123") is None


def test_region_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="XX"):
        plan_of("XX")
