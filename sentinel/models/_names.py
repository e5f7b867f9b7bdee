"""Names that settings of models give to what is found."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from sentinel.core.names import FINDING_TYPE


def _finding_type(name: str) -> str:
    if not FINDING_TYPE.fullmatch(name):
        raise ValueError("a finding type is a capital, then capitals, digits and `_`, as in `INSULT`")
    return name


def _topic(name: str) -> str:
    if not (name.isascii() and FINDING_TYPE.fullmatch(name.upper())):
        raise ValueError(
            "a topic's name is a letter from a to z, then letters, digits and `_`, as in `medical`"
        )
    return name


def _example(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; write a text of the topic")
    return text


FindingType = Annotated[str, AfterValidator(_finding_type)]
Topic = Annotated[str, AfterValidator(_topic)]
Examples = Annotated[list[Annotated[str, AfterValidator(_example)]], Field(min_length=1)]
