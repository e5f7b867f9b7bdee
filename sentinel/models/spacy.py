"""`kind: spacy`: names, places and organisations by a spaCy pipeline, or by one of Presidio's NLP engines
(spaCy, stanza, transformers) with Presidio's own configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.core.paths import FOLDER_OR_NAME, is_folder
from sentinel.models import _stanza
from sentinel.models._loading import digest, existing, loading, package
from sentinel.models._names import FindingType
from sentinel.models.base import Passage, key_of

# Labels of the pipelines that people use, and Presidio's entity names.
LABELS = {
    "PERSON": "PERSON",
    "PER": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "LOCATION": "LOCATION",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
}
_SCORE = 0.85  # what Presidio gives to entities of pipelines that give no score
_TEXTS_AT_ONCE = 64
# What brings the packages of an engine that Presidio's own do not bring.
_PACKAGES = {
    "stanza": "pip install stanza",
    "transformers": "pip install 'sentinel-sidecar[spacy,transformers]'",
}

_Entities = Callable[[Sequence[str]], list[list[tuple[str, int, int, float]]]]


class SpacyConfig(BaseModel):
    """One pipeline, or one NLP engine. A pipeline runs on the CPU: spaCy chooses a GPU for a whole process
    (`spacy.require_gpu`), and not for one pipeline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by_sentence: ClassVar[bool] = True

    kind: Literal["spacy"] = "spacy"
    pipeline: Annotated[str | None, FOLDER_OR_NAME] = Field(
        None,
        description="An installed spaCy package (`en_core_web_lg`), or a folder that `nlp.to_disk` wrote (it "
        "starts with `/`, `./` or `../`).",
    )
    presidio: Path | None = Field(
        None,
        description="In its place: an NLP engine in Presidio's YAML format (`nlp_engine_name`, `models`, "
        "`ner_model_configuration`).",
    )
    labels: dict[str, FindingType] = Field(
        default=LABELS,
        description="The pipeline's entity label -> finding type (capitals, digits and `_`); others are no "
        "findings.",
    )
    score: float = Field(
        _SCORE, ge=0.0, le=1.0, description="Score of each finding, where the pipeline gives none."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.pipeline is None) == (self.presidio is None):
            raise ValueError("name either `pipeline` or `presidio`")
        return self


class SpacyModel:
    """Named entities as findings."""

    compares = False

    def __init__(self, name: str, config: SpacyConfig, state_dir: Path) -> None:
        self.name = name
        self.types = frozenset(config.labels.values())
        self.version = self._what = f"spacy-{config.pipeline or config.presidio}"
        self._config = config
        self._key = key_of(name)
        self._entities: _Entities | None = None

    def load(self) -> None:
        """Raises ConfigError."""
        if self._config.presidio is not None:
            self._entities = self._engine(self._config.presidio)
        else:
            self._entities = self._pipeline(self._config.pipeline or "")

    def _pipeline(self, name: str) -> _Entities:
        spacy = package("spacy", "spacy", self._key)
        key = f"{self._key}.pipeline"
        if is_folder(name):
            existing(Path(name), key)
        elif not spacy.util.is_package(name):
            raise ConfigError(f"the pipeline is not installed: python -m spacy download {name}", key=key)
        with loading(f"the spaCy pipeline {name}", key):
            nlp = spacy.load(name)
        given = {label for pipe in ("ner", "entity_ruler", "span_ruler") for label in _labels(nlp, pipe)}
        self._check(given, key)
        self.version = self._what = f"spacy-{nlp.meta.get('name', name)}-{nlp.meta.get('version', '')}"
        if is_folder(name):
            self.version += f"@{digest(Path(name).rglob('*'))}"

        def entities(texts: Sequence[str]) -> list[list[tuple[str, int, int, float]]]:
            return [
                [
                    (entity.label_, entity.start_char, entity.end_char, self._config.score)
                    for entity in doc.ents
                ]
                for doc in nlp.pipe(texts, batch_size=_TEXTS_AT_ONCE)
            ]

        return entities

    def _engine(self, path: Path) -> _Entities:
        """Presidio's engines say entities in Presidio's names already, with scores by its configuration."""
        key = f"{self._key}.presidio"
        existing(path, key)
        engines = package("presidio_analyzer.nlp_engine", "spacy", key)
        with loading(f"the NLP engine of {path}", key):
            provider = engines.NlpEngineProvider(conf_file=path)
            name = provider.nlp_configuration["nlp_engine_name"]
            if name in _PACKAGES and name not in provider.nlp_engines:
                raise ConfigError(f"the engine `{name}` needs more packages: {_PACKAGES[name]}", key=key)
            engine = _stanza.engine(provider, path, key) if name == "stanza" else provider.create_engine()
            language = engine.get_supported_languages()[0]
            self._check(set(engine.get_supported_entities()), key)
        read = _stanza.entities if name == "stanza" else _of_engine

        def entities(texts: Sequence[str]) -> list[list[tuple[str, int, int, float]]]:
            answers: list[list[tuple[str, int, int, float]]] = []
            for text in texts:
                found, scores = read(engine, language, text)
                pairs = zip(found, scores or [self._config.score] * len(found), strict=True)
                answers.append([(each.label_, each.start_char, each.end_char, s) for each, s in pairs])
            return answers

        return entities

    def _check(self, given: set[str], key: str) -> None:
        if given and not given & set(self._config.labels):
            told = ", ".join(sorted(given))
            message = f"none of `labels` is a label of the pipeline; it has {told}"
            raise ConfigError(message, key=key)

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        """Whole texts are read, for surroundings tell a name; what begins before `start` is dropped."""
        assert self._entities is not None
        answers = self._entities([passage.text for passage in passages])
        labels = self._config.labels
        return [
            Inspection(
                tuple(
                    Finding(self.name, labels[label], start, end, float(score), f"{label} of {self._what}")
                    for label, start, end, score in found
                    if label in labels and start >= passage.start
                )
            )
            for passage, found in zip(passages, answers, strict=True)
        ]

    def unload(self) -> None:
        self._entities = None


def _labels(nlp: Any, pipe: str) -> tuple[str, ...]:
    return tuple(nlp.get_pipe(pipe).labels) if nlp.has_pipe(pipe) else ()


def _of_engine(engine: Any, language: str, text: str) -> tuple[Sequence[Any], Sequence[float]]:
    found = engine.process_text(text, language)
    return found.entities, found.scores
