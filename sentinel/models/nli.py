"""`kind: nli`: an entailment model of Hugging Face, asked whether the documents support each sentence of an
answer.

A sentence is held against the windows of the documents that share most words with it. It is as supported as
the best window entails it; it is contradicted as far as a window contradicts it that no window outweighs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._sentences import sentences
from sentinel.detectors.inspection import partly
from sentinel.models import _torch
from sentinel.models._scores import FLOOR
from sentinel.models.base import Passage, key_of
from sentinel.models.transformers import HuggingFaceConfig, loaded

_WORD = re.compile(r"\w+")
_SHORTEST = 3  # words: less says nothing that could be supported
_MAX_SENTENCES = 64


class NliConfig(HuggingFaceConfig):
    """One entailment model."""

    by_sentence: ClassVar[bool] = True

    kind: Literal["nli"] = "nli"
    entailment: str = Field("entailment", description="The model's label for what follows, in any case.")
    contradiction: str = Field(
        "contradiction", description='The label for what is contradicted; "" for a model that has none.'
    )
    window: int = Field(1200, ge=100, description="Characters of the documents that are read at once.")
    windows: int = Field(3, ge=1, description="How many of them a sentence is held against.")


class _Premise(msgspec.Struct, frozen=True):
    """A window of the documents: `start:end` of one, which are counted from 0."""

    document: int
    start: int
    end: int
    text: str

    def __str__(self) -> str:
        """Where it stands; never what it says."""
        return f"document {self.document + 1}, characters {self.start} to {self.end}"


class _Question(msgspec.Struct, frozen=True):
    """Does this window of the documents support the sentence? `owner`: the passage's index."""

    owner: int
    start: int
    end: int
    premise: _Premise


class NliModel:
    """Sentences that the documents do not support, or contradict."""

    types = frozenset(("UNSUPPORTED", "CONTRADICTED"))

    def __init__(self, name: str, config: NliConfig, state_dir: Path) -> None:
        self.name = name
        self.version = config.model
        self._config = config
        self._key = key_of(name)
        self._model: Any = None
        self._tokenizer: Any = None
        self._entailment = 0
        self._contradiction: int | None = None

    def load(self) -> None:
        """Raises ConfigError."""
        config = self._config
        model, tokenizer, version = loaded(config, "AutoModelForSequenceClassification", self._key)
        labels = {str(label).lower(): int(index) for index, label in model.config.id2label.items()}
        for field in ("entailment", "contradiction"):
            wanted = getattr(config, field)
            if wanted and wanted.lower() not in labels:
                told = ", ".join(f"`{label}`" for label in labels)
                raise ConfigError(
                    f"the model has no label `{wanted}`; it has {told}", key=f"{self._key}.{field}"
                )
        self._entailment = labels[config.entailment.lower()]
        self._contradiction = labels[config.contradiction.lower()] if config.contradiction else None
        self._model, self._tokenizer, self.version = model, tokenizer, version

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        """A passage without documents yields no finding and no score."""
        questions = [
            each for owner, passage in enumerate(passages) for each in self._questions(owner, passage)
        ]
        premises = [each.premise.text for each in questions]
        claims = [passages[each.owner].text[each.start : each.end].strip() for each in questions]
        found: list[list[Finding]] = [[] for _ in passages]
        scores: list[dict[str, float]] = [{} for _ in passages]
        if questions:
            chosen = _torch.windows(self._tokenizer, premises, claims)
            rows = _torch.run(self._model, self._tokenizer, chosen, lambda logits: logits.softmax(-1))
            told: dict[tuple[int, int, int], list[tuple[float, float, _Premise]]] = {}
            for window, row in zip(chosen, rows, strict=True):
                asked = questions[window.owner]
                against = 0.0 if self._contradiction is None else row[self._contradiction]
                answer = row[self._entailment], against, asked.premise
                told.setdefault((asked.owner, asked.start, asked.end), []).append(answer)
            for (owner, start, end), held in told.items():
                entailed, _, nearest = max(held, key=lambda answer: answer[0])
                _, contradicted, against_it = max(held, key=lambda answer: answer[1])
                unsupported = 1.0 - entailed
                scores[owner][self.name] = max(scores[owner].get(self.name, 0.0), unsupported)
                outweighed = min(contradicted, unsupported)
                degrees = f"entailed to {entailed:.2f}, contradicted to {contradicted:.2f}"
                for type_, score, by in (
                    ("UNSUPPORTED", unsupported, f"most entailed by {nearest}"),
                    ("CONTRADICTED", outweighed, f"most contradicted by {against_it}"),
                ):
                    if score >= FLOOR:
                        why = f"{degrees}; {by}; findings begin at {FLOOR}"
                        found[owner].append(Finding(self.name, type_, start, end, score, why))
        answers = [Inspection(tuple(each), score) for each, score in zip(found, scores, strict=True)]
        return [
            partly(answer, self.name) if _longer(passage) else answer
            for passage, answer in zip(passages, answers, strict=True)
        ]

    def _questions(self, owner: int, passage: Passage) -> list[_Question]:
        premises = _premises(passage.background.context, self._config.window)
        if not premises:
            return []
        words = [set(_WORD.findall(premise.text.lower())) for premise in premises]
        asked: list[_Question] = []
        for start, end in itertools.islice(
            sentences(passage.text, passage.start, final=True), _MAX_SENTENCES
        ):
            claim = set(_WORD.findall(passage.text[start:end].lower()))
            if len(claim) < _SHORTEST:
                continue
            nearest = sorted(range(len(premises)), key=lambda index: -len(claim & words[index]))
            asked += [
                _Question(owner, start, end, premises[index]) for index in nearest[: self._config.windows]
            ]
        return asked

    def unload(self) -> None:
        where = None if self._model is None else next(self._model.parameters()).device
        self._model = self._tokenizer = None
        _torch.freed(where)


def _longer(passage: Passage) -> bool:
    """Whether it has sentences that are not read."""
    if not passage.background.context:
        return False
    found = sentences(passage.text, passage.start, final=True)
    unread = itertools.islice(found, _MAX_SENTENCES, None)
    return any(not passage.text[start:end].isspace() for start, end in unread)


def _premises(documents: Sequence[str], window: int) -> list[_Premise]:
    """The documents in windows of whole sentences; a sentence that is longer than a window is one."""
    found: list[_Premise] = []
    for number, document in enumerate(documents):
        first = 0
        for start, end in sentences(document, 0, final=True):
            if end - first > window and start > first:
                found.append(_Premise(number, first, start, document[first:start]))
                first = start
        found.append(_Premise(number, first, len(document), document[first:]))
    return [premise for premise in found if premise.text.strip()]
