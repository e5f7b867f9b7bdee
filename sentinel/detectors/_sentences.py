"""Where sentences end, for detectors that read a text sentence by sentence.

A sentence ends behind a full stop, question or exclamation mark (with what closes quotes and brackets) that
white space follows, behind the marks of East Asian scripts, behind a line's end, and after `LONGEST`
characters. Where one ends depends on its own characters and the next one, so a text that arrives in pieces
has the same sentences.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

LONGEST = 1000
LEFT = 500  # characters of the text before a sentence that its detector may look at
_TOGETHER = 300  # characters of a sentence and whole ones before it that models read together
_CLOSING = r"\"'”’»」』）)\]"
_EASTERN = "。！？｡"
# One class of characters stands first, so that all others are passed over quickly.
_END = re.compile(
    rf"[.!?…{_EASTERN}\n](?:(?<=\n)|(?<=[.!?…])[.!?…]*[{_CLOSING}]*(?=\s)"
    rf"|(?<=[{_EASTERN}])[{_EASTERN}]*[{_CLOSING}]*(?=[^{_EASTERN}{_CLOSING}]))",
    re.DOTALL,
)


def sentences(text: str, start: int, *, final: bool) -> Iterator[tuple[int, int]]:
    """The sentences from `start` on, where one begins; `final`: the text is complete, and its rest is one
    too."""
    while start < len(text):
        match = _END.search(text, start, start + LONGEST + 1)
        if match is not None and match.end() - start <= LONGEST:
            end = match.end()
        elif len(text) - start > LONGEST:
            end = start + LONGEST
        elif final:
            end = len(text)
        else:
            return
        yield start, end
        start = end


class Neighbours:
    """Where the whole sentences begin that a model reads together with one, asked for one after the other."""

    def __init__(self) -> None:
        self._starts: deque[int] = deque()

    def of(self, start: int, end: int) -> int:
        """The sentence is `start:end`, and the first or behind the one before."""
        self._starts.append(start)
        while end - self._starts[0] > _TOGETHER and len(self._starts) > 1:
            self._starts.popleft()
        return self._starts[0]
