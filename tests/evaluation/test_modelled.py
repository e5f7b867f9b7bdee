"""An evaluation of detectors that models answer for, with models whose answers are known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.registry import DetectorsConfig
from sentinel.evaluation.modelled import TIMED, Models, sample
from sentinel.evaluation.page import page
from sentinel.evaluation.report import DetectorReport
from sentinel.evaluation.rows import Case
from sentinel.evaluation.run import evaluate, parsed
from sentinel.evaluation.tables import labels_of, passed_on
from sentinel.models.base import Passage
from sentinel.models.config import ModelsConfig
from sentinel.models.here import ModelsHere
from sentinel.policy.load import load_policy
from tests.evaluation.test_run import write
from tests.models.toys import ToySettings

RULES = "rules: [{id: loud, level: low, detect: {detector: echo, score: 0.5}, action: block}]"


class PairSettings(ToySettings):
    serves: ClassVar[frozenset[str]] = frozenset({"echo", "other"})


class Judge:
    """Scores a text with its last number, for two detectors, and remembers its batches. It leaves `leave` to
    others, cannot read `broken`, and is too late for `slow` where that is not alone."""

    Settings = PairSettings
    detectors = PairSettings.serves
    batches: ClassVar[list[list[str]]] = []

    def __init__(self, name: str, settings: ToySettings, state_dir: Path) -> None:
        self.name, self.version, self.types = name, "judge-1", frozenset({"LOUD"})

    def load(self) -> None:
        self.batches.clear()

    def infer(self, passages: Sequence[Passage]) -> list[Inspection]:
        self.batches.append([passage.text for passage in passages])
        time.sleep(0.001)
        return [self._read(passage.text, len(passages)) for passage in passages]

    def _read(self, text: str, count: int) -> Inspection:
        if "leave" in text:
            return Inspection(unsure=("echo", "other"))
        if "broken" in text or ("slow" in text and count > 1):
            return Inspection(failed={"echo": "no answer", "other": "no answer"})
        score = float(text.split()[-1].rstrip("."))
        return Inspection((Finding("echo", "LOUD", 0, len(text), score),), {"echo": score, "other": score})


class Echo:
    """Scores a text with its first number; unsure from 0.3 to 0.7."""

    name, version, types = "echo", "1", frozenset({"LOUD"})

    def inspect(self, text: str, background: Background) -> Inspection:
        score = float(text.split()[0])
        unsure = ("echo",) if 0.3 <= score <= 0.7 else ()
        return Inspection((Finding("echo", "LOUD", 0, len(text), score),), {"echo": score}, {}, unsure)


def models(detectors: set[str], **more: Any) -> Models:
    entry = {"kind": "tests.evaluation.test_modelled:Judge", "max_batch": 4, **more}
    config = ModelsConfig.model_validate({"detectors": {"judge": entry}})
    return Models(ModelsHere(config, Path(), DetectorsConfig()), config, detectors)


def case(text: str) -> Case:
    return Case("toxicity/mine", 1, text, "", "", text, Background())


def rows(*texts: str, label: int) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text in texts]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The small detector is sure and right of two rows, sure and wrong of one, and unsure of two, which the
    model tells apart."""
    folder = tmp_path / "data"
    bad = rows("0.9 x 0.8", "0.4 x 0.95", label=1)
    good = rows("0.1 x 0.2", "0.8 x 0.05", "0.6 x 0.1", label=0)
    write(folder, "toxicity/mine", bad + good)
    write(folder, "traffic/plain", [{"prompt": f"0.{n} please 0.0"} for n in (1, 2, 5, 8)])
    return folder


def run(data: Path, *, here: bool = True, **more: Any) -> dict[str, DetectorReport]:
    file = data.parent / "rules.yaml"
    file.write_text(RULES)
    detectors = DetectorSet([], [Echo()] if here else [], data.parent)
    policy = load_policy([file], {"echo"})
    report = evaluate(data, {"echo": "toxicity"}, detectors, policy, models=models({"echo"}, **more))
    shown = page(report)
    assert all(f">{each.title}</h2>" in shown for each in report.detectors)
    return {each.planes: each for each in report.detectors}


def test_the_model_is_asked_for_what_the_small_detector_is_unsure_of(data: Path) -> None:
    found = run(data)
    assert list(found) == ["both planes", "data plane", "model plane"]
    confusion = {
        planes: (each.panels[0].operating[0].recall.hits, each.panels[0].operating[0].alarms.hits)
        for planes, each in found.items()
    }
    # Of two bad and three good rows. The row that the small one is sure and wrong of stays wrong for both.
    assert confusion == {"both planes": (2, 1), "data plane": (1, 2), "model plane": (2, 0)}
    both = found["both planes"].passed_on
    assert both is not None and both.everyday is not None
    assert (both.texts, both.everyday.hits, both.everyday.of) == (3, 1, 4)
    assert passed_on(found["both planes"]) == "the models were asked about 3, 25.0% of everyday ones"
    assert found["data plane"].passed_on is None and found["model plane"].passed_on is None
    assert [each.version for each in found.values()] == ["1+judge-1", "1", "judge-1"]
    assert {each.threshold for each in found.values()} == {0.5}


def test_a_text_costs_both_planes_what_it_costs_each(data: Path) -> None:
    found = run(data)
    spent = {planes: each.latency for planes, each in found.items()}
    assert all(each is not None and each.texts == 9 for each in spent.values())
    assert spent["both planes"] is not None and spent["model plane"] is not None
    # Each text of the model takes it a millisecond at least, and most are not passed on.
    assert spent["model plane"].p50_us > 1000 and spent["both planes"].p99_us > 1000


def test_a_detector_of_the_models_alone_has_one_section(data: Path) -> None:
    (found,) = run(data, here=False).values()
    assert (found.planes, found.title, found.version) == ("model plane", "echo, model plane", "judge-1")
    assert found.panels[0].operating[0].recall.hits == 2


def test_an_answer_is_asked_about_as_a_call_does(data: Path) -> None:
    """Of its sentences, the second one is bad; of the whole text, the model reads the last number."""
    text = "It has 0.1. It is 0.9. It was 0.2."
    write(data, "toxicity/said", [{"text": text, "label": 1, "role": "answer"}])
    misses = {}
    for scope in ("sentence", "text"):
        (found,) = run(data, here=False, scope=scope).values()
        misses[scope] = [each.score for each in found.misses if each.place == "toxicity/said"]
    assert misses == {"sentence": [0.9], "text": [0.2]}


def test_what_a_model_leaves_or_cannot_read_is_no_answer_of_its_own(data: Path) -> None:
    more = [*rows("0.9 leave 0", label=1), *rows("0.4 broken 0", "0.1 broken 0", label=0)]
    write(data, "toxicity/more", more)
    found = run(data)
    assert found["model plane"].failed == {"the models leave it to the data plane": 1, "no answer": 2}
    assert found["both planes"].failed == {"no answer": 1}  # the text that it is asked about
    assert found["data plane"].failed == {}


def test_texts_of_about_the_same_length_run_together_and_a_sample_alone() -> None:
    asked = models({"echo", "other"})
    cases = [case("x" * length + " 0.5") for length in (9, 1, 8, 2, 7, 3)]
    done: list[int] = []
    said = asked.ask(cases, ["echo", "other", "stranger"], [0], done.append)
    lengths = [[len(text) - 4 for text in batch] for batch in Judge.batches]
    assert lengths == [[9], [1, 2, 3, 7], [8]]  # once for both detectors
    assert done == [1, 4, 1]
    assert set(said) == {"echo", "other"}
    assert [each.elapsed_ns is not None for each in said["other"]] == [True, *[False] * 5]
    assert {tuple(each.inspection.scores) for each in said["other"]} == {("other",)}
    assert not any(each.inspection.findings for each in said["other"])


def test_a_text_that_fails_in_a_batch_is_tried_alone() -> None:
    said = models({"echo"}).ask([case("slow 0.5"), case("fine 0.1")], ["echo"], [], lambda count: None)
    assert [each.inspection.scores for each in said["echo"]] == [{"echo": 0.5}, {"echo": 0.1}]
    assert Judge.batches[1:] == [["slow 0.5"]]


def test_the_sample_is_from_all_over_a_file() -> None:
    assert sample(0) == frozenset() and sample(3) == {0, 1, 2}
    many = sorted(sample(10 * TIMED))
    assert len(many) == TIMED and many[:2] == [0, 10] and many[-1] == 10 * TIMED - 10


def test_areas_of_models() -> None:
    config = ModelsConfig.model_validate(
        {
            "detectors": {
                "encoder": {"kind": "encoder"},
                "large": {"kind": "detoxify", "variant": "original"},
                "entails": {"kind": "nli", "model": "acme/nli"},
                "mine": {"kind": "tests.models.toys:Toy"},
            }
        }
    )
    known = frozenset({"toxicity", "quality"})
    assert parsed(["large", "entails", "mine", "toxicity", "misuse"], known, config) == {
        "large": "toxicity",
        "entails": "groundedness",
        "mine": "traffic",
        "toxicity": "toxicity",
        "misuse": "harm",
    }
    assert set(parsed([], known, config)) == known | config.served
    with pytest.raises(ConfigError, match="`encoder` is a model that answers for injection, misuse, topics,"):
        parsed(["encoder"], known, config)
    with pytest.raises(ConfigError, match="a model is one when `models.detectors` of --config names it"):
        parsed(["large"], known)


def test_a_model_without_labels_is_told(data: Path, tmp_path: Path) -> None:
    policy = load_policy([], {"echo"})
    detectors = DetectorSet([], [], tmp_path)
    report = evaluate(data, {"other": "traffic"}, detectors, policy, models=models({"other"}))
    told = labels_of(report.detectors[0])
    assert told == "asked about traffic alone (--detector other=AREA names labels)"
