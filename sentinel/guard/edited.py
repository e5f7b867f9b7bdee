"""A text and what has been decided to stand in the place of parts of it, as it becomes known.

    0 ......... settled ......... length
    decided     |  held back, may still change

Invariants: edits ascend, do not overlap and lie before `settled`; no edit spans `settled`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from sentinel.policy.operators import Replacement
from sentinel.policy.vault import LOOK_ALIKE, Vault

# The beginning of something that may turn out a pseudonym (policy.vault); longer names are never issued.
_BEGUN = re.compile(r"<[A-Z0-9_]*(?:\.[0-9]*)?~*\Z")
_LONGEST = 256


class Edited:
    """One text's decided part. Offsets are characters of the text as it came."""

    __slots__ = ("_ends", "_starts", "edits", "settled")

    def __init__(self) -> None:
        self.settled = 0
        self.edits: list[Replacement] = []
        self._starts: list[int] = []
        self._ends: list[int] = []

    def settle(self, to: int, edits: Iterable[Replacement]) -> None:
        """Everything before `to` is decided; `edits` are those behind the last ones."""
        for edit in edits:
            self.edits.append(edit)
            self._starts.append(edit.start)
            self._ends.append(edit.end)
        self.settled = to

    def touched(self, start: int, end: int) -> bool:
        """Whether an edit overlaps `start:end`, or for an empty stretch lies around it."""
        index = bisect_right(self._ends, start)
        if index == len(self._starts):
            return False
        return self._starts[index] < end or (start == end and self._starts[index] < start)

    def apply(self, text: str, start: int, end: int) -> str:
        """What stands for `text`, the stretch `start:end`. An edit belongs to the stretch in which it
        begins."""
        pieces: list[str] = []
        position = start
        index = bisect_right(self._ends, start)
        # An edit of nothing but an insertion does not exist, so each one that ends behind `start` counts.
        while index < len(self.edits) and self._starts[index] < end:
            edit = self.edits[index]
            if edit.start >= start:
                pieces += [text[position - start : edit.start - start], edit.text]
            position = min(edit.end, end)
            index += 1
        return "".join((*pieces, text[position - start :]))


class Restoring:
    """Puts pseudonyms' values back into a text whose other edits are made already: what `Vault.restore` makes
    of the whole, piece by piece. `quote` writes a value as the text around it demands."""

    def __init__(self, vault: Vault, quote: Callable[[str], str]) -> None:
        self._vault = vault
        self._quote = quote
        self._text = ""  # as it came, from `_origin` on
        self._edits: list[Replacement] = []
        self._origin = 0

    def advance(
        self, text: str, edits: Sequence[Replacement], *, final: bool = False
    ) -> tuple[int, list[Replacement]]:
        """`text` and `edits` follow what was given before. Returns up to where the text is decided now, and
        all edits of what was not decided before."""
        if not (self._text or self._edits or edits or "<" in text):
            self._origin += len(text)  # nothing that could be a pseudonym
            return self._origin, []
        self._text += text
        self._edits += edits
        settled = self._origin + len(self._text)
        if not final:
            settled = self._begun(settled)
        done = [edit for edit in self._edits if edit.start < settled]
        self._edits = self._edits[len(done) :]
        piece, self._text = self._text[: settled - self._origin], self._text[settled - self._origin :]
        done = self._restored(piece, done)
        self._origin = settled
        return settled, done

    def _begun(self, end: int) -> int:
        """Where a pseudonym may have begun that is not complete, or the end."""
        tail_from = max(self._edits[-1].end if self._edits else 0, end - _LONGEST, self._origin)
        tail = self._text[tail_from - self._origin :]
        last = tail.rfind("<")
        return tail_from + last if last >= 0 and _BEGUN.match(tail, last) else end

    def _restored(self, piece: str, edits: list[Replacement]) -> list[Replacement]:
        if not edits:
            return [
                Replacement(self._origin + match.start(), self._origin + match.end(), self._quote(value))
                for match in LOOK_ALIKE.finditer(piece)
                if (value := self._vault.value_of(match)) != match[0]
            ]
        text = applied(piece, self._origin, edits)
        restored = self._vault.restore(text, self._quote)
        if restored == text:
            return edits
        # One edit for all of it: which part of the text a value is told with does not matter.
        return [Replacement(self._origin, self._origin + len(piece), restored)]


def applied(text: str, origin: int, edits: Iterable[Replacement]) -> str:
    """`text`, which stands from `origin` on, with all of the edits made."""
    pieces: list[str] = []
    position = origin
    for edit in edits:
        pieces += [text[position - origin : edit.start - origin], edit.text]
        position = edit.end
    return "".join((*pieces, text[position - origin :]))
