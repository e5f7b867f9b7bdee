"""Sentences of a streamed answer that the model plane is asked about while the answer goes on.

    0 ......... settled ........................ read ......... pushed
      told, in     | sentences that are known,     | not a sentence
      the text's   | or asked about, or waiting    | yet
      order        | to be asked about

- Each sentence is asked about once, as `cascade` says, and told when it and all before it are known: what is
  told, and in which order, depends neither on how the text came nor on when answers come.
- Sentences that are complete at the same time are asked about together; while `_AT_ONCE` questions are open,
  later sentences gather for the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sentinel.core.background import Background, Passage
from sentinel.core.finding import Inspection
from sentinel.detectors._sentences import LEFT, Neighbours, sentences
from sentinel.detectors.base import SentenceDetector
from sentinel.detectors.inspection import inspect_sentence, joined, moved
from sentinel.detectors.stream import BySentence, Progress
from sentinel.guard.cascade import Asking, Question, Sentence, learn
from sentinel.guard.channel import ChannelText
from sentinel.guard.commands import Ask

_AT_ONCE = 4  # questions of one answer
_SPARE = 4096  # characters beyond which what was read is forgotten: seldom, for it copies


class AskingSentences:
    """As `detectors.stream.SentenceInspector`, with the model plane's help."""

    def __init__(self, detectors: Sequence[SentenceDetector], asking: Asking, background: Background) -> None:
        self.asking = asking
        self.unasked: list[Sentence] = []
        """Sentences that somebody has to ask about."""
        self._detectors = detectors
        self._background = background
        self._neighbours = Neighbours()
        self._text = ""  # from `_origin` on: what is not read, and its left context
        self._origin = 0
        self._read = 0
        self._waiting: deque[Sentence] = deque()  # read and not told
        self._unknown: set[Sentence] = set()
        self.settled = 0

    @property
    def waits(self) -> bool:
        """Whether a sentence is not known that was read."""
        return bool(self._unknown)

    @property
    def unread(self) -> frozenset[str]:
        """The detectors that have not answered about all that was pushed."""
        behind = bool(self._text[self._read - self._origin :].strip())
        return self.asking.needed if behind or self._unknown else frozenset()

    def push(self, text: str) -> None:
        self._text += text

    def advance(self, *, final: bool = False) -> Progress:
        """Read the sentences that are complete, and settle those that are known."""
        for start, end in sentences(self._text, self._read - self._origin, final=final):
            self._take(start, end)
            self._read = self._origin + end
        spare = self._read - self._origin - LEFT
        if spare > _SPARE:
            self._text = self._text[spare:]
            self._origin += spare
        told: list[Inspection] = []
        while self._waiting and self._waiting[0] not in self._unknown:
            sentence = self._waiting.popleft()
            told.append(sentence.known)
            self.settled = sentence.end
        return Progress(self.settled, joined(told))

    def _take(self, start: int, end: int) -> None:
        known = self._found(start, end)
        first = self._neighbours.of(self._origin + start, self._origin + end) - self._origin
        passage = Passage(self._text[first:end], start - first, self._background)
        sentence = Sentence(passage, self._origin + start, known)
        self._waiting.append(sentence)
        if self.asking.questions([sentence]):
            self._unknown.add(sentence)
            self.unasked.append(sentence)

    def _found(self, start: int, end: int) -> Inspection:
        here = [inspect_sentence(each, self._text, start, end, self._background) for each in self._detectors]
        return moved(joined(here), self._origin)

    def untold(self) -> Inspection:
        """What was found here and not told, or would be found if the text ended here."""
        start, end = self._read - self._origin, len(self._text)
        rest = [self._found(start, end)] if start < end else []
        return joined([*(sentence.known for sentence in self._waiting), *rest])

    def answered(self, about: Sequence[Sentence]) -> None:
        """All is known about these sentences."""
        self._unknown.difference_update(about)

    def drop(self) -> None:
        """Begin the next sentence behind all that was pushed; answers that are on their way come too late."""
        self.settled = self._read = self._origin + len(self._text)
        self._neighbours = Neighbours()
        self._waiting.clear()
        self._unknown.clear()
        self.unasked.clear()


class _Open:
    """What was asked of one text."""

    __slots__ = ("asked", "asker", "sentences", "text")

    def __init__(self, text: ChannelText, asker: AskingSentences) -> None:
        self.text, self.asker = text, asker
        self.sentences, asker.unasked = asker.unasked, []
        self.asked: list[Question] = asker.asking.questions(self.sentences)


class Asks:
    """All that one answer asks."""

    def __init__(self, deadline_ms: int | None) -> None:
        self._deadline_ms = deadline_ms
        self.askers: list[tuple[ChannelText, AskingSentences]] = []
        self._open: dict[int, list[_Open]] = {}
        self._number = 0

    def mind(self, text: ChannelText, reader: BySentence | None) -> None:
        """A text of the answer, and what reads its sentences."""
        if isinstance(reader, AskingSentences):
            self.askers.append((text, reader))

    @property
    def waiting(self) -> bool:
        """Whether something depends on an answer."""
        return any(asker.waits for _, asker in self.askers)

    @property
    def unread(self) -> frozenset[str]:
        """The detectors on whose answers something depends."""
        return frozenset[str]().union(*(asker.unread for _, asker in self.askers))

    def next(self) -> Ask | None:
        """What is to be asked now."""
        if len(self._open) == _AT_ONCE:
            return None
        opened = [_Open(text, asker) for text, asker in self.askers if asker.unasked]
        if not opened:
            return None
        self._number += 1
        self._open[self._number] = opened
        questions = tuple(question for each in opened for question in each.asked)
        return Ask(self._number, questions, self._deadline_ms)

    def answered(self, number: int, answers: Sequence[Sequence[Inspection]]) -> list[ChannelText]:
        """The texts that more is known of. `answers[i]` belong to question i of the command."""
        told = iter(answers)
        opened = self._open.pop(number)
        for each in opened:
            learn(each.sentences, each.asked, [next(told) for _ in each.asked])
            each.asker.answered(each.sentences)
        return [each.text for each in opened]
