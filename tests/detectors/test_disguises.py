"""Values in disguise. Each is of the kind that its scheme reserves for examples."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.core.background import NO_BACKGROUND, Background
from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding
from sentinel.core.needs import Need
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.disguises import DisguiseReader
from sentinel.detectors.pii import PiiConfig
from sentinel.detectors.registry import DetectorsConfig, load_detectors

VALUES = {
    "EMAIL_ADDRESS": "jane.doe@example.com",
    "CREDIT_CARD": "4111111111111111",
    "US_SSN": "536-22-8726",
    "IBAN_CODE": "GB82WEST12345698765432",
}
WORDS = "zero one two three four five six seven eight nine".split()


def spelled(value: str, apart: str = " ") -> str:
    return apart.join(WORDS[int(c)] if c.isdigit() else "dash" if c == "-" else c for c in value)


def base64_of(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


WRITTEN: dict[str, Callable[[str], str]] = {
    "spaces": " ".join,
    "wide spaces": "  ".join,
    "hyphens": "-".join,
    "points": ".".join,
    "underscores": "_".join,
    "stars": "*".join,
    "lines": "\n".join,
    "capitals": lambda value: " ".join(value).upper(),
    "zero-width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "zero-width and spaces": "\u200b ".join,
    "full-width": lambda value: "".join(chr(ord(c) + 0xFEE0) for c in value),
    "base64": base64_of,
    "base64 without padding": lambda value: base64_of(value).rstrip("="),
    "base64 twice": lambda value: base64_of(base64_of(value)),
    "base32": lambda value: base64.b32encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "hex in pairs": lambda value: value.encode().hex(" ").upper(),
    "hex with marks": lambda value: " ".join(f"0x{c:02x}" for c in value.encode()),
    "escapes": lambda value: "".join(f"\\x{c:02x}" for c in value.encode()),
    "unicode escapes": lambda value: "".join(f"\\u{c:04x}" for c in value.encode()),
    "percent": lambda value: "".join(f"%{c:02X}" for c in value.encode()),
    "percent twice": lambda value: "".join(f"%25{c:02X}" for c in value.encode()),
    "references": lambda value: "".join(f"&#{c};" for c in value.encode()),
}  # fmt: skip
SPELLED: dict[str, Callable[[str], str]] = {
    "words": spelled,
    "words and commas": lambda value: spelled(value, ", "),
    "words and hyphens": lambda value: spelled(value, "-"),
    "words by line": lambda value: spelled(value, "\n"),
    "words in capitals": lambda value: spelled(value).upper(),
}


@pytest.fixture(scope="module")
def all_of(cache_dir: Path) -> DetectorSet:
    return load_detectors(DetectorsConfig(), ["pii"], cache_dir)


def covering(detectors: DetectorSet, type_: str, shown: str) -> list[Finding]:
    """The findings that hide all of what is shown, but for a mark at its ends."""
    text = f"Please note {shown} for later."
    start = text.index(shown)
    return [
        f
        for f in detectors.inspect(text).findings
        if f.type == type_ and f.start <= start + 2 and f.end >= start + len(shown) - 2 and f.score >= 0.5
    ]


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("type_", VALUES)
def test_no_disguise_hides_a_value(all_of: DetectorSet, type_: str, how: str) -> None:
    assert covering(all_of, type_, WRITTEN[how](VALUES[type_]))


@pytest.mark.parametrize("how", SPELLED)
@pytest.mark.parametrize("type_", [type_ for type_ in VALUES if type_ != "EMAIL_ADDRESS"])
def test_digits_may_be_words(all_of: DetectorSet, type_: str, how: str) -> None:
    assert covering(all_of, type_, SPELLED[how](VALUES[type_]))


@pytest.mark.parametrize(
    "shown",
    [
        "jane.doe at example dot com", "jane.doe at example [.] com", "jane dot doe at example dot co dot uk",
        "jane.doe [at] example [dot] com",
        "jane.doe(at)example.com", "jane.doe AT example DOT com", "jane.doe @ example . com",
        "jane.doe @example.com", "jane.doe@ example.com", "jane underscore doe at mail dot example dot org",
        "j a n e at e x a m p l e dot c o m", "jane.doe@example[.]com", "jane.doe@example dot com",
        "jane.doe%40example.com", "jane.doe&#64;example&period;com", "jane_at_example_dot_com",
        "jane.doe arroba example punto com", "jane<at>example<dot>com", "jane.doe\\u0040example.com",
    ],
)  # fmt: skip
def test_addresses_in_words(all_of: DetectorSet, shown: str) -> None:
    assert covering(all_of, "EMAIL_ADDRESS", shown)


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        ("CREDIT_CARD", "4111.1111.1111.1111"), ("CREDIT_CARD", "4111 / 1111 / 1111 / 1111"),
        ("CREDIT_CARD", "(4111) (1111) (1111) (1111)"), ("CREDIT_CARD", "four triple one 1111 1111 1111"),
        ("CREDIT_CARD", "forty-one eleven eleven eleven eleven eleven eleven eleven"),
        ("CREDIT_CARD", "4111 1111\n1111 1111"), ("CREDIT_CARD", "41 11 11 11 11 11 11 11"),
        ("US_SSN", "536 / 22 / 8726"), ("US_SSN", "five three six, twenty-two, eighty-seven twenty-six"),
        ("IBAN_CODE", "gb82/west/1234/5698/7654/32"), ("IBAN_CODE", "DE 89 370400440532013000"),
    ],
)  # fmt: skip
def test_numbers_set_apart(all_of: DetectorSet, type_: str, shown: str) -> None:
    assert covering(all_of, type_, shown)


@pytest.mark.parametrize(
    "text",
    [
        "Look at example.com, or meet me at noon. It is due. In May we go on.",
        "Write to jane@example.com. It is read daily.",
        "We were at home . So we called . The dot com years were over at last.",
        "Draw 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 13.",
        "The word internationalisation and the commit deadbeefcafe0123456789abcdef0123456789ab.",
        "One of the two has three. Four more and five or six of seven.",
        "@app.route('/at/dot') and git@ is no address",
        "x = [4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]",
        "0 1 1 2 3 5 8 13 21 34 55 89 144 233 377",
    ],
)
def test_ordinary_text_is_left_alone(cache_dir: Path, text: str) -> None:
    reader = DisguiseReader(PiiConfig(), cache_dir)
    assert not reader.inspect(text, NO_BACKGROUND).findings


def test_a_part_that_is_escaped_is_found_at_its_own_place(cache_dir: Path) -> None:
    text = "https://example.org/?to=jane%40example.com&x=1 jane%40example.net"
    found = DisguiseReader(PiiConfig(), cache_dir).inspect(text, NO_BACKGROUND).findings
    assert text[found[-1].start : found[-1].end] == "jane%40example.net"
    assert found[-1].why == "disguised percent-encoded, valid"


def test_the_allow_list_knows_the_value_that_is_hidden(cache_dir: Path) -> None:
    reader = DisguiseReader(PiiConfig(allow_list=["jane@example.com"]), cache_dir)
    text = f"{base64_of('jane@example.com')} {base64_of('joe@example.com')}"
    assert [f.start for f in reader.inspect(text, NO_BACKGROUND).findings] == [text.index(" ") + 1]


@pytest.mark.parametrize(("setting", "prompt", "answer"), [("off", 0, 0), ("prompts", 1, 0), ("all", 1, 1)])
def test_the_stages_it_reads(cache_dir: Path, setting: str, prompt: int, answer: int) -> None:
    config = DetectorsConfig.model_validate({"pii": {"disguises": setting}})
    detectors = load_detectors(config, ["pii"], cache_dir)
    view = detectors.view(frozenset({Need("pii", ("EMAIL_ADDRESS",), 0.5)}))
    for stage, told in ((Stage.INPUT, prompt), (Stage.OUTPUT, answer)):
        found = detectors.inspect("jane at example dot com", view, Background(stage=stage)).findings
        assert len(found) == told
    asked = detectors.scopes(frozenset({Need("pii", ("EMAIL_ADDRESS",), 0.5)}))
    assert asked == ({"token", "text"} if answer else {"token"})


def in_part_cyrillic(value: str) -> str:
    return value.translate(str.maketrans("aeoBE", "аеоВЕ"))


UNSEEN: dict[str, Callable[[str], str]] = {
    "graphemes joined": "\u034f".join,
    "variation selectors": "\ufe0f".join,
    "fillers": "\u3164".join,
    "struck through": "\u0336".join,
    "bullets": "•".join,
    "zero-width in base64": lambda value: base64_of("\u200b".join(value)),
    "zero-width in hex": lambda value: "\u200b".join(value).encode().hex(),
    "zero-width in percent": lambda value: WRITTEN["percent"]("\u200b".join(value)),
    "soft hyphens in base64": lambda value: base64_of("\u00ad".join(value)),
    "full-width in base64": lambda value: base64_of(WRITTEN["full-width"](value)),
    "look-alikes spaced out": lambda value: " ".join(in_part_cyrillic(value)),
    "look-alikes beside full-width": lambda value: "".join(
        chr(ord(c) + 0xFEE0) if c.isascii() else c for c in in_part_cyrillic(value)
    ),
    "look-alikes in base64": lambda value: base64_of(in_part_cyrillic(value)),
    "hex spaced out": lambda value: " ".join(value.encode().hex()),
    "base64 spaced out": lambda value: " ".join(base64_of(value).rstrip("=")),
}


@pytest.mark.parametrize("how", UNSEEN)
@pytest.mark.parametrize("type_", VALUES)
def test_disguises_upon_disguises(all_of: DetectorSet, type_: str, how: str) -> None:
    assert covering(all_of, type_, UNSEEN[how](VALUES[type_]))


def test_a_value_that_is_encoded_twice_in_a_text_is_found_twice(all_of: DetectorSet) -> None:
    text = f"{base64_of('jane@example.com')} and {base64_of('jane@example.com')}, b y e f o r n o w"
    assert len([f for f in all_of.inspect(text).findings if f.type == "EMAIL_ADDRESS"]) == 2
