"""`sentinel eval` of real models: an ONNX file, in its own process and behind a pool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.test_eval import run
from tests.models.running import Running, model_plane
from tests.models.test_onnx import LABELS
from tests.models.test_onnx import folder as folder  # a fixture: a model that counts words

RULES = """
rules:
- {id: insults, level: low, detect: {detector: counts, type: INSULT, score: 0.9}, action: block}
"""


def onnx(folder: Path, **more: Any) -> dict[str, Any]:
    return {"kind": "onnx", "path": str(folder / "model.onnx"), "labels": LABELS, **more}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three insults, of which one bears two of the model's words, beside three good texts with one threat."""
    (tmp_path / "data" / "toxicity").mkdir(parents=True)
    texts = [
        ("you fool", 1),
        ("fool fool", 1),
        ("a fool sat", 1),
        ("a cat", 0),
        ("find a dog", 0),
        ("rain", 0),
    ]
    lines = [json.dumps({"text": text, "label": label}) for text, label in texts]
    (tmp_path / "data" / "toxicity" / "mine.jsonl").write_text("\n".join(lines))
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def configured(place: Path, models: dict[str, Any]) -> Path:
    file = place / "sentinel.yaml"
    settings = {"state_dir": str(place / "state"), "rules": {"paths": [str(place / "rules.yaml")]}}
    file.write_text(yaml.safe_dump({**settings, "models": models}))
    return file


COMMAND = ("--data", "data", "--config", "sentinel.yaml", "--detector", "counts=toxicity")


def measured(place: Path) -> dict[str, Any]:
    done = run(place, *COMMAND)
    assert done.returncode == 0, done.stderr
    assert "loading the models behind counts" in done.stderr and "counts, model plane" in done.stdout
    (found,) = json.loads((place / "sentinel-eval.json").read_text())["detectors"]
    assert (found["rows"], found["failed"], found["planes"]) == (6, {}, "model plane")
    assert found["version"].startswith("onnx-model.onnx")
    assert found["latency"]["texts"] == 6 and 0 < found["latency"]["p50_us"] <= found["latency"]["p99_us"]
    return dict(found)


def confusion(found: dict[str, Any]) -> tuple[int, ...]:
    """Of the rules: caught, of how many; false alarms, of how many."""
    rules = found["panels"][0]["operating"][0]
    assert rules["threshold"] is None
    return tuple(rules[share][key] for share in ("recall", "alarms") for key in ("hits", "of"))


def test_a_model_in_this_process(place: Path, folder: Path) -> None:
    configured(place, {"detectors": {"counts": onnx(folder)}})
    found = measured(place)
    # exp(3) / (exp(3) + 2) = 0.909 for one `fool`; one `find` makes 0.787 of a threat, which is no insult.
    assert confusion(found) == (3, 3, 0, 3)
    assert found["panels"][0]["figures"]["auc"]["value"] == 1.0
    assert found["threshold"] == 0.9


@pytest.fixture
def pool(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Running]:
    with model_plane(tmp_path_factory.mktemp("p"), {"counts": onnx(folder, idle_s=0.2)}) as it:
        yield it


def test_a_model_behind_a_pool(place: Path, pool: Running) -> None:
    """Its sidecar's file names the model alone, and has no such file; the pool's model may sleep."""
    entry = {"kind": "onnx", "path": "/nowhere/model.onnx", "labels": LABELS}
    connect = {"connect": {"address": pool.socket}}
    configured(place, {**connect, "detectors": {"counts": entry}})
    assert confusion(measured(place)) == (3, 3, 0, 3)
    configured(place, {**connect, "detectors": {"counts": entry, "other": entry}})
    done = run(place, *COMMAND[:-1], "other=toxicity")
    assert done.returncode == 1
    assert f"models.connect: the model plane at {pool.socket} has no model for `other`" in done.stderr


@pytest.mark.parametrize(
    ("models", "detector", "told"),
    [
        (
            {"detectors": {"counts": {"kind": "onnx", "path": "none.onnx", "labels": LABELS}}},
            "counts",
            "none.onnx does not exist",
        ),
        (
            {"detectors": {"counts": {"kind": "tests.models.toys:Faulty"}}},
            "counts",
            "models.detectors.counts: it raised OSError ([Errno 5] Input/output error)",
        ),
        (
            {"detectors": {"absent": {"kind": "tests.models.toys:Absent"}}},
            "toxicity",
            "models.detectors.absent.base: no base",
        ),
        (
            {"detectors": {"absent": {"kind": "tests.models.toys:Absent"}}},
            "absent",
            "`absent` is a model that answers for topics, toxicity: name one of these",
        ),
        (
            {
                "connect": {"address": "unix:nobody.sock"},
                "detectors": {"counts": {"kind": "tests.models.toys:Toy"}},
            },
            "counts",
            "models.connect.address: no model plane answers at unix:nobody.sock",
        ),
        ({}, "counts", "no detector `counts`; known: "),
    ],
)
def test_what_keeps_a_model_from_answering_is_told(
    place: Path, models: dict[str, Any], detector: str, told: str
) -> None:
    (place / "rules.yaml").write_text("rules: []")
    configured(place, models)
    done = run(place, *COMMAND[:-1], f"{detector}=toxicity")
    assert done.returncode == 1
    assert told in done.stderr and "Traceback" not in done.stderr


def test_a_model_that_no_area_belongs_to_needs_one_or_traffic(place: Path, folder: Path) -> None:
    configured(place, {"detectors": {"counts": onnx(folder)}})
    done = run(place, *COMMAND[:-1], "counts")
    assert done.returncode == 1
    assert "in traffic/; --detector NAME=AREA measures one on the labels of an area" in done.stderr
