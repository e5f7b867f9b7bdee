"""The detectors and models that rules ask for, asked about one text as a call asks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel.config import SentinelConfig
from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.core.needs import Needs
from sentinel.detectors.registry import known_detectors, load_detectors
from sentinel.guard.cascade import Question
from sentinel.guard.screener import Screener
from sentinel.models.plane import together
from sentinel.policy.engine import Policy
from sentinel.sdk import models_of


class Asking:
    """Models run in this process, or are asked at `models.connect`. One that cannot be loaded has failed, as
    it has for a call, and is not tried again."""

    def __init__(self, policy: Policy, settings: SentinelConfig) -> None:
        models = models_of(settings)
        here = policy.detectors - (models.detectors - known_detectors())
        detectors = load_detectors(settings.detectors, here, settings.cache_dir)
        self._screener = Screener(policy, detectors, models=models)
        self._ask = models.ask
        self._absent: dict[str, str] = {}  # detector -> why

    @property
    def versions(self) -> Mapping[str, str]:
        return self._screener.versions

    def inspect(self, text: str, needs: Needs, background: Background) -> Inspection:
        """What is needed of the text, and what the models say where they are asked."""
        read = self._screener.read([text], needs, backgrounds=[background])
        return read.with_answers([self._answers(question) for question in read.questions])[0]

    def _answers(self, question: Question) -> Sequence[Inspection]:
        told = [self._of_detector(question, name) for name in sorted(question.detectors)]
        return [together(about) for about in zip(*told, strict=True)]

    def _of_detector(self, question: Question, name: str) -> Sequence[Inspection]:
        if name not in self._absent:
            try:
                return self._ask(question.passages, frozenset((name,)), None)
            except ConfigError as error:
                self._absent[name] = f"it is not loaded: {error}"
        return [Inspection(failed={name: self._absent[name]})] * len(question.passages)
