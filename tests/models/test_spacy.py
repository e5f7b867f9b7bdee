"""spaCy pipelines, and Presidio's engines, with entities by rule."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from sentinel.core.errors import ConfigError
from sentinel.models.base import Passage
from sentinel.models.spacy import SpacyConfig, SpacyModel

TEXT = "Yesterday Ann Lee went home to Paris, where Acme Ltd sold 3 boats."
PATTERNS = [
    {"label": "PERSON", "pattern": "Ann Lee"},
    {"label": "GPE", "pattern": "Paris"},
    {"label": "ORG", "pattern": "Acme Ltd"},
    {"label": "CARDINAL", "pattern": "3"},
]
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)  # type: ignore[attr-defined]
    folder = tmp_path_factory.mktemp("pipeline")
    nlp.to_disk(folder)
    return folder


def _model(tmp_path: Path, **settings: Any) -> SpacyModel:
    return SpacyModel("names", SpacyConfig.model_validate(settings), tmp_path)


def _found(model: SpacyModel, text: str, start: int = 0) -> list[tuple[str, str]]:
    (answer,) = model.infer([Passage(text=text, start=start)])
    assert not answer.scores
    return [(finding.type, text[finding.start : finding.end]) for finding in answer.findings]


def test_entities_are_findings(pipeline: Path, tmp_path: Path) -> None:
    model = _model(tmp_path, pipeline=str(pipeline), score=0.7)
    model.load()
    wanted = [("PERSON", "Ann Lee"), ("LOCATION", "Paris"), ("ORGANIZATION", "Acme Ltd")]
    assert _found(model, TEXT) == wanted
    assert {f.score for f in model.infer([Passage(text=TEXT)])[0].findings} == {0.7}
    assert model.types == {"PERSON", "LOCATION", "ORGANIZATION"}


def test_what_begins_before_the_start_is_known_already(pipeline: Path, tmp_path: Path) -> None:
    model = _model(tmp_path, pipeline=str(pipeline))
    model.load()
    assert _found(model, TEXT, TEXT.index("Lee")) == [("LOCATION", "Paris"), ("ORGANIZATION", "Acme Ltd")]


def test_labels_of_ones_own(pipeline: Path, tmp_path: Path) -> None:
    model = _model(tmp_path, pipeline=str(pipeline), labels={"CARDINAL": "COUNT"})
    model.load()
    assert _found(model, TEXT) == [("COUNT", "3")]


def test_unloaded_and_loaded_again(pipeline: Path, tmp_path: Path) -> None:
    model = _model(tmp_path, pipeline=str(pipeline))
    model.load()
    before = model.infer([Passage(text=TEXT)])
    model.unload()
    model.load()
    assert model.infer([Passage(text=TEXT)]) == before


def test_the_version_of_a_folder_changes_with_its_files(pipeline: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(pipeline, folder)
    model, versions = _model(tmp_path, pipeline=str(folder)), []
    for _ in range(2):
        model.load()
        versions.append(model.version)
        (patterns,) = (folder / "entity_ruler").glob("patterns.jsonl")
        patterns.write_text(patterns.read_text().replace("Paris", "Rome"))
    assert versions[0] != versions[1]


def test_presidios_engine(pipeline: Path, tmp_path: Path) -> None:
    told = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": str(pipeline)}],
        "ner_model_configuration": {
            "model_to_presidio_entity_mapping": {
                "PERSON": "PERSON",
                "GPE": "LOCATION",
                "ORG": "ORGANIZATION",
            },
            "low_score_entity_names": ["ORGANIZATION"],
            "labels_to_ignore": ["CARDINAL"],
        },
    }
    (tmp_path / "engine.yaml").write_text(yaml.safe_dump(told))
    model = _model(tmp_path, presidio=tmp_path / "engine.yaml")
    model.load()
    assert _found(model, TEXT) == [("PERSON", "Ann Lee"), ("LOCATION", "Paris"), ("ORGANIZATION", "Acme Ltd")]
    scores = {f.type: f.score for f in model.infer([Passage(text=TEXT)])[0].findings}
    assert scores["ORGANIZATION"] < scores["PERSON"] == pytest.approx(0.85)


@pytest.mark.torch
def test_presidios_engine_of_transformers(tagger: Path, tmp_path: Path) -> None:
    import spacy
    import transformers

    spacy.blank("en").to_disk(tmp_path / "blank")
    names = {"spacy": str(tmp_path / "blank"), "transformers": str(tagger)}
    told = {
        "nlp_engine_name": "transformers",
        "models": [{"lang_code": "en", "model_name": names}],
        "ner_model_configuration": {
            "model_to_presidio_entity_mapping": {"PER": "PERSON"},
            "labels_to_ignore": ["O"],
        },
    }
    (tmp_path / "engine.yaml").write_text(yaml.safe_dump(told))
    model = _model(tmp_path, presidio=tmp_path / "engine.yaml")
    model.load()
    text = "the cat sat on the mat and ann lee went home in paris"
    theirs = transformers.pipeline("token-classification", str(tagger), aggregation_strategy="max")(text)
    wanted = [(each["start"], each["end"]) for each in theirs if each["entity_group"] == "PER"]
    (answer,) = model.infer([Passage(text=text)])
    assert [(f.start, f.end) for f in answer.findings] == wanted != []
    assert {f.type for f in answer.findings} == {"PERSON"}


@pytest.mark.parametrize("engine", ["stanza", "transformers"])
def test_an_engine_whose_package_is_missing_names_it(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from presidio_analyzer import nlp_engine

    kind = {"stanza": nlp_engine.StanzaNlpEngine, "transformers": nlp_engine.TransformersNlpEngine}[engine]
    monkeypatch.setattr(kind, "is_available", False)
    told = {"nlp_engine_name": engine, "models": [{"lang_code": "en", "model_name": "en"}]}
    (tmp_path / "engine.yaml").write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigError, match=rf"names\.presidio: the engine `{engine}` needs more packages"):
        _model(tmp_path, presidio=tmp_path / "engine.yaml").load()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pipeline": "/absent"}, r"names\.pipeline: /absent does not exist"),
        ({"pipeline": "en_absent_sm"}, r"names\.pipeline: .*python -m spacy download en_absent_sm"),
        ({"presidio": "/absent.yaml"}, r"names\.presidio: /absent.yaml does not exist"),
    ],
)
def test_missing_files(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _model(tmp_path, **settings).load()


def test_labels_that_the_pipeline_lacks(pipeline: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none of `labels` .* it has CARDINAL, GPE, ORG, PERSON"):
        _model(tmp_path, pipeline=str(pipeline), labels={"NORP": "GROUP"}).load()


def test_a_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the spaCy pipeline .* (cannot be loaded|lacks a file)"):
        _model(tmp_path, pipeline=str(tmp_path)).load()


def test_one_of_both_is_named() -> None:
    with pytest.raises(ValidationError, match="either `pipeline` or `presidio`"):
        SpacyConfig.model_validate({})


def test_a_missing_package_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, pipeline: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ConfigError, match=r"`spacy` is not installed.*\[spacy\]"):
        _model(tmp_path, pipeline=str(pipeline)).load()
