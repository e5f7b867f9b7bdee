"""From the labels of tokens to entities."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sentinel.core.finding import Finding, Inspection
from sentinel.models._scores import FLOOR, Label, why_of
from sentinel.models.base import Passage


class Piece(msgspec.Struct, frozen=True):
    """A token or an entity: where it is in the text, its label, how sure that is."""

    start: int
    end: int
    label: Label
    score: float


def joined(text: str, pieces: Sequence[Piece]) -> list[Piece]:
    """Entities: neighbours of one type, with only white space, a dot, a hyphen or an apostrophe between.

    Where windows overlap the first one's answer counts, and a word has the label of its first token: the
    continuations of a word are seldom trained. An entity's label and score are its weakest word's.
    """
    entities: list[Piece] = []
    reached = 0
    last: Piece | None = None
    for piece in _words(text, sorted(pieces, key=lambda piece: piece.start)):
        if piece.start < reached:
            continue
        reached = piece.end
        gap = text[last.end : piece.start] if last is not None else ""
        type_ = piece.label.type
        if last is not None and type_ == last.label.type and type_ is not None and _same(gap):
            weakest = min(last, piece, key=lambda each: each.score)
            last = Piece(last.start, piece.end, weakest.label, weakest.score)
            entities[-1] = last
        else:
            last = piece
            if type_ is not None:
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
            words[-1] = Piece(first.start, piece.end, first.label, first.score)
        else:
            words.append(piece)
    return words


def bare(label: str) -> str:
    """A token's label without its place in the entity (`B-PER` and `I-PER` are PER)."""
    return label[2:] if label[:2] in ("B-", "I-", "E-", "S-", "L-", "U-") else label


def named(detector: str, passage: Passage, pieces: Sequence[Piece], model: str) -> Inspection:
    """Findings of a passage's entities, whose places count from the passage's start."""
    found: list[Finding] = []
    for piece in pieces:
        type_ = piece.label.type
        if type_ is not None and piece.score >= FLOOR:
            start, end = passage.start + piece.start, passage.start + piece.end
            why = why_of(piece.label.name, model, piece.score)
            found.append(Finding(detector, type_, start, end, piece.score, why))
    return Inspection(tuple(found), {})
