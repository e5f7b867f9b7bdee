"""Which groups a text speaks of."""

from __future__ import annotations

import pytest

from sentinel.evaluation.groups import groups_in


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("Two women met a man.", ("women", "men")),
        ("Muslims and Jews pray", ("Muslim or Arab", "Jewish")),
        ("a transgender person", ("transgender",)),
        ("She uses a wheelchair.", ("disabled",)),
        # A part of a word, a name or a tag is no mention.
        ("The manual of Indiana, blackboard, @women", ()),
        ("nothing", ()),
    ],
)
def test_terms(text: str, groups: tuple[str, ...]) -> None:
    assert groups_in(text) == groups
