"""From labelled tokens to entities."""

from __future__ import annotations

import pytest

from sentinel.core.finding import Inspection
from sentinel.models._scores import Label
from sentinel.models._spans import Piece, joined, named
from sentinel.models.base import Passage


def _pieces(text: str, *labelled: tuple[str, str | None, float]) -> list[Piece]:
    found, place = [], 0
    for token, type_, score in labelled:
        start = text.index(token, place)
        place = start + len(token)
        found.append(Piece(start, place, Label(token, type_), score))
    return found


P, L, N = "PERSON", "LOCATION", None


@pytest.mark.parametrize(
    ("text", "labelled", "wanted"),
    [
        ("ann lee left", [("ann", P, 0.9), ("lee", P, 0.8), ("left", N, 1.0)], [("ann lee", P, 0.8)]),
        ("ann paris", [("ann", P, 0.9), ("paris", L, 0.8)], [("ann", P, 0.9), ("paris", L, 0.8)]),
        (
            "mr. a. b. lee",
            [("a", P, 0.9), (".", P, 0.6), ("b", P, 0.9), ("lee", P, 0.9)],
            [("a. b. lee", P, 0.6)],
        ),
        ("ann, lee", [("ann", P, 0.9), (",", N, 1.0), ("lee", P, 0.9)], [("ann", P, 0.9), ("lee", P, 0.9)]),
        ("ann\nlee", [("ann", P, 0.9), ("lee", P, 0.9)], [("ann", P, 0.9), ("lee", P, 0.9)]),
        ("annlee", [("ann", P, 0.9), ("lee", N, 0.9)], [("annlee", P, 0.9)]),
        ("annlee", [("ann", N, 0.9), ("lee", P, 0.9)], []),
        (
            "smith-jones",
            [("smith", P, 0.9), ("-", N, 0.9), ("jones", P, 0.7)],
            [("smith", P, 0.9), ("jones", P, 0.7)],
        ),
        ("", [], []),
    ],
)
def test_entities(
    text: str, labelled: list[tuple[str, str | None, float]], wanted: list[tuple[str, str, float]]
) -> None:
    found = joined(text, _pieces(text, *labelled))
    assert [(text[piece.start : piece.end], piece.label.type, piece.score) for piece in found] == wanted


def test_where_windows_overlap_the_first_counts() -> None:
    person, place = Label("PER", P), Label("LOC", L)
    twice = [
        Piece(start, end, label, score)
        for start, end, label, score in (
            (0, 3, person, 0.9),
            (4, 7, person, 0.9),
            (4, 7, place, 0.5),
            (8, 13, place, 0.8),
        )
    ]
    assert joined("ann lee paris", twice) == [Piece(0, 7, person, 0.9), Piece(8, 13, place, 0.8)]


def test_why_names_the_label_of_the_weakest_word() -> None:
    text = "mr. ann lee left"
    first, last = Label("FIRST_NAME", P), Label("LAST_NAME", P)
    entities = joined(text[4:], [Piece(0, 3, first, 0.9), Piece(4, 7, last, 0.8)])
    (found,) = named("own", Passage(text, 4), entities, "acme/names").findings
    assert (found.start, found.end, found.score) == (4, 11, 0.8)
    assert found.why == "label `LAST_NAME` of acme/names, 0.80; findings begin at 0.1"
    assert named("own", Passage(text), [Piece(0, 3, first, 0.05)], "acme/names") == Inspection()
