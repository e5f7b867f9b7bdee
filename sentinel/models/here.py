"""The models in one's own process, for a program that screens without a sidecar: no queue, no batches of
several callers, no deadline. Each is loaded when it is asked for first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models import registry
from sentinel.models.base import Model, NotHere, Passage, key_of
from sentinel.models.config import Answering, ModelConfig, ModelsConfig
from sentinel.models.inference import failure, inferred, told, without
from sentinel.models.plane import next_answer, only, together

log = logging.getLogger("sentinel.models")


class ModelsHere(Answering):
    """Answers as a plane with the same configuration does. Safe to use from several threads."""

    def __init__(self, config: ModelsConfig, state_dir: Path, detectors: DetectorsConfig) -> None:
        super().__init__(config)
        self.versions: Mapping[str, str] = {}
        self._models = {
            name: _Lazy(name, entry, partial(registry.make, name, entry.settings, state_dir, detectors))
            for name, entry in config.detectors.items()
        }

    def load(self, detectors: Collection[str]) -> None:
        """Loads the models that answer for these. Raises ConfigError; NotHere, too, which `ask` does not."""
        for model in self._models.values():
            if model.detectors.intersection(detectors):
                model.load()
                self._note_versions(model.detectors.intersection(detectors))

    def _note_versions(self, detectors: Collection[str]) -> None:
        loaded = [model for model in self._models.values() if model.version]
        told = {
            name: "+".join(model.version for model in loaded if name in model.detectors) for name in detectors
        }
        self.versions = {**self.versions, **{name: version for name, version in told.items() if version}}

    def ask(
        self, passages: Sequence[Passage], detectors: frozenset[str], deadline_ms: int | None
    ) -> list[Inspection]:
        """An answer for each passage. Raises ConfigError when a model cannot be loaded."""
        known: dict[tuple[str, int], Inspection] = {}  # by model and passage: one run for all detectors
        answers = [self._detector(name, passages, known) for name in sorted(detectors)]
        return [together(about) for about in zip(*answers, strict=True)]

    def _detector(
        self, name: str, passages: Sequence[Passage], known: dict[tuple[str, int], Inspection]
    ) -> list[Inspection]:
        answers = [Inspection()] * len(passages)
        asked = list(range(len(passages)))
        for model in self._models.values():
            if not asked or name not in model.detectors:
                continue
            new = [index for index in asked if (model.name, index) not in known]
            if new:
                found = model.infer([passages[index] for index in new])
                known.update(zip([(model.name, index) for index in new], found, strict=True))
            self._note_versions((name,))
            for index in asked:
                answer = only(known[model.name, index], name)
                answers[index] = next_answer(name, answers[index], answer)
            asked = [i for i in asked if name in answers[i].unsure or name in answers[i].failed]
        return answers


class _Lazy:
    def __init__(self, name: str, entry: ModelConfig, make: Callable[[], Model]) -> None:
        self.name = name
        self.detectors = entry.detectors(name)
        self._make = make
        self._model: Model | None = None
        self._told = False
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        return self._model.version if self._model is not None else ""

    def load(self) -> None:
        with self._lock:
            self._loaded()

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        with self._lock:
            try:
                model = self._loaded()
            except NotHere as error:
                if not self._told:
                    self._told = True
                    log.warning("the small detectors decide alone: %s", error)
                return [without(self.detectors, f"it is not loaded: {error}")] * len(passages)
            return self._answers(model, passages)

    def _loaded(self) -> Model:
        """Raises ConfigError for whatever a library raises."""
        if self._model is None:
            model = self._make()
            try:
                model.load()
            except ConfigError:
                raise
            except Exception as error:
                raise ConfigError(failure(error), key=key_of(self.name)) from error
            self._model = model
        return self._model

    def _answers(self, model: Model, passages: Sequence[Passage]) -> list[Inspection]:
        """What breaks with many is tried one by one, so that one text cannot fail others."""
        try:
            return inferred(model, passages)
        except Exception as error:
            if len(passages) == 1:
                return [Inspection(failed=dict.fromkeys(sorted(self.detectors), told(error)))]
        return [answer for passage in passages for answer in self._answers(model, [passage])]
