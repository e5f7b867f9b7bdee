"""Presidio's engine of stanza, with a pipeline that the test trains."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.core.errors import ConfigError
from sentinel.models.base import Passage
from sentinel.models.spacy import SpacyConfig, SpacyModel
from tests.models import tiny_stanza

pytestmark = [
    pytest.mark.torch,
    # Its training leaves files open.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
TEXT = "Yesterday Bob Ray left New York, and it rained. Ann Lee lives in Paris."


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_stanza.train(tmp_path_factory.mktemp("stanza"))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What asked the network, which nothing may."""
    asked: list[str] = []

    def refuse(*told: object, **_more: object) -> None:
        asked.append(str(told))
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


def _model(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> SpacyModel:
    """STANZA_RESOURCES_DIR is read once, by whichever test imports stanza first."""
    monkeypatch.setattr("presidio_analyzer.nlp_engine.stanza_nlp_engine.DEFAULT_MODEL_DIR", str(folder))
    told = {
        "nlp_engine_name": "stanza",
        "models": [{"lang_code": "en", "model_name": "en"}],
        "ner_model_configuration": {
            "model_to_presidio_entity_mapping": {"PERSON": "PERSON", "GPE": "LOCATION"},
            **settings,
        },
    }
    (tmp_path / "engine.yaml").write_text(yaml.safe_dump(told))
    return SpacyModel("names", SpacyConfig(presidio=tmp_path / "engine.yaml"), tmp_path)


def _found(model: SpacyModel, text: str) -> list[tuple[str, int, int]]:
    (answer,) = model.infer([Passage(text=text)])
    return [(each.type, each.start, each.end) for each in answer.findings]


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "\n Ann Lee  lives in New\nYork.\r\n\r\nIn Oslo we met Cara  Diaz at noon. ",
        "\U0001f600 Ann Lee lives in Paris.",
        "It\x92s said: Ann Lee lives in Paris.",
        f"{'a' * 1200} Ann Lee lives in Paris.",
    ],
    ids=["plain", "spaces", "astral", "control", "long"],
)
def test_findings_are_those_of_stanza(
    resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    import stanza

    model = _model(resources, tmp_path, monkeypatch)
    model.load()
    theirs = stanza.Pipeline(
        "en", str(resources), processors=",".join(tiny_stanza.PROCESSORS), download_method=None, device="cpu"
    )(text)
    types = {"PERSON": "PERSON", "GPE": "LOCATION"}
    found = _found(model, text)
    assert found == [(types[x.type], x.start_char, x.end_char) for x in theirs.entities]
    told = {(type_, " ".join(text[start:end].split())) for type_, start, end in found}
    assert ("PERSON", "Ann Lee") in told
    assert told & {("LOCATION", "Paris"), ("LOCATION", "New York")}


def test_texts_without_a_word(resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model(resources, tmp_path, monkeypatch)
    model.load()
    assert [_found(model, text) for text in ("", " \n\n ", "\x80")] == [[], [], []]


def test_presidios_configuration_decides(
    resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = _model(resources, tmp_path, monkeypatch, low_score_entity_names=["LOCATION"])
    low.load()
    scores = {f.type: f.score for f in low.infer([Passage(text=TEXT)])[0].findings}
    assert scores["LOCATION"] < scores["PERSON"] == pytest.approx(0.85)
    ignoring = _model(resources, tmp_path, monkeypatch, labels_to_ignore=["GPE"])
    ignoring.load()
    assert [TEXT[start:end] for _, start, end in _found(ignoring, TEXT)] == ["Bob Ray", "Ann Lee"]


def test_files_that_are_there_are_loaded_without_network(
    resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: list[str]
) -> None:
    model = _model(resources, tmp_path, monkeypatch)
    model.load()
    before = _found(model, TEXT)
    model.unload()
    model.load()
    assert _found(model, TEXT) == before != []
    assert offline == []


@pytest.mark.parametrize(
    "lacking", [".", "resources.json", "en", "en/tokenize", "en/ner/tiny.pt", "pretrain"]
)
def test_a_missing_file_is_told_at_once(
    resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: list[str], lacking: str
) -> None:
    folder = tmp_path / "resources"
    shutil.copytree(resources, folder)
    listed = folder / "resources.json"
    if lacking == "pretrain":  # what bigger models lean on
        needed = '"ner": {"tiny": {"dependencies": [{"model": "pretrain", "package": "words"}]}}'
        listed.write_text(listed.read_text().replace('"ner": {"tiny": {}}', needed))
    elif (folder / lacking).is_dir():
        shutil.rmtree(folder / lacking)
    else:
        (folder / lacking).unlink()
    told = rf"names\.presidio: .* lacks a file: .*{folder}.*stanza\.download\('en', processors='tok"
    with pytest.raises(ConfigError, match=told):
        _model(folder, tmp_path, monkeypatch).load()
    assert offline == []
