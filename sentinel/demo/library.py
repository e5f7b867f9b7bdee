"""Answers made of the sentences of documents, by word overlap: a question always gets the same answer."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.resources import files

import msgspec
import yaml

NOTHING_FOUND = "I have no document about that."
_WORD = re.compile(r"[a-z0-9]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_COMMON = frozenset(
    "a about am an and any are as at be by can do does for from get has have how i in is it its may me my no "
    "not of on or our please say tell that the their there they this to was we what when where which who "
    "with you your".split()
)
_REPEAT = "repeat:"
_DRAFT = re.compile(r"draft a (?:reply|letter|message) to (.+?) about (.+)", re.IGNORECASE | re.DOTALL)


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document; `invented` is a claim that the model adds although nothing supports it."""

    title: str
    text: str
    invented: str = ""


def bundled_documents() -> list[Document]:
    text = (files("sentinel.demo") / "documents.yaml").read_text()
    return msgspec.convert(yaml.safe_load(text), list[Document])


class Library:
    """Documents with an index of their words."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._words = [_words(f"{each.title} {each.text}") for each in documents]
        counts = Counter(word for words in self._words for word in words)
        self._weights = {word: math.log(1 + len(documents) / count) for word, count in counts.items()}

    def answer(self, prompt: str) -> str:
        """What the model says. `Repeat: x` says x; a letter is drafted to whom it is for."""
        prompt = prompt.strip()
        if prompt.lower().startswith(_REPEAT):
            return prompt[len(_REPEAT) :].strip()
        if match := _DRAFT.match(prompt):
            addressee, subject = match.groups()
            return f"To {addressee}: {self._found(subject)} Kind regards, the ferry office"
        return self._found(prompt)

    def _found(self, question: str) -> str:
        asked = _words(question)
        scores = [self._score(asked, words) for words in self._words]
        best = max(range(len(scores)), key=lambda index: (scores[index], -index), default=None)
        if best is None or scores[best] == 0:
            return NOTHING_FOUND
        document = self._documents[best]
        told = self._best_sentences(asked, document.text)
        return " ".join([*told, document.invented]).strip()

    def _best_sentences(self, asked: frozenset[str], text: str, most: int = 2) -> list[str]:
        """Those that share the most with the question, in the document's order."""
        sentences = _SENTENCE.split(text.strip())
        scores = [self._score(asked, _words(sentence)) for sentence in sentences]
        ranked = sorted(range(len(sentences)), key=lambda index: (-scores[index], index))
        kept = [index for index in ranked[:most] if scores[index] > 0] or ranked[:1]
        return [sentences[index] for index in sorted(kept)]

    def _score(self, asked: Iterable[str], words: frozenset[str]) -> float:
        # fsum: the same in whatever order a set is walked
        return math.fsum(self._weights.get(word, 0.0) for word in asked if word in words)


def _words(text: str) -> frozenset[str]:
    """Words that mean something, without a plural's `s`."""
    return frozenset(word.removesuffix("s") for word in _WORD.findall(text.lower()) if word not in _COMMON)
