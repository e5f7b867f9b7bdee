"""Real models through a real plane: an ONNX file, and the mistakes that people make with one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.models.base import Passage
from sentinel.models.client import BlockingModelClient
from tests.models.running import Running, model_plane
from tests.models.test_onnx import LABELS
from tests.models.test_onnx import folder as folder  # a fixture: a model that counts words

PLENTY = 20_000


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Running]:
    place = tmp_path_factory.mktemp("p")
    (place / "no.onnx").write_bytes(b"not a model")
    good = {"kind": "onnx", "path": str(folder / "model.onnx"), "labels": LABELS, "deadline_ms": PLENTY}
    detectors = {
        "good": good,
        "labels": {**good, "labels": {"rued": "INSULT"}},
        "device": {**good, "device": "cuda:0"},
        "damaged": {**good, "path": str(place / "no.onnx"), "tokenizer": str(folder / "tokenizer.json")},
    }
    with model_plane(place, detectors) as it:
        yield it


@pytest.fixture
def client(plane: Running) -> Iterator[BlockingModelClient]:
    client = BlockingModelClient(plane.socket)
    yield client
    client.close()


def test_it_is_served(client: BlockingModelClient) -> None:
    found = client.inspect([Passage("you fool"), Passage("find it")], {"good"}, PLENTY)
    best = [max(each.findings, key=lambda finding: finding.score).type for each in found]
    assert best == ["INSULT", "THREAT"]
    assert client.versions["good"]


@pytest.mark.parametrize(
    ("name", "key", "told"),
    [
        ("labels", "labels.labels", "has no label `rued`; it has `fine`, `rude`, `threatening`"),
        ("device", "device.device", "no device `cuda:0`"),
        ("damaged", "damaged.path", "cannot be loaded"),
    ],
)
def test_what_is_wrong_is_told(client: BlockingModelClient, name: str, key: str, told: str) -> None:
    (found,) = client.inspect([Passage("you fool")], {name}, PLENTY)
    assert found.failed[name].startswith(f"it is not loaded: models.detectors.{key}: ")
    assert told in found.failed[name]
    health = client.health()
    assert health is not None
    (why,) = [model.why for model in health.models if model.name == name]
    assert found.failed[name] == f"it is not loaded: {why}"
