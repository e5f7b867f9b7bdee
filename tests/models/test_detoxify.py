"""Detoxify's own package, with a tiny checkpoint in its own format."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError
from sentinel.models.base import Passage
from sentinel.models.detoxify import DetoxifyConfig, DetoxifyModel
from tests.models import tiny

LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
on_torch = pytest.mark.torch
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "detoxify", None)
    with pytest.raises(
        ConfigError, match=r"models\.detectors\.tox: .*`detoxify` is not installed.*\[detoxify\]"
    ):
        DetoxifyModel("tox", DetoxifyConfig(), tmp_path).load()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    tiny.save_base(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    return _checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny.ckpt", base, LABELS)


def _checkpoint(path: Path, base: Path, labels: list[str]) -> Path:
    """What Detoxify's training writes: the config that it ran with, and the weights."""
    import torch
    import transformers

    torch.manual_seed(5)
    config = transformers.BertConfig.from_pretrained(base, num_labels=len(labels))
    model = transformers.BertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.3)
    arguments = {
        "model_type": str(base),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "AutoTokenizer",
        "num_classes": len(labels),
    }
    told = {"dataset": {"args": {"classes": labels}}, "arch": {"args": arguments}}
    torch.save({"config": told, "state_dict": model.state_dict()}, path)
    return path


def _model(file: Path, base: Path, tmp_path: Path, **more: str) -> DetoxifyModel:
    settings = {"checkpoint": file, "config_path": base, **more}
    return DetoxifyModel("tox", DetoxifyConfig.model_validate(settings), tmp_path)


def _labelled(base: Path, tmp_path: Path) -> Path:
    """The base model's folder with as many labels as the checkpoint: what the package itself needs."""
    import transformers

    folder = tmp_path / "labelled"
    shutil.copytree(base, folder)
    transformers.BertConfig.from_pretrained(base, num_labels=len(LABELS)).save_pretrained(folder)
    return folder


@on_torch
def test_scores_are_those_of_the_package(checkpoint: Path, base: Path, tmp_path: Path) -> None:
    from detoxify import Detoxify

    model = _model(checkpoint, base, tmp_path)
    model.load()
    theirs = Detoxify(checkpoint=str(checkpoint), huggingface_config_path=str(_labelled(base, tmp_path)))
    texts = ["you are a fool", "the cat sat on the mat", "i will find you"]
    answers = model.infer([Passage(text=text) for text in texts])
    for text, answer in zip(texts, answers, strict=True):
        wanted = theirs.predict(text)
        found = {finding.type: finding.score for finding in answer.findings}
        assert found == {
            type_: pytest.approx(wanted[label], abs=1e-5)
            for label, type_ in (
                ("toxicity", "TOXIC"),
                ("obscene", "OBSCENE"),
                ("threat", "THREAT"),
                ("insult", "INSULT"),
                ("identity_attack", "IDENTITY_ATTACK"),
            )
            if wanted[label] >= 0.1
        }
        assert all(f.start == 0 and f.end == len(text) and f.detector == "tox" for f in answer.findings)
    assert len({answer.scores["tox"] for answer in answers}) == 3


@on_torch
def test_int8_answers_nearly_the_same(checkpoint: Path, base: Path, tmp_path: Path) -> None:
    exact, rounded = (_model(checkpoint, base, tmp_path, precision=p) for p in ("fp32", "int8"))
    scores = []
    for model in (exact, rounded):
        model.load()
        scores.append(model.infer([Passage(text="you are a fool")])[0].scores["tox"])
    assert scores[0] != scores[1]
    assert scores[0] == pytest.approx(scores[1], abs=0.1)


@on_torch
def test_unloaded_and_loaded_again(checkpoint: Path, base: Path, tmp_path: Path) -> None:
    model = _model(checkpoint, base, tmp_path)
    model.load()
    before = model.infer([Passage(text="you are a fool")])
    model.unload()
    model.load()
    assert model.infer([Passage(text="you are a fool")]) == before


@on_torch
def test_a_checkpoint_of_another_kind_says_its_labels(base: Path, tmp_path: Path) -> None:
    other = _checkpoint(tmp_path / "other.ckpt", base, ["spam", "ham"])
    with pytest.raises(ConfigError, match=r"no label `toxicity`; it has `spam`, `ham`"):
        _model(other, base, tmp_path).load()


@on_torch
@pytest.mark.parametrize("missing", ["checkpoint", "config_path"])
def test_a_missing_file(checkpoint: Path, base: Path, tmp_path: Path, missing: str) -> None:
    with pytest.raises(ConfigError, match=rf"models\.detectors\.tox\.{missing}: .*absent does not exist"):
        _model(checkpoint, base, tmp_path, **{missing: str(tmp_path / "absent")}).load()


@on_torch
def test_a_file_that_is_no_checkpoint(base: Path, tmp_path: Path) -> None:
    (tmp_path / "no.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ConfigError, match=r"no\.ckpt is no checkpoint"):
        _model(tmp_path / "no.ckpt", base, tmp_path).load()


@on_torch
def test_a_checkpoint_with_code_in_it_is_refused(checkpoint: Path, base: Path, tmp_path: Path) -> None:
    import torch

    held = torch.load(checkpoint, weights_only=True)
    torch.save({**held, "more": Path("/")}, tmp_path / "more.ckpt")
    with pytest.raises(ConfigError, match="trust_checkpoint"):
        _model(tmp_path / "more.ckpt", base, tmp_path).load()


@on_torch
def test_a_device_that_is_not_there(checkpoint: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no device `cuda:99`"):
        _model(checkpoint, base, tmp_path, device="cuda:99").load()


@on_torch
def test_half_of_the_offline_pair(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="go together"):
        DetoxifyModel("tox", DetoxifyConfig(checkpoint=checkpoint), tmp_path).load()
