"""Texts and bytes cut in every way."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

Cut = TypeVar("Cut", str, bytes)


def pieces_of(whole: Cut) -> st.SearchStrategy[list[Cut]]:
    """Whole, one character a piece, or cut anywhere; empty pieces too."""
    places = st.lists(st.integers(0, len(whole)), max_size=20).map(sorted)
    return st.one_of(
        st.just([whole]),
        st.just([whole[place : place + 1] for place in range(len(whole))]),
        places.map(
            lambda cuts: [
                whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)
            ]
        ),
    )
