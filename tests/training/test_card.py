"""Where training writes its figures: a card's other words stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import _card

CARD = """# A model

<!-- sources -->
| old | |
<!-- end -->

Between.

<!-- kinds -->
<!-- end -->
"""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_card, "CARDS", tmp_path)
    card = tmp_path / "model.md"
    card.write_text(CARD)
    return card


def test_a_table_takes_its_place(card: Path) -> None:
    _card.write("model", "sources", ["set", "rows", "AUC"], [["a", 12, 0.98765], ["b", 3, float("nan")]])
    made = "| set | rows | AUC |\n|---|---|---|\n| a | 12 | 0.988 |\n| b | 3 |  |\n"
    assert card.read_text() == CARD.replace("| old | |\n", made)
    _card.write("model", "kinds", ["kind"], [])
    assert card.read_text().endswith("<!-- kinds -->\n| kind |\n|---|\n<!-- end -->\n")


@pytest.mark.parametrize(
    "text", ["none", "<!-- a -->\n", "<!-- a -->\n<!-- end -->\n<!-- a -->\n<!-- end -->\n"]
)
def test_a_card_without_the_place_is_an_error(card: Path, text: str) -> None:
    card.write_text(text)
    with pytest.raises(ValueError, match="has no place `<!-- a -->`"):
        _card.write("model", "a", ["x"], [])
    assert card.read_text() == text


def test_tables_under_titles(card: Path) -> None:
    card.write_text(f"before\n{_card.FIGURES}\nold\n{_card.END_OF_FIGURES}\nafter\n")
    _card.write_figures(card, {"One": [["a"], ["1"]], "Two": [["b"]]})
    made = "\n### One\n\n| a |\n|---|\n| 1 |\n\n### Two\n\n| b |\n|---|\n\n"
    assert card.read_text() == f"before\n{_card.FIGURES}\n{made}{_card.END_OF_FIGURES}\nafter\n"


def test_tables_that_are_not_given_stay(card: Path) -> None:
    card.write_text(f"{_card.FIGURES}\n{_card.END_OF_FIGURES}\n")
    _card.write_figures(card, {"One": [["a"], ["1"]], "Two": [["b"], ["2"]]})
    _card.write_figures(card, {"Two": [["c"], ["3"]], "Three": [["d"], ["4"]]}, keep=True)
    made = card.read_text()
    titles = ("### One", "| a |", "| 1 |", "### Two", "| c |", "| 3 |", "### Three", "| d |", "| 4 |")
    places = [made.index(each) for each in titles]
    assert places == sorted(places)
    assert "| 2 |" not in made
    _card.write_figures(card, {"Two": [["c"], ["3"]]})
    assert "### One" not in card.read_text()
