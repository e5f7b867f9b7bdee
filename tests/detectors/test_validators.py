"""Every validator answers as Presidio's `validate_result` and `invalidate_result` do."""

from __future__ import annotations

import random
from typing import Any

import pytest
import regex
from presidio_analyzer import PatternRecognizer

from sentinel.detectors import _checksums as check
from sentinel.detectors._recognizers import Catalogue
from sentinel.detectors._validators import ONLY_REJECT, VALIDATORS
from sentinel.detectors.pii import OWN
from tests.detectors.generate import Generator

PRESIDIOS = VALIDATORS.keys() - {recognizer.name for recognizer in OWN}
# Published examples and test vectors: values that chance would not hit.
KNOWN = {
    "CryptoRecognizer": [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "bc1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    ],
    "IbanRecognizer": [
        "GB82 WEST 1234 5698 7654 32",
        "gb82 west 1234 5698 7654 32",
        "DE89370400440532013000",
        "DE89370400440532013001",
        "FR14 2004 1010 0505 0001 3M02 606",
        "XX00 0000 0000 0000",
    ],
    "EmailRecognizer": [
        "a@example.com",
        "a@example.co.uk",
        "a@b.notatld",
        "a@localhost.x",
        "ü@bücher.example.org",
    ],
    "IpRecognizer": ["10.0.0.1", "10.0.0.256", "2001:db8::1", "::", "fe80::1%eth0", "1.2.3.4/33", "::1/64"],
    "MacAddressRecognizer": ["00:1A:2B:3C:4D:5E", "FF-FF-FF-FF-FF-FF", "0000.0000.0000", "0012.3456.789a"],
    "UsSsnRecognizer": ["078-05-1120", "123456789", "000-12-3456", "666121234", "536-90-4399", "536-90.4399"],
    "DeBsnrRecognizer": ["000000000"],
    "InGstinRecognizer": ["29ABCDE1234F1Z5", "29abcde1234f1z5", "39ABCDE1234F1Z5"],
    "CreditCardRecognizer": [
        "4111 1111 1111 1111",
        "4012-8888-8888-1881",
        "5555555555554444",
        "378282246310005",
    ],
}


def verdict(recognizer: Any, value: str) -> bool | None:
    """Presidio's two answers as one."""
    answer = recognizer.validate_result(value)
    if answer is not None and not answer:
        return False
    if recognizer.invalidate_result(value):
        return False
    return True if answer else None


def neighbours(value: str, chooser: random.Random) -> list[str]:
    """The value with other last characters and with some digits changed: some of these are valid."""
    kinds = "0123456789" + ("ABCDEFGHIJKLMNOPQRSTUVWXYZ" if value[-1:].isalpha() else "")
    found = [value, *(value[:-1] + char for char in kinds)]
    for place in chooser.sample(range(len(value)), min(3, len(value))):
        if value[place].isdigit():
            found += [value[:place] + digit + value[place + 1 :] for digit in "0123456789"]
    return found


def test_every_validating_recognizer_has_a_validator_of_ours(presidio: Any) -> None:
    def validates(kind: type) -> bool:
        base = PatternRecognizer
        return (
            kind.validate_result is not base.validate_result
            or kind.invalidate_result is not base.invalidate_result
        )

    assert {name for name, recognizer in presidio.items() if validates(type(recognizer))} == PRESIDIOS


@pytest.mark.parametrize("name", sorted(PRESIDIOS))
def test_equal_to_presidio(name: str, presidio: Any, catalogue: Catalogue) -> None:
    ours, theirs = catalogue.named()[name], presidio[name]
    generator, chooser = Generator(len(name)), random.Random(name)
    values = list(KNOWN.get(name, []))
    for pattern in ours.patterns:
        compiled = regex.compile(pattern.regex, ours.flags)
        for _ in range(150):
            made = generator.value(pattern.regex)
            values += [value for value in neighbours(made, chooser) if compiled.fullmatch(value)]
    if name == "IbanRecognizer":
        values += [f"{value[:2]}{digits:02}{value[4:]}" for value in KNOWN[name] for digits in range(100)]
    answers = {}
    for value in values:
        expected = verdict(theirs, value)
        answers[expected] = answers.get(expected, 0) + 1
        assert VALIDATORS[name](value, ours) == expected, value
    assert name not in ONLY_REJECT or True not in answers
    assert len(values) > 100 and len(answers) > 1 or name in ONE_ANSWER, answers


# Their pattern lets through only what their validator accepts, or chance makes the other answer too rare.
ONE_ANSWER = {
    "ZaIncomeTaxNumberRecognizer",
    "ZaPassportRecognizer",
    "ZaVatNumberRecognizer",
    "TrLicensePlateRecognizer",
    "ZaLicensePlateRecognizer",
}


@pytest.mark.parametrize(
    ("scheme", "valid", "invalid"),
    [
        (check.luhn, "79927398713", "79927398710"),
        (check.verhoeff, "2363", "2364"),
        (check.base58check, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0"),
        (
            check.bech32,
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3",
        ),
    ],
)
def test_published_examples(scheme: Any, valid: str, invalid: str) -> None:
    assert scheme(valid) and not scheme(invalid)
