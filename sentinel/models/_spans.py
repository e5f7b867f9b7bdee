"""From the labels of tokens to entities."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sentinel.core.finding import Finding, Inspection
from sentinel.models._scores import FLOOR
from sentinel.models.base import Passage


class Piece(msgspec.Struct, frozen=True):
    """A token or an entity: where it is in the text, its finding type (None: none), how sure that is."""

    start: int
    end: int
    type: str | None
    score: float


def joined(text: str, pieces: Sequence[Piece]) -> list[Piece]:
    """Entities: neighbours of one type, with only white space, a dot, a hyphen or an apostrophe between.

    Where windows overlap the first one's answer counts, and a word has the label of its first token: the
    continuations of a word are seldom trained. An entity's score is its weakest word's.
    """
    entities: list[Piece] = []
    reached = 0
    last: Piece | None = None
    for piece in _words(text, sorted(pieces, key=lambda piece: piece.start)):
        if piece.start < reached:
            continue
        reached = piece.end
        gap = text[last.end : piece.start] if last is not None else ""
        if last is not None and piece.type == last.type and piece.type is not None and _same(gap):
            last = Piece(last.start, piece.end, last.type, min(last.score, piece.score))
            entities[-1] = last
        else:
            last = piece
            if piece.type is not None:
                entities.append(piece)
    return entities


def _same(gap: str) -> bool:
    return len(gap) <= 3 and not gap.strip(" .-'’") and "\n" not in gap


def _words(text: str, pieces: Sequence[Piece]) -> list[Piece]:
    """Tokens put together to words."""
    words: list[Piece] = []
    for piece in pieces:
        inside = piece.start > 0 and text[piece.start - 1].isalnum() and text[piece.start].isalnum()
        if inside and words and words[-1].end == piece.start:
            first = words[-1]
            words[-1] = Piece(first.start, piece.end, first.type, first.score)
        else:
            words.append(piece)
    return words


def bare(label: str) -> str:
    """A token's label without its place in the entity (`B-PER` and `I-PER` are PER)."""
    return label[2:] if label[:2] in ("B-", "I-", "E-", "S-", "L-", "U-") else label


def named(detector: str, passage: Passage, pieces: Sequence[Piece], why: str) -> Inspection:
    """Findings of a passage's entities, whose places count from the passage's start."""
    found = tuple(
        Finding(
            detector, piece.type, passage.start + piece.start, passage.start + piece.end, piece.score, why
        )
        for piece in pieces
        if piece.type is not None and piece.score >= FLOOR
    )
    return Inspection(found, {})
