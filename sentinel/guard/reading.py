"""Complete texts, as the detectors of both planes read them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from sentinel.core.finding import Inspection
from sentinel.detectors.inspection import joined
from sentinel.guard.cascade import Question, Sentence, learn, with_answers


class Parted(msgspec.Struct, frozen=True):
    """The sentences of an answer that the model plane is asked about by themselves."""

    sentences: list[Sentence]
    asked: list[Question]


class Read(msgspec.Struct, frozen=True):
    """What is found here in each text, and what the model plane is asked: about whole texts (`asked`), and of
    text i about its sentences (`parted[i]`; empty where no text is parted)."""

    found: list[Inspection]
    asked: Sequence[Question] = ()
    parted: Sequence[Parted] = ()

    @property
    def questions(self) -> list[Question]:
        """What the model plane is to be asked."""
        return [*self.asked, *itertools.chain.from_iterable(each.asked for each in self.parted)]

    def with_answers(self, answers: Sequence[Sequence[Inspection]]) -> list[Inspection]:
        """What is known of each text then; `answers[i]` belong to question i. It may be called once."""
        told = iter(answers)
        found = with_answers(self.found, self.asked, [next(told) for _ in self.asked])
        for number, (sentences, asked) in enumerate((each.sentences, each.asked) for each in self.parted):
            learn(sentences, asked, [next(told) for _ in asked])
            found[number] = joined([found[number], *[sentence.known for sentence in sentences]])
        return found
