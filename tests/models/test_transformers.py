"""Hugging Face folders: texts and tokens, against the library's own answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import ConfigError
from sentinel.models._spans import bare
from sentinel.models.base import Passage
from sentinel.models.transformers import TransformersConfig, TransformersModel
from tests.models import tiny
from tests.models.conftest import Hub

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
        names = {type_: label for label, type_ in LABELS.items()}
        for finding in answer.findings:
            told = f"label `{names[finding.type]}` of {classifier}, {finding.score:.2f}"
            assert finding.why == f"{told}; findings begin at 0.1"
            assert finding.evidence == ((finding.start, finding.end, finding.score),)


@on_torch
def test_a_long_text_is_found_in_windows(classifier: Path, tmp_path: Path) -> None:
    """A window's finding is what the model says of its stretch alone."""
    model = _model(classifier, tmp_path, several=True)
    model.load()
    ahead, text = "the dog sat . ", tiny.LONG + TEXTS[0]
    (answer,) = model.infer([Passage(ahead + text, len(ahead))])
    places = sorted({(finding.start, finding.end) for finding in answer.findings})
    assert len(places) > 3 and places[-1][1] == len(ahead + text) and places[0][0] == len(ahead)
    for finding in answer.findings:
        (alone,) = model.infer([Passage((ahead + text)[finding.start : finding.end])])
        assert finding.score == pytest.approx(
            {f.type: f.score for f in alone.findings}[finding.type], abs=1e-5
        )
        assert finding.evidence == ((finding.start, finding.end, finding.score),)
    assert answer.scores["own"] == max(finding.score for finding in answer.findings)


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
    assert all(f.why.startswith(f"label `PER` of {tagger}, {f.score:.2f};") for f in answer.findings)
    covered = {i for f in answer.findings for i in range(f.start, f.end) if text[i] != " "}
    assert covered == {i for row in tagged for i in range(row["start"], row["end"])}
    assert not answer.scores


@on_torch
@pytest.mark.parametrize(
    ("settings", "apart"),
    [
        ({"attention": "eager"}, 1e-4),
        ({"attention": "sdpa"}, 1e-4),
        ({"precision": "fp16", "attention": "eager"}, 0.01),
        ({"precision": "fp16", "attention": "sdpa"}, 0.01),
        ({"precision": "bf16", "attention": "sdpa"}, 0.1),
    ],
    ids=lambda each: "-".join(each.values()) if isinstance(each, dict) else "",
)
def test_precisions_and_ways_of_attention_answer_nearly_alike(
    classifier: Path, tmp_path: Path, settings: dict[str, str], apart: float
) -> None:
    import torch

    types = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    scores = []
    for more in ({}, settings):
        model = _model(classifier, tmp_path, **more)
        model.load()
        assert next(model._model.parameters()).dtype == types[more.get("precision", "fp32")]
        assert more.get("attention", "sdpa") == model._model.config._attn_implementation
        answers = model.infer([Passage(text=TEXTS[0]), Passage(text=tiny.LONG)])
        scores.append([answer.scores["own"] for answer in answers])
    assert scores[1] == pytest.approx(scores[0], abs=apart)


@on_torch
@pytest.mark.parametrize(("attention", "flash"), [("auto", True), ("sdpa", True), ("eager", False)])
def test_flash_attention_where_torch_has_it(
    classifier: Path, tmp_path: Path, attention: str, flash: bool
) -> None:
    """On a CPU too, and where texts of different lengths are filled up."""
    from torch.profiler import ProfilerActivity, profile

    model = _model(classifier, tmp_path, attention=attention)
    model.load()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        model.infer([Passage(text=text) for text in TEXTS])
    assert any("flash_attention" in event.key for event in seen.key_averages()) == flash


@on_torch
@pytest.mark.parametrize("settings", [{}, {"precision": "fp16"}])
def test_flash_attention_is_not_for_a_cpu(classifier: Path, tmp_path: Path, settings: dict[str, str]) -> None:
    with pytest.raises(
        ConfigError, match=r"models\.detectors\.own\.attention: flash_attention_2 needs a CUDA device"
    ):
        _model(classifier, tmp_path, attention="flash_attention_2", **settings).load()


@on_torch
def test_flash_attention_needs_its_package(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library asks for it before anything is put on the device."""
    import torch

    from sentinel.models import _torch

    monkeypatch.setattr(_torch, "device", lambda name, key: torch.device("cuda"))
    with pytest.raises(ConfigError, match=r"own\.model: .*FlashAttention2.* installed"):
        _model(classifier, tmp_path, attention="flash_attention_2", precision="fp16").load()


@on_torch
@pytest.mark.parametrize("revision", [None, "v1"])
def test_a_name_on_the_hub(classifier: Path, tmp_path: Path, hub: Hub, revision: str | None) -> None:
    hub("acme/manners", classifier, revision or "main")
    here, there = (
        _model(classifier, tmp_path),
        _model(tmp_path, tmp_path, model="acme/manners", revision=revision),
    )
    for model in (here, there):
        model.load()
    assert there.version == f"acme/manners@{revision or 'main'}-fp32"
    wanted, (found,) = here.infer([Passage(TEXTS[0])])[0], there.infer([Passage(TEXTS[0])])
    assert found.scores == wanted.scores
    assert {f.why.split(",")[0] for f in found.findings} <= {f"label `{x}` of acme/manners" for x in LABELS}


@on_torch
def test_the_version_of_a_folder_changes_with_its_weights(classifier: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(classifier, folder)
    model = _model(folder, tmp_path)
    versions = []
    for seed in (3, 3, 4):
        tiny.save(folder, "BertForSequenceClassification", ["fine", "rude", "threatening"], seed)
        model.load()
        versions.append(model.version)
    assert versions[0] == versions[1] != versions[2]
    assert all(version.startswith(f"{folder}@") and version.endswith("-fp32") for version in versions)


@on_torch
def test_a_load_draws_no_progress_bars(classifier: Path) -> None:
    code = (
        "from sentinel.models.transformers import TransformersConfig, loaded\n"
        f"config = TransformersConfig(model={str(classifier)!r}, labels={{'rude': 'INSULT'}})\n"
        "loaded(config, 'AutoModelForSequenceClassification', 'own')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Loading weights" not in done.stderr


@on_torch
def test_a_name_that_the_hub_does_not_give(classifier: Path, tmp_path: Path, hub: Hub) -> None:
    hub("acme/manners", classifier, "main")
    for more in ({"model": "acme/others"}, {"model": "acme/manners", "revision": "v2"}):
        with pytest.raises(
            ConfigError, match=r"own\.model: the model `acme/\w+` cannot be loaded \(OSError\)"
        ):
            _model(tmp_path, tmp_path, **more).load()


@on_torch
def test_a_tokenizer_that_is_only_slow(classifier: Path, tmp_path: Path) -> None:
    folder = tiny.slow(classifier, tmp_path / "slow")
    with pytest.raises(ConfigError, match=r"own\.model: the tokenizer of `.*slow` has no fast form"):
        _model(folder, tmp_path).load()


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
