"""What every way of calling shares."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from sentinel.core.background import Passage
from sentinel.core.finding import Inspection
from sentinel.guard.cascade import Question
from sentinel.guard.commands import Inspect
from sentinel.guard.reading import Read
from sentinel.proxy.driver import Driver


class _Slow:
    """A screener that takes 0.2 s here, and asks the model plane about the text."""

    def classifies(self, needs: object) -> bool:
        return False

    def read(self, texts: Sequence[str], *_: object) -> Read:
        time.sleep(0.2)
        asked = [Question(frozenset({"manners"}), (0,), (Passage(texts[0]),))]
        return Read([Inspection()] * len(texts), asked)


def test_one_deadline_for_both_planes() -> None:
    given: list[int | None] = []

    async def ask(
        passages: Sequence[Passage], detectors: frozenset[str], deadline_ms: int | None
    ) -> list[Inspection]:
        given.append(deadline_ms)
        return [Inspection()]

    async def test() -> None:
        session: Any = SimpleNamespace(screener=_Slow(), context=SimpleNamespace(tenant=""))
        settings: Any = SimpleNamespace(limits=SimpleNamespace(inline_chars=0))
        upstream: Any = SimpleNamespace(config=SimpleNamespace(name="m"))
        nothing: Any = None
        driver = Driver(session.screener, settings, upstream, nothing, "w", ask)
        for deadline in (20_000, None):
            await driver.inspect(session, Inspect(["text"], nothing, deadline))

    asyncio.run(test())
    first, second = given
    assert first is not None and 0 < first <= 19_800
    assert second is None
