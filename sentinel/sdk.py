"""The Python API: the same detectors, rules and decisions as the sidecar's, in your own process.

from sentinel.sdk import Guard

guard = Guard.from_config("sentinel.yaml")
result = guard.screen("mail me at jane@example.com", stage="input")
result.action, result.text, result.findings
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from sentinel.config import SentinelConfig, load_config
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import Stage
from sentinel.core.redact import Redactor
from sentinel.guard.cascade import AskNow
from sentinel.guard.screener import Screener, load_screener
from sentinel.guard.screening import ScreenRequest, ScreenResult, screen
from sentinel.models.base import Passage
from sentinel.models.client import BlockingModelClient
from sentinel.models.config import Answering
from sentinel.models.here import ModelsHere
from sentinel.telemetry.keys import load_redactors

__all__ = ["Guard", "ScreenRequest", "ScreenResult"]

_LOOK_EVERY_S = 0.2
_PROBE = Passage("The ferry leaves at nine.")


class Guard:
    """A policy and its detectors, ready to screen. Safe to use from several threads."""

    def __init__(self, screener: Screener, redactor: Redactor, ask: AskNow | None = None) -> None:
        self._screener = screener
        self._redactor = redactor
        self._ask = ask

    @classmethod
    def from_config(
        cls, config: SentinelConfig | Path | str | None = None, detectors: Collection[str] = ()
    ) -> Self:
        """A guard from a configuration, its file, or the defaults.

        `detectors` are loaded besides those that the rules need, so that `screen` can be asked for them.
        Models of the model plane are asked at `models.connect`, or run in this process. Raises ConfigError
        naming file, line and key.
        """
        if not isinstance(config, SentinelConfig):
            config = load_config(Path(config) if config is not None else None)
        models = models_of(config)
        screener = load_screener(
            config.rules.files(), config.detectors, config.cache_dir, frozenset(detectors), models
        )
        screener.warm_up()
        return cls(screener, load_redactors(config.redaction, config.state_dir)[0], models.ask)

    @property
    def policy(self) -> str:
        """Digest of the rules in force."""
        return self._screener.policy.digest

    def screen(
        self,
        text: str,
        *,
        stage: Literal["input", "output"] = "input",
        question: str = "",
        context: Sequence[str] | str = (),
        detectors: Collection[str] = (),
        route: str = "default",
        model: str = "",
        tenant: str = "",
        id: str = "",
        system: str = "",
        schema: str = "",
    ) -> ScreenResult:
        """Decide about one text. Nothing is recorded.

        `detectors` are asked whatever the rules say; each must have been loaded (see `from_config`).
        """
        return self.screen_request(
            ScreenRequest(
                text,
                Stage(stage),
                id,
                question,
                context if isinstance(context, str) else tuple(context),
                tuple(detectors),
                route,
                model,
                tenant,
                system,
                schema,
            )
        )

    def screen_request(self, request: ScreenRequest) -> ScreenResult:
        """The same, from a request as `sentinel screen` reads it."""
        return screen(self._screener, self._redactor, request, self._ask)


def models_of(config: SentinelConfig) -> ModelsHere | _ModelsThere:
    """The models of a configuration: in this process, or those of `models.connect`."""
    if config.models.connect:
        return _ModelsThere(config)
    return ModelsHere(config.models, config.state_dir, config.detectors)


class _ModelsThere(Answering):
    """A pool that other processes share."""

    def __init__(self, config: SentinelConfig) -> None:
        super().__init__(config.models)
        self._client = BlockingModelClient(*config.model_channel(), config.models.late_after_ms)
        self._place, self._patience_s = config.model_plane, config.models.tried_within_s
        self.ask: AskNow = self._client.inspect

    def load(self, detectors: Collection[str]) -> None:
        """Waits until the pool has loaded its models for these. Raises ConfigError where it does not answer,
        has none, or one is broken."""
        wanted, until = frozenset(detectors), time.monotonic() + self._patience_s
        while wanted:
            health = self._client.health()
            if health is None:
                told = f"no model plane answers at {self._place}: {self._client.why}; is it started?"
                raise ConfigError(told, key="models.connect.address")
            models = [model for model in health.models if wanted.intersection(model.detectors)]
            for name in sorted(wanted.difference(*[model.detectors for model in models])):
                told = f"the model plane at {self._place} has no model for `{name}`; name it in its own file"
                raise ConfigError(told, key="models.connect")
            for model in models:
                if model.state == "broken":
                    told = f"`{model.name}` is broken on the model plane at {self._place}: {model.why}"
                    raise ConfigError(told, key="models.connect")
            unready = [model.name for model in models if model.state != "ready"]
            # One that sleeps is woken up by a question, and may sleep again before it is looked at.
            if not unready or not self.ask([_PROBE], wanted, None)[0].failed:
                return
            if time.monotonic() > until:
                told = f"{', '.join(unready)} not loaded by the model plane at {self._place} in time"
                raise ConfigError(told, key="models.connect")
            time.sleep(_LOOK_EVERY_S)

    @property
    def versions(self) -> Mapping[str, str]:
        return self._client.versions
