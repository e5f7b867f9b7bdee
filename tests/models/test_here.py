from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Inspection
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models.base import NotHere, Passage
from sentinel.models.config import ModelsConfig
from sentinel.models.here import ModelsHere
from tests.models import toys

TOY = "tests.models.toys:Toy"


SETTINGS = DetectorsConfig()


def here(**entries: dict[str, object]) -> ModelsHere:
    return ModelsHere(ModelsConfig.model_validate({"detectors": entries}), Path(), SETTINGS)


def test_models_are_told_how_the_smaller_detectors_are_set() -> None:
    settings = DetectorsConfig.model_validate({"injection": {"max_chars": 3000}})
    config = ModelsConfig.model_validate({"detectors": {"manners": {"kind": "tests.models.toys:Following"}}})
    models = ModelsHere(config, Path(), settings)
    models.ask([Passage("rude")], frozenset({"manners"}), None)
    assert models.versions == {"manners": "follows-3000"}


def test_answers_as_a_plane_does() -> None:
    both = here(manners={"kind": TOY}, other={"kind": "tests.models.toys:Sure"})
    asked = [Passage("rude"), Passage("rude perhaps"), Passage("explode"), Passage("fine")]
    found = both.ask(asked, frozenset({"manners"}), None)
    assert [each.scores["manners"] for each in found] == [0.9, 0.2, 0.2, 0.01]
    assert all(not each.failed for each in found)


def test_one_bad_text_fails_alone() -> None:
    found = here(manners={"kind": TOY}).ask(
        [Passage("rude"), Passage("explode"), Passage("few")], frozenset({"manners"}), None
    )
    assert [list(each.failed.values()) for each in found] == [
        [],
        ["it raised ValueError"],
        ["it gave another number of answers than it was given texts"],
    ]


def test_several_detectors_of_one_model_cost_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    monkeypatch.setattr(toys.Many, "batches", batches)
    found = here(many={"kind": "tests.models.toys:Many"}).ask(
        [Passage("a"), Passage("b")], frozenset({"one", "two"}), None
    )
    assert [each.scores for each in found] == [{"one": 0.1, "two": 0.2}] * 2
    assert batches == [2]


def test_a_model_that_may_be_absent_leaves_it_to_the_small_detectors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lacking = here(absent={"kind": "tests.models.toys:Absent"})
    found = lacking.ask([Passage("rude")] * 2, frozenset({"toxicity"}), None)
    found += lacking.ask([Passage("rude")], frozenset({"toxicity"}), None)
    assert found == [Inspection(unsure=("toxicity",))] * 3
    assert caplog.text.count("the small detectors decide alone: models.detectors.absent.base: no base") == 1


def test_a_model_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    lost = here(manners={"kind": TOY, "path": tmp_path / "none"})
    with pytest.raises(ConfigError, match=r"models\.detectors\.manners\.path: .* does not exist"):
        lost.ask([Passage("x")], frozenset({"manners"}), None)


def test_loading_beforehand_tells_what_asking_leaves_to_others() -> None:
    lost = {"kind": TOY, "path": "none"}
    both = here(manners={"kind": TOY}, other={"kind": "tests.models.toys:Sure"}, lost=lost)
    both.load({"manners"})
    assert both.versions == {"manners": "toy-1+sure-1"}  # the lost one was not asked for
    with pytest.raises(NotHere):
        here(absent={"kind": "tests.models.toys:Absent"}).load({"toxicity"})
    broken = here(manners={"kind": "tests.models.toys:Faulty"})
    with pytest.raises(ConfigError, match=r"models\.detectors\.manners: it raised OSError \(\[Errno 5\]"):
        broken.load({"manners"})
