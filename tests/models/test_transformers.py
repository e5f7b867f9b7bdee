"""Hugging Face folders: texts and tokens, against the library's own answers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import ConfigError
from sentinel.models._spans import bare
from sentinel.models.base import Passage
from sentinel.models.transformers import TransformersConfig, TransformersModel
from tests.models import tiny

on_torch = pytest.mark.torch
LABELS = {"rude": "INSULT", "threatening": "THREAT"}
TEXTS = ["you are a fool", "the cat sat on the mat", "i will find you"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def _model(folder: Path, tmp_path: Path, **more: Any) -> TransformersModel:
    settings = {"model": str(folder), "labels": LABELS, **more}
    return TransformersModel("own", TransformersConfig.model_validate(settings), tmp_path)


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(
        ConfigError, match=r"models\.detectors\.own: .*`transformers` is not installed.*\[transformers\]"
    ):
        _model(tmp_path, tmp_path).load()


@pytest.mark.parametrize(
    ("label", "kind"), [("B-PER", "PER"), ("I-PER", "PER"), ("O", "O"), ("PERSON", "PERSON"), ("E-X", "X")]
)
def test_bare_labels(label: str, kind: str) -> None:
    assert bare(label) == kind


@on_torch
@pytest.mark.parametrize("several", [False, True])
def test_texts(classifier: Path, tmp_path: Path, several: bool) -> None:
    import transformers

    model = _model(classifier, tmp_path, several=several)
    model.load()
    assert model.types == {"INSULT", "THREAT"}
    pipe = transformers.pipeline("text-classification", model=str(classifier), device="cpu")
    function = "sigmoid" if several else "softmax"
    wanted = [
        {row["label"]: row["score"] for row in pipe(t, top_k=None, function_to_apply=function)} for t in TEXTS
    ]
    answers = model.infer([Passage(text=text) for text in TEXTS])
    for answer, row in zip(answers, wanted, strict=True):
        found = {finding.type: finding.score for finding in answer.findings}
        expected = {LABELS[label]: score for label, score in row.items() if label in LABELS and score >= 0.1}
        assert found == pytest.approx(expected, abs=1e-5)


@on_torch
def test_only_what_stands_from_the_start_on_is_read(classifier: Path, tmp_path: Path) -> None:
    model = _model(classifier, tmp_path, several=True)
    model.load()
    ahead = "the dog sat . "
    alone, behind = model.infer([Passage(text=TEXTS[0]), Passage(text=ahead + TEXTS[0], start=len(ahead))])
    assert alone.scores == pytest.approx(behind.scores, abs=1e-5)
    assert {(f.start, f.end) for f in behind.findings} == {(len(ahead), len(ahead) + len(TEXTS[0]))}


@on_torch
def test_a_batch_answers_as_one_by_one(classifier: Path, tmp_path: Path) -> None:
    model = _model(classifier, tmp_path)
    model.load()
    texts = [*TEXTS, tiny.LONG, "", tiny.LONG + TEXTS[0]]
    together = [answer.scores["own"] for answer in model.infer([Passage(text=text) for text in texts])]
    apart = [model.infer([Passage(text=text)])[0].scores["own"] for text in texts]
    assert together == pytest.approx(apart, abs=1e-5)


@on_torch
def test_tokens(tagger: Path, tmp_path: Path) -> None:
    import transformers

    model = _model(tagger, tmp_path, task="tokens", labels={"PER": "PERSON"})
    model.load()
    pipe = transformers.pipeline("token-classification", model=str(tagger), device="cpu")
    text = "ann lee went home in paris and you will find a fool"
    answer = model.infer([Passage(text=text)])[0]
    tagged = [row for row in pipe(text) if row["entity"] != "O"]
    assert tagged and answer.findings
    assert {f.type for f in answer.findings} == {"PERSON"}
    covered = {i for f in answer.findings for i in range(f.start, f.end) if text[i] != " "}
    assert covered == {i for row in tagged for i in range(row["start"], row["end"])}
    assert not answer.scores


@on_torch
def test_fp16_where_attention_is_computed_by_torch(classifier: Path, tmp_path: Path) -> None:
    scores = []
    for settings in ({}, {"precision": "bf16", "attention": "sdpa"}, {"attention": "eager"}):
        model = _model(classifier, tmp_path, **settings)
        model.load()
        scores.append(model.infer([Passage(text=TEXTS[0])])[0].scores["own"])
    assert scores[2] == pytest.approx(scores[0], abs=1e-4)
    assert scores[1] == pytest.approx(scores[0], abs=0.1)


@on_torch
def test_labels_that_the_model_lacks(classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"models\.detectors\.own\.labels: .*`polite`; it has `fine`, `rude`"
    ):
        _model(classifier, tmp_path, labels={"polite": "NICE"}).load()


@on_torch
def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.detectors\.own\.model: .*absent does not exist"):
        _model(tmp_path / "absent", tmp_path).load()


@on_torch
def test_a_folder_without_weights(classifier: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hollow"
    shutil.copytree(classifier, folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"models\.detectors\.own\.model: .*cannot be loaded|lacks a file"):
        _model(folder, tmp_path).load()


@on_torch
def test_a_model_for_another_task_is_refused(tagger: Path, tmp_path: Path) -> None:
    """The library would make up the head that the files lack, and answer at random."""
    folder = tmp_path / "headless"
    shutil.copytree(tagger, folder)
    import safetensors.torch

    held = safetensors.torch.load_file(folder / "model.safetensors")
    bare_encoder = {name: value for name, value in held.items() if not name.startswith("classifier")}
    safetensors.torch.save_file(bare_encoder, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match="no model for this task"):
        _model(folder, tmp_path, labels={"B-PER": "PERSON"}).load()


@on_torch
def test_memory_that_does_not_suffice(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hidden width of 4 million asks for terabytes: the allocator itself refuses."""
    folder = tmp_path / "huge"
    shutil.copytree(classifier, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 1 << 40}))
    with pytest.raises(ConfigError, match="not enough memory|cannot be loaded"):
        _model(folder, tmp_path).load()


@on_torch
def test_int8_is_for_a_cpu(classifier: Path, tmp_path: Path) -> None:
    import torch

    from sentinel.models import _torch

    with pytest.raises(ConfigError, match="int8 is for the device `cpu`"):
        _torch.placed(torch.nn.Linear(2, 2), torch.device("meta"), "int8", "models.own.precision")
