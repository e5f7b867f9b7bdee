"""When the supervisor starts a model plane, and what happens when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.app import last_good, models_side
from sentinel.app.models_side import ModelsSide, needed, small_alone
from sentinel.config import SentinelConfig, load_config
from sentinel.core.finding import Inspection
from sentinel.models.base import Passage
from sentinel.models.client import ModelClient
from tests.models.running import TOY, written

RULE: dict[str, Any] = {
    "id": "manners-rude",
    "description": "Rudeness.",
    "level": "low",
    "stage": "both",
    "detect": {"detector": "manners", "type": "RUDE"},
    "action": "flag",
}


@pytest.mark.parametrize(
    ("detect", "models", "wanted"),
    [
        ({"detector": "manners"}, {"detectors": {"manners": {"kind": TOY}}}, {"manners"}),
        ({"detector": "pii"}, {"detectors": {"manners": {"kind": TOY}}}, set()),
        ({"detector": "pii"}, {"detectors": {"pii": {"kind": TOY}}}, {"pii"}),
        ({"detector": "pii"}, {}, set()),
        (
            {"detector": "manners"},
            {"detectors": {"manners": {"kind": TOY}}, "connect": {"address": "pool:1"}},
            set(),
        ),
        ({"detector": "nobody"}, {"detectors": {"manners": {"kind": TOY}}}, set()),  # a wrong rule
    ],
)
def test_when_a_plane_is_needed(
    tmp_path: Path, detect: dict[str, str], models: dict[str, Any], wanted: set[str]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"rules": [{**RULE, "detect": detect}]}))
    value = {"state_dir": tmp_path, "rules": {"paths": [rules]}, "models": models}
    assert needed(SentinelConfig.model_validate(value)) == wanted


@pytest.mark.parametrize(
    ("detector", "models", "alone"),
    [
        ("toxicity", {}, {"toxicity"}),
        ("misuse", {"manners": {"kind": TOY}}, {"misuse"}),
        ("toxicity", {"encoder": {"kind": "encoder"}}, set()),
        ("toxicity", {"toxicity": {"kind": TOY}}, set()),
        ("pii", {}, set()),  # by patterns
        ("groundedness", {}, set()),  # no encoder adds to it
        ("nobody", {}, set()),  # a wrong rule
    ],
)
def test_which_small_classifiers_decide_alone(
    tmp_path: Path, detector: str, models: dict[str, Any], alone: set[str]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"rules": [{**RULE, "detect": {"detector": detector}}]}))
    value = {"state_dir": tmp_path, "rules": {"paths": [rules]}, "models": {"detectors": models}}
    assert small_alone(SentinelConfig.model_validate(value)) == alone


@asynccontextmanager
async def supervised(
    folder: Path, tried_within_s: float = 120.0, **toy: Any
) -> AsyncIterator[tuple[ModelsSide, ModelClient]]:
    file = written(folder, {"detectors": {"manners": {"kind": TOY, "deadline_ms": 20_000, **toy}}})
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    side = ModelsSide(file, environment, last_good.path(folder / "state"), tried_within_s)
    client = ModelClient(f"unix:{folder}/state/models.sock")
    side.start()
    try:
        async with asyncio.timeout(120):
            await until(lambda: side.settled)
            yield side, client
    finally:
        await client.close()
        await side.stop(5)


def test_a_plane_that_is_killed_under_load_is_replaced(tmp_path: Path) -> None:
    """Callers are answered all the while: with failures, and with findings again later."""

    async def test() -> None:
        async with supervised(tmp_path, pause_s=0.02) as (side, client):
            outcomes: list[bool] = []
            number = 0

            async def caller() -> None:
                nonlocal number
                while not done:
                    number += 1
                    (found,) = await client.inspect([Passage(f"rude {number}")], {"manners"}, 20_000)
                    assert bool(found.findings) != bool(found.failed)
                    outcomes.append(bool(found.findings))
                    await asyncio.sleep(0.01)

            done = False
            callers = [asyncio.create_task(caller()) for _ in range(16)]
            await until(lambda: outcomes.count(True) > 50)
            first = side.child.pid
            side.child.signal(signal.SIGKILL)
            await until(lambda: False in outcomes)
            outcomes.clear()
            await until(lambda: outcomes.count(True) > 50)
            done = True
            await asyncio.gather(*callers)
            assert side.child.pid not in (None, first)
            assert side.states()["restarts"] == 1
            assert side.states()["models"] == {"manners": "ready"}

    asyncio.run(test())


def test_a_plane_whose_model_hangs_is_replaced(tmp_path: Path) -> None:
    async def test() -> None:
        async with supervised(tmp_path, stuck_s=0.2) as (side, client):
            (found,) = await client.inspect([Passage("hang")], {"manners"}, 20_000)
            assert found.failed
            await until(lambda: side.child.restarts == 1)
            await found_again(client)

    asyncio.run(test())


@pytest.mark.parametrize("how", ["seize", "stop"])
def test_a_plane_that_says_nothing_any_more_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    monkeypatch.setattr(models_side, "_OVERDUE_S", 5.0)
    monkeypatch.setattr(models_side, "_KILL_AFTER_S", 0.2)

    async def test() -> None:
        async with supervised(tmp_path, stuck_s=0.2) as (side, client):
            if how == "stop":
                side.child.signal(signal.SIGSTOP)
            (found,) = await client.inspect([Passage("seize")], {"manners"}, 500)
            assert found.failed
            await until(lambda: side.child.restarts == 1)
            await found_again(client)

    asyncio.run(test())
    assert "models says nothing for " in caplog.text
    assert "models ended with status -9" in caplog.text


def test_a_plane_is_replaced_though_the_file_is_wrong_by_now(tmp_path: Path) -> None:
    async def test() -> None:
        async with supervised(tmp_path) as (side, _):
            last_good.keep(load_config(tmp_path / "sentinel.yaml"), tmp_path / "state")
            (tmp_path / "sentinel.yaml").write_text("models: [")
            side.child.signal(signal.SIGKILL)
            await until(lambda: side.child.restarts == 1)
            await until(lambda: side.states()["models"] == {"manners": "ready"})

    asyncio.run(test())


def test_a_broken_model_does_not_keep_the_sidecar_waiting(tmp_path: Path) -> None:
    async def test() -> None:
        async with supervised(tmp_path, path=str(tmp_path / "none")) as (side, client):
            (why,) = side.states()["models"].values()
            assert "does not exist" in why
            assert side.states()["restarts"] == 0

    asyncio.run(test())


def test_a_load_that_hangs_does_not_keep_the_sidecar_waiting(tmp_path: Path) -> None:
    async def test() -> None:
        weights = tmp_path / "weights"
        hanging = {"kind": "tests.models.toys:Hanging", "path": str(weights), "load_timeout_s": 0.2}
        try:
            async with supervised(tmp_path, **hanging) as (side, client):
                assert "has been loading for 0.2 s" in side.states()["models"]["manners"]
                (found,) = await client.inspect([Passage("rude")], {"manners"}, 20_000)
                assert found.failed["manners"].startswith("it is not loaded: models.detectors.manners: ")
                weights.touch()
                await until(lambda: side.states()["models"] == {"manners": "ready"})
        finally:
            weights.touch()

    asyncio.run(test())


def test_models_follow_the_detectors_settings(tmp_path: Path) -> None:
    async def test() -> None:
        async with supervised(tmp_path, kind="tests.models.toys:Following") as (side, client):
            await client.inspect([Passage("rude")], {"manners"}, 20_000)
            assert client.versions == {"manners": "follows-200000"}
            file = tmp_path / "sentinel.yaml"
            good = yaml.safe_load(file.read_text())
            file.write_text("detectors: {injection: {max_chars: 1}}")
            side.reload()
            file.write_text(yaml.safe_dump({**good, "detectors": {"injection": {"max_chars": 3000}}}))
            side.reload()
            async with asyncio.timeout(60):
                while client.versions == {"manners": "follows-200000"}:
                    await client.inspect([Passage("rude")], {"manners"}, 20_000)
            assert client.versions == {"manners": "follows-3000"}
            assert side.child.restarts == 0

    asyncio.run(test())


def test_a_plane_that_says_nothing_does_not_keep_the_sidecar_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models_side, "_BEGINS_WITHIN_S", 5.0)

    async def test() -> None:
        hanging = {"kind": "tests.models.toys:Alone", "load_timeout_s": 0.2}
        async with supervised(tmp_path, 0.2, **hanging) as (side, _):
            assert "has been loading" not in str(side.states()["models"])

    asyncio.run(test())


async def found_again(client: ModelClient) -> None:
    async with asyncio.timeout(60):
        found = Inspection(failed={"": ""})
        while found.failed:  # noqa: ASYNC110
            (found,) = await client.inspect([Passage("rude")], {"manners"}, 5000)
            await asyncio.sleep(0.05)
    assert found.findings


async def until(true: Any) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.01)
