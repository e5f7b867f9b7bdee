"""Matching of labels and findings, case by case."""

from __future__ import annotations

import pytest

from sentinel.evaluation.spans import Spanned, Stretch, Tally, tallies, total


def row(labels: list[tuple[int, int, str]], found: list[tuple[int, int, str]]) -> Spanned:
    return Spanned(
        "pii/x", 1, "c", tuple(Stretch(*each) for each in labels), tuple(Stretch(*each) for each in found)
    )


@pytest.mark.parametrize(
    ("labels", "found", "exact", "overlap"),
    [
        ([(0, 4, "PER")], [(0, 4, "PERSON")], Tally(1, 1, 1, 1), Tally(1, 1, 1, 1)),
        ([(0, 4, "person")], [(0, 9, "PERSON")], Tally(1, 0, 1, 0), Tally(1, 1, 1, 1)),
        # Next to it is beside it.
        ([(0, 4, "PER")], [(4, 9, "PERSON")], Tally(1, 0, 1, 0), Tally(1, 0, 1, 0)),
        # A label that two findings cover is met once; each of them is right.
        ([(0, 9, "PER")], [(0, 4, "PERSON"), (5, 9, "PERSON")], Tally(1, 0, 2, 0), Tally(1, 1, 2, 2)),
        # One finding over two labels.
        ([(0, 4, "PER"), (5, 9, "PER")], [(0, 9, "PERSON")], Tally(2, 0, 1, 0), Tally(2, 2, 1, 1)),
        ([(0, 4, "PER")], [], Tally(1, 0, 0, 0), Tally(1, 0, 0, 0)),
    ],
)
def test_names(
    labels: list[tuple[int, int, str]], found: list[tuple[int, int, str]], exact: Tally, overlap: Tally
) -> None:
    assert tallies([row(labels, found)], "exact") == {"PERSON": exact}
    assert tallies([row(labels, found)], "overlap") == {"PERSON": overlap}


def test_what_the_source_does_not_label_is_not_counted_against_it() -> None:
    rows = [row([(0, 4, "PER")], [(0, 4, "PERSON"), (9, 20, "EMAIL_ADDRESS")])]
    assert tallies(rows, "exact") == {"PERSON": Tally(1, 1, 1, 1)}


def test_a_type_labelled_in_one_row_is_labelled_in_all() -> None:
    rows = [row([(0, 4, "PER")], []), row([], [(0, 4, "PERSON")])]
    assert tallies(rows, "exact") == {"PERSON": Tally(1, 0, 1, 0)}


def test_another_type_may_answer_for_a_label() -> None:
    rows = [row([(0, 10, "DATE_OF_BIRTH")], [(0, 10, "DATE_TIME")])]
    assert tallies(rows, "exact") == {"DATE_OF_BIRTH": Tally(1, 1, 1, 1)}


def test_another_type_at_the_place_is_no_hit() -> None:
    rows = [row([(0, 4, "PER"), (9, 12, "LOC")], [(0, 4, "LOCATION")])]
    assert tallies(rows, "overlap") == {"PERSON": Tally(1, 0, 0, 0), "LOCATION": Tally(1, 0, 1, 0)}


def test_f_measures_by_hand() -> None:
    tally = Tally(labels=10, met=8, found=16, right=8)
    assert (tally.precision, tally.recall) == (0.5, 0.8)
    assert tally.f(1) == pytest.approx(2 * 0.5 * 0.8 / 1.3)
    assert tally.f(2) == pytest.approx(5 * 0.5 * 0.8 / (4 * 0.5 + 0.8))
    assert Tally().f(2) == 0.0
    assert total([tally, Tally(1, 1, 1, 1)]) == Tally(11, 9, 17, 9)
