"""A text with edits that become known piece by piece."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.quoting import quoted
from sentinel.guard.edited import Edited, Restoring, applied
from sentinel.policy.operators import Replacement
from sentinel.policy.vault import Vault

TEXT = "ask jane@x.org or 4111 now"
EDITS = [Replacement(4, 14, "<MAIL>"), Replacement(18, 22, "****")]
AFTER = "ask <MAIL> or **** now"


@given(st.sets(st.integers(1, len(TEXT) - 1)))
def test_pieces_of_any_cut_add_up_to_the_edited_text(cuts: set[int]) -> None:
    edited = Edited()
    edited.settle(len(TEXT), EDITS)
    places = [0, *sorted(cuts), len(TEXT)]
    pieces = [
        edited.apply(TEXT[start:end], start, end) for start, end in zip(places, places[1:], strict=False)
    ]
    assert "".join(pieces) == AFTER == applied(TEXT, 0, EDITS)


@pytest.mark.parametrize(
    ("start", "end", "touched"),
    [
        (0, 4, False),
        (0, 5, True),
        (4, 14, True),
        (8, 8, True),
        (4, 4, False),
        (14, 14, False),
        (14, 18, False),
        (22, 26, False),
    ],
)
def test_an_edit_touches_what_it_overlaps_and_what_lies_within(start: int, end: int, touched: bool) -> None:
    edited = Edited()
    edited.settle(len(TEXT), EDITS)
    assert edited.touched(start, end) is touched


def vault() -> Vault:
    made = Vault()
    assert made.pseudonym("MAIL", "jane@x.org") == "<MAIL_1>"
    assert made.pseudonym("NAME", 'Jane "J" Doe') == "<NAME_1>"
    return made


def restored(pieces: list[str], edits: list[Replacement], *, in_json: bool = False) -> str:
    """What comes of text in pieces, edits told with the piece in which they begin and not cut by one."""
    text = "".join(pieces)
    edited = Edited()
    restoring = Restoring(vault(), quoted if in_json else str)
    position = 0
    for number, piece in enumerate(pieces):
        mine = [edit for edit in edits if position <= edit.start < position + len(piece)]
        position += len(piece)
        settled, done = restoring.advance(piece, mine, final=number == len(pieces) - 1)
        edited.settle(settled, done)
    return edited.apply(text, 0, len(text))


PROMISED = "Hi <MAIL_1>, <MAIL_1~> is not <MAIL_2>; <NAME_1> < 3 <MA"


@given(st.sets(st.integers(1, len(PROMISED) - 1)))
def test_values_come_back_for_any_cut(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(PROMISED)]
    pieces = [PROMISED[start:end] for start, end in zip(places, places[1:], strict=False)]
    assert restored(pieces, []) == vault().restore(PROMISED)


def test_a_pseudonym_that_has_begun_waits_and_everything_else_leaves() -> None:
    restoring = Restoring(vault(), str)
    assert restoring.advance("to <MA", []) == (3, [])
    assert restoring.advance("IL", []) == (3, [])
    assert restoring.advance("_1>!", []) == (12, [Replacement(3, 11, "jane@x.org")])
    assert restoring.advance(" a <b", []) == (17, [])


def test_values_and_other_edits_in_one_piece() -> None:
    text = "to <MAIL_1> and joe@x.org."
    assert restored([text], [Replacement(16, 25, "<MAIL>")]) == "to jane@x.org and <MAIL>."


def test_an_edit_is_no_pseudonym_even_when_it_looks_begun() -> None:
    text = "to joe@x.org_1>"
    assert restored([text], [Replacement(3, 12, "<MAIL")]) == vault().restore("to <MAIL_1>")


def test_values_in_json_text_are_written_as_strings() -> None:
    assert restored(['{"name": "<NAME', '_1>"}'], [], in_json=True) == '{"name": "Jane \\"J\\" Doe"}'
