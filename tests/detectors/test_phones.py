"""Phone numbers: the same (start, end) as the package's matcher over the whole text, in all regions."""

from __future__ import annotations

import random
from pathlib import Path

import phonenumbers
import pytest

from sentinel.detectors._patterns import Expression, Scanner, Work
from sentinel.detectors._phones import PhoneFinder, candidate_expression
from sentinel.detectors._skeleton import skeleton

REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")
BETWEEN = [
    "",
    " ",
    "-",
    ".",
    "/",
    " - ",
    "(",
    ")",
    " (",
    ") ",
    "+",
    "x",
    " ext. ",
    "#",
    ",",
    ";",
    "\u2013",
    "\u200b",
]
BETWEEN += ["\xa0", "０", "\n", ":", "~", " int ", "доб", "anexo ", "call me ", "é", "in 1995 ", "$", "a"]


class Phones:
    def __init__(self, directory: Path, limit: int = 10**9) -> None:
        self._finder = PhoneFinder(REGIONS, 1, limit)
        self._scanner = Scanner([Expression(candidate_expression(REGIONS), raw=True)], directory)

    def find(self, text: str, work: Work | None = None) -> list[tuple[int, int, bool]]:
        ends = self._scanner.candidates(skeleton(text)).get(0, [])
        return [(m.start, m.end, m.region is not None) for m in self._finder.find(text, ends, work or Work())]


def theirs(text: str) -> list[tuple[int, int]]:
    found = {(m.start, m.end) for r in REGIONS for m in phonenumbers.PhoneNumberMatcher(text, r, leniency=1)}

    def inside(one: tuple[int, int], other: tuple[int, int]) -> bool:
        return one != other and other[0] <= one[0] and one[1] <= other[1]

    return sorted(place for place in found if not any(inside(place, other) for other in found))


def number(chooser: random.Random) -> str:
    region, kind = chooser.choice([*REGIONS, "AR", "IT", "JP"]), chooser.choice([0, 1, 3, 4, 6, 7])
    example = phonenumbers.example_number_for_type(region, kind)
    if example is None or chooser.random() < 0.35:
        return "".join(chooser.choices("0123456789", k=chooser.randint(1, 12)))
    text = phonenumbers.format_number(example, chooser.choice([0, 1, 2]))
    if chooser.random() < 0.3:
        text = "".join(char for char in text if char.isdigit() or char == "+")
    return chooser.choice(["", "", "", "00", "011", "0", "1", "49"]) + text


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_the_package(seed: int, tmp_path: Path) -> None:
    phones, chooser, seen = Phones(tmp_path), random.Random(seed), 0
    for _ in range(300):
        pieces = [number(chooser) if chooser.random() < 0.4 else chooser.choice(BETWEEN) for _ in range(6)]
        text = "".join(pieces)
        expected = theirs(text)
        assert [place[:2] for place in phones.find(text)] == expected, ascii(text)
        seen += len(expected)
    assert seen > 30


@pytest.mark.parametrize(
    "text",
    [
        "1641",
        "1995",
        "in 2010 we",
        "1,234,567",
        "3.14159265",
        "12:30:45",
        "2020-01-01 10:30",
        "( x+33123456789+/5433556(",
        "+999 212 555 0123",
        "212-555-0123 ext. 4",
        "２１２-５５５-０１２３",
    ],
)
def test_numbers_of_plain_text(text: str, tmp_path: Path) -> None:
    assert [place[:2] for place in Phones(tmp_path).find(text)] == theirs(text)


def test_past_the_bound_the_shape_decides(tmp_path: Path) -> None:
    phones, work = Phones(tmp_path, limit=4), Work()
    found = phones.find("".join(f"212-555-012{i}\n" for i in range(5)), work)
    assert work.phones == 4
    assert [confirmed for _, _, confirmed in found][-1] is False
    assert len(found) == 5


def test_digits_that_cannot_be_a_number_are_not_parsed(tmp_path: Path) -> None:
    work = Work()
    assert Phones(tmp_path).find("in 1995, 2003 and 2024 they sold 100000 of 999999", work) == []
    assert work.phones == 0
