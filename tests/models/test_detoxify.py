"""Detoxify's own package, with a tiny checkpoint in its own format."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError
from sentinel.models.base import Passage
from sentinel.models.detoxify import TYPES, DetoxifyConfig, DetoxifyModel
from tests.models import tiny
from tests.models.conftest import Hub

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
    """Like bert-base-uncased on the hub, whose tokenizer_config.json names no class."""
    folder = tmp_path_factory.mktemp("base")
    tiny.save_base(folder)
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "model_max_length": 64}')
    return folder


@pytest.fixture(scope="module", params=["BertTokenizer", "AutoTokenizer"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """The published ones name the class of their base model's tokenizer."""
    return _checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny.ckpt", base, LABELS, request.param)


def _checkpoint(
    path: Path, base: Path, labels: list[str], tokenizer: str = "BertTokenizer", model_type: str = ""
) -> Path:
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
        "model_type": model_type or str(base),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": tokenizer,
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
        for finding in answer.findings:
            label = next(label for label in LABELS if TYPES.get(label) == finding.type)
            told = f"label `{label}` of Detoxify (own checkpoint), {finding.score:.2f}"
            assert finding.why == f"{told}; findings begin at 0.1"
    assert len({answer.scores["tox"] for answer in answers}) == 3


@on_torch
def test_a_variant_by_name(
    base: Path, tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, slow_at_first: None
) -> None:
    """All is the packages' own but the network: the checkpoint is copied where it would be downloaded, and
    its base model's files are in the hub's cache."""
    import torch
    from detoxify.detoxify import MODEL_URLS

    file = _checkpoint(tmp_path / "published.ckpt", base, LABELS, model_type="bert-base-uncased")
    hub("bert-base-uncased", base, "main")
    asked: list[str] = []

    def download(url: str, to: str, hash_prefix: str | None = None, progress: bool = True) -> None:
        asked.append(url)
        shutil.copy(file, to)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    named, own = DetoxifyModel("tox", DetoxifyConfig(), tmp_path), _model(file, base, tmp_path)
    answers = []
    for model in (named, own):
        model.load()
        answers.append(model.infer([Passage("you are a fool"), Passage(tiny.LONG)]))
    assert asked == [MODEL_URLS["original"]]
    for theirs, ours in zip(*answers, strict=True):
        assert theirs.scores == ours.scores and theirs.findings
        assert [(f.type, f.start, f.end) for f in theirs.findings] == [
            (f.type, f.start, f.end) for f in ours.findings
        ]
    assert "label `toxicity` of Detoxify (original), " in answers[0][0].findings[0].why


@pytest.fixture(params=[False, True], ids=["fast", "slow"])
def slow_at_first(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With transformers below 5, `BertTokenizer` itself is the slow one."""
    if request.param:
        import transformers

        monkeypatch.setattr(transformers, "BertTokenizer", _Slow)


class _Slow:
    """Tells no offsets, and where it is from."""

    is_fast = False

    def __init__(self, name_or_path: str) -> None:
        self.name_or_path = name_or_path

    @classmethod
    def from_pretrained(cls, name: str, **options: object) -> _Slow:
        return cls(name)


@on_torch
def test_a_tokenizer_that_is_only_slow(base: Path, tmp_path: Path) -> None:
    folder = tiny.slow(base, tmp_path / "slow")
    file = _checkpoint(tmp_path / "slow.ckpt", folder, LABELS, "CanineTokenizer")
    with pytest.raises(ConfigError, match=r"detectors\.tox: the tokenizer of `.*slow` has no fast form"):
        _model(file, folder, tmp_path).load()


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
def test_the_version_changes_with_the_checkpoint(base: Path, tmp_path: Path) -> None:
    file = _checkpoint(tmp_path / "own.ckpt", base, LABELS)
    model, versions = _model(file, base, tmp_path), []
    for labels in (LABELS, LABELS[:3]):
        _checkpoint(file, base, labels)
        model.load()
        versions.append(model.version)
    assert versions[0] != versions[1]
    assert all(version.startswith("detoxify-own.ckpt@") for version in versions)
