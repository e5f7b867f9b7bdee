"""Confirmation through candidates gives what `regex.finditer` gives over the whole text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import regex

from sentinel.detectors._candidates import UNBOUNDED, NotConvertible, candidate_form
from sentinel.detectors._patterns import Expression, Scanner, Work, _of_standard_library
from sentinel.detectors._recognizers import Catalogue
from sentinel.detectors._skeleton import FOLDS_TO_ASCII, skeleton
from sentinel.detectors.pii import OWN
from tests.detectors.generate import Generator

FLAGS = int(regex.DOTALL | regex.MULTILINE | regex.IGNORECASE)
JOINTS = [
    "",
    " ",
    ".",
    ",",
    "-",
    "/",
    "@",
    ":",
    "_",
    "\n",
    "é",
    "１",
    "٣",
    "\xa0",
    "—",
    "ß",
    "İ",
    "K",
    "ſ",
    "\x1c",
]
JOINTS += ["\t", "1", "a", "Z", "ä", "&", "\u200b", " the "]


def spans(scanner: Scanner, index: int, text: str) -> list[tuple[int, int]]:
    shape = skeleton(text)
    found = scanner.candidates(shape)
    if index not in found:
        return []
    return [match.span() for match in scanner.matches(index, text, shape, found[index], Work())]


def test_every_pattern_of_every_recognizer(catalogue: Catalogue, cache_dir: Path) -> None:
    patterns = [(p.regex, r.flags) for r in (*catalogue.recognizers, *OWN) for p in r.patterns]
    scanner = Scanner([Expression(pattern, flags) for pattern, flags in patterns], cache_dir)
    compiled = [regex.compile(pattern, flags) for pattern, flags in patterns]
    chooser, generator = random.Random(7), Generator(7)
    seen = 0
    for _ in range(250):
        pieces: list[str] = []
        joints = JOINTS if chooser.random() < 0.5 else [joint for joint in JOINTS if joint.isascii()]
        for _ in range(chooser.randint(1, 8)):
            value = generator.value(chooser.choice(patterns)[0])
            value = value.lower() if chooser.random() < 0.2 else value[: chooser.randint(0, 400)]
            pieces += [value, *chooser.choices(joints, k=chooser.randint(0, 3))]
        text = "".join(pieces)
        for index, expression in enumerate(compiled):
            expected = [match.span() for match in expression.finditer(text)]
            assert spans(scanner, index, text) == expected, (patterns[index][0], text)
            seen += len(expected)
    assert seen > 1000


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?<![A-Z0-9])ab{2,}c?(?!d)", "xabb éabbb abbd abbbbbbbbbc"),
        (r"(?i:[a-f]+)\d(?:-\d)*", "x ABC1-2-3-4-5 f9"),
        (r"(['\"])x+\1", "'xxx' \"xx' 'x\""),
        (r"(?x) a b", "ab a b"),  # verbose: read by the expression itself
        (r"(?P<n>a)b|(?P<n>b)c", "abc bc"),
        (r"^\d+$", "12\n34 \n56"),
        (r"(?>a+)b", "aaab aab"),
        (r"[^\W\d]{3}é", "abcé déé éééé"),
        (r"a.{0,3}?b", "a--b a\n\nb a----b"),
        (r"x*", "xx x"),  # matches nothing as well: Presidio drops empty matches, and so do we
    ],
)
def test_constructs(pattern: str, text: str, tmp_path: Path) -> None:
    scanner = Scanner([Expression(pattern, FLAGS)], tmp_path)
    expected = [m.span() for m in regex.finditer(pattern, text, FLAGS) if m.group()]
    assert [span for span in spans(scanner, 0, text) if span[0] < span[1]] == expected


@pytest.mark.parametrize(
    ("pattern", "head", "tail"),
    [(r"ab{2,4}", 3, 4), (r"a+b", UNBOUNDED, UNBOUNDED), (r"\bab\b", 2, 2)],
)
def test_reach_of_a_form(pattern: str, head: int, tail: int) -> None:
    form = candidate_form(pattern, ignore_case=False)
    assert (form.head, form.tail) == (head, tail)


@pytest.mark.parametrize("pattern", [r"a*", r"(?x) a", r"(?(1)a|b)", r"a{2"[:1] + "("])
def test_not_convertible(pattern: str) -> None:
    with pytest.raises(NotConvertible):
        candidate_form(pattern, ignore_case=False)


def test_only_known_characters_fold_to_ascii_letters() -> None:
    letters = regex.compile("[a-z]", regex.IGNORECASE)
    assert {chr(c) for c in range(128, 0x110000) if letters.match(chr(c))} == set(FOLDS_TO_ASCII)


@pytest.mark.parametrize(
    ("pattern", "flags", "taken"),
    [
        (r"\ba{2,3}[{x}]{1,}\b", FLAGS, True),
        (r"(?:abc){e<=1}", FLAGS, False),  # fuzzy
        (r"(?<=a|bc)d", FLAGS, False),
        (r"é\d", FLAGS, False),
        (r"[[a-z]--[b]]", FLAGS, False),
        (r"a b", int(regex.VERBOSE), False),
        (r"\p{Lu}", FLAGS, False),
    ],
)
def test_what_the_standard_library_reads_alike(pattern: str, flags: int, taken: bool) -> None:
    assert (_of_standard_library(Expression(pattern, flags)) is not None) == taken


@pytest.mark.parametrize("text", ["", "abc", "né\u200b１٣中😀\xa0K\u2028"])
def test_skeleton_has_one_byte_a_character(text: str) -> None:
    shape = skeleton(text).decode("ascii")
    assert len(shape) == len(text)
    for char, stand_in in zip(text, shape, strict=True):
        for kind in (r"\w", r"\d", r"\s"):
            assert bool(regex.match(kind, char)) == bool(regex.match(kind, stand_in)), (char, kind)


def test_groups_decide_about_speed_alone(cache_dir: Path) -> None:
    patterns = (r"\b\w+@\w+\.\w+", r"\d{3}-\d{4}", "secret", r"[a-f0-9]{4}:")
    together = Scanner([Expression(pattern) for pattern in patterns], cache_dir)
    apart = Scanner([Expression(pattern, group=i % 3) for i, pattern in enumerate(patterns)], cache_dir)
    text = skeleton("a secret for jane@example.com: 555-0123, 00ff:1 and joe@example.org")
    assert sorted(apart.candidates(text, 30).items()) == sorted(together.candidates(text, 30).items())
    assert len(apart.candidates(text)) == 4
    assert not apart.silent(text, 0, 20) and apart.silent(text, 0, 5)


def test_a_beginning_without_end_is_sought_by_its_last_character() -> None:
    assert candidate_form(r"\b((([\w+])|([\w+][\w.]*[\w+]))@[a-z]+)\b", False).expression.count("*") == 0
    form = candidate_form(r"\b(?:x|[a-c]\w*[de])-1", False)
    assert form.expression == r"(?:x|[d-e])\x2d1"
    assert form.head == UNBOUNDED
