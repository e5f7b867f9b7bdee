"""What the identifier of languages learns from, as far as it is no package."""

from __future__ import annotations

import pytest

from training.language_texts import bare


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Où est l'été ?", "Ou est l'ete ?"),
        ("Tiếng Việt", "Tieng Viet"),
        ("Καλημέρα", "Καλημερα"),
        ("Крайний", "Крайний"),
        ("हिन्दी", "हिन्दी"),
        ("한국어", "한국어"),
        ("ئۇيغۇر", "ئۇيغۇر"),
    ],
)
def test_marks_are_taken_off_latin_and_greek_letters_alone(text: str, typed: str) -> None:
    assert bare(text) == typed
