"""The detectors and models that rules ask for, asked about one text as a call asks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel.config import SentinelConfig
from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.core.needs import Needs
from sentinel.detectors.registry import known_detectors, load_detectors
from sentinel.guard.cascade import Question, with_answers
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
        found = self._screener.inspect([text], needs, backgrounds=[background])
        asked = self._screener.questions([text], needs, [background], found)
        return with_answers(found, asked, [self._answers(question) for question in asked])[0]

    def _answers(self, question: Question) -> Sequence[Inspection]:
        return [together([self._answer(question, name) for name in sorted(question.detectors)])]

    def _answer(self, question: Question, name: str) -> Inspection:
        if name not in self._absent:
            try:
                return self._ask(question.passages, frozenset((name,)), None)[0]
            except ConfigError as error:
                self._absent[name] = f"it is not loaded: {error}"
        return Inspection(failed={name: self._absent[name]})
