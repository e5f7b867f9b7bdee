"""The models in one's own process, for a program that screens without a sidecar: no queue, no batches of
several callers, no deadline. Each is loaded when it is asked for first."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.models import registry
from sentinel.models.base import Model, Passage
from sentinel.models.config import ModelConfig, ModelsConfig
from sentinel.models.plane import next_answer, only, together


class ModelsHere:
    """Answers as a plane with the same configuration does. Safe to use from several threads."""

    def __init__(self, config: ModelsConfig, state_dir: Path) -> None:
        self.detectors = config.served
        self.versions: Mapping[str, str] = {}
        self._models = {name: _Lazy(name, entry, state_dir) for name, entry in config.detectors.items()}

    def ask(
        self, passages: Sequence[Passage], detectors: frozenset[str], deadline_ms: int | None
    ) -> list[Inspection]:
        """An answer for each passage. Raises ConfigError when a model cannot be loaded."""
        answers = [self._detector(name, passages) for name in sorted(detectors)]
        return [together(about) for about in zip(*answers, strict=True)]

    def _detector(self, name: str, passages: Sequence[Passage]) -> list[Inspection]:
        answers = [Inspection()] * len(passages)
        asked = list(range(len(passages)))
        for model in self._models.values():
            if not asked or name not in model.detectors:
                continue
            found = model.infer([passages[index] for index in asked])
            self.versions = {**self.versions, name: model.version}
            for index, answer in zip(asked, found, strict=True):
                answers[index] = next_answer(name, answers[index], only(answer, name))
            asked = [i for i in asked if name in answers[i].unsure or name in answers[i].failed]
        return answers


class _Lazy:
    def __init__(self, name: str, entry: ModelConfig, state_dir: Path) -> None:
        self.name = name
        self.detectors = entry.detectors(name)
        self._entry, self._state_dir = entry, state_dir
        self._model: Model | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        return self._model.version if self._model is not None else ""

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        with self._lock:
            if self._model is None:
                model = registry.make(self.name, self._entry.settings, self._state_dir)
                model.load()
                self._model = model
            try:
                return self._model.infer(passages)
            except ConfigError:
                raise
            except Exception as error:  # a broken model must not take the others with it
                why = f"it raised {type(error).__name__}"
                return [Inspection(failed=dict.fromkeys(sorted(self.detectors), why))] * len(passages)
