"""How a worker asks the model plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel.config import SentinelConfig
from sentinel.core.background import Passage
from sentinel.core.finding import Inspection
from sentinel.models.client import ModelClient
from sentinel.models.config import Answering


class ModelsAsked(Answering):
    """What the plane answers for is known before the event loop runs; `open` and `close` belong to the
    loop."""

    def __init__(self, config: SentinelConfig) -> None:
        super().__init__(config.models)
        self._config = config
        self._client: ModelClient | None = None

    @property
    def versions(self) -> Mapping[str, str]:
        return self._client.versions if self._client is not None else {}

    def open(self) -> None:
        """Raises ConfigError when the address or a certificate is wrong."""
        models = self._config.models
        self._client = ModelClient(*self._config.model_channel(), models.max_in_flight, models.late_after_ms)

    async def ask(
        self, passages: Sequence[Passage], detectors: frozenset[str], deadline_ms: int | None
    ) -> list[Inspection]:
        """An answer for each passage; what the plane cannot answer is `failed` there."""
        assert self._client is not None, "`open` comes first"
        return await self._client.inspect(passages, detectors, deadline_ms)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
