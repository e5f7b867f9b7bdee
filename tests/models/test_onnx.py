"""Classification models as ONNX files."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentinel.core.errors import ConfigError
from sentinel.models.base import Passage
from sentinel.models.inference import NoAnswer
from sentinel.models.onnx import OnnxConfig, OnnxModel
from tests.models import tiny

LABELS = {"rude": "INSULT", "threatening": "THREAT"}
FOOL, FIND = (tiny.VOCABULARY.index(word) for word in ("fool", "find"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose logits count words: 0, three times "fool", twice "find"."""
    return tiny.counting(tmp_path_factory.mktemp("onnx"), 3.0)


def _model(folder: Path, **more: Any) -> OnnxModel:
    settings = {"path": folder / "model.onnx", "labels": LABELS, "tokens": 16, **more}
    return OnnxModel("own", OnnxConfig.model_validate(settings), folder)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of tokens, laid out as on the hub: `fool` begins a name, `find` goes on with one."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    place = tmp_path_factory.mktemp("tagger")
    table = np.zeros((len(tiny.VOCABULARY), 3), np.float32)
    table[:, 0] = 2.0
    table[FOOL], table[FIND] = (0, 5, 0), (0, 0, 4)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["logits"]),
        helper.make_node("Identity", ["attention_mask"], ["unused"]),
    ]
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    out = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", "length", 3])]
    graph = helper.make_graph(nodes, "tags", ids, out, [numpy_helper.from_array(table, "table")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (place / "onnx").mkdir()
    onnx.save(made, place / "onnx" / "model.onnx")
    tiny.tokenizer(place / "tokenizer.json")
    (place / "config.json").write_text(json.dumps({"id2label": {"0": "O", "1": "B-PER", "2": "I-PER"}}))
    return place


PEOPLE = {"labels": {"PER": "PERSON"}, "task": "tokens"}


def test_tokens(tagger: Path) -> None:
    model = _model(tagger, path=tagger, **PEOPLE)
    model.load()
    texts = ["the fool find the cat", "the cat " * 40 + "fool", ""]
    answers = model.infer([Passage(text=text) for text in texts])
    places = [[(f.type, f.start, f.end) for f in answer.findings] for answer in answers]
    assert places == [[("PERSON", 4, 13)], [("PERSON", 320, 324)], []]
    weakest = math.exp(4) / (math.exp(4) + 2)
    assert answers[0].findings[0].score == pytest.approx(weakest)
    (behind,) = model.infer([Passage(text="fool and the fool", start=5)])
    assert [(f.start, f.end) for f in behind.findings] == [(13, 17)]


def test_tokens_need_a_model_of_tokens(folder: Path, tagger: Path) -> None:
    with pytest.raises(ConfigError, match=r"2 dimensions, and one row of logits a token has 3"):
        _model(folder, task="tokens").load()
    with pytest.raises(ConfigError, match=r"own\.labels: the model has no label `LOC`; it has `O`, `PER`"):
        _model(tagger, path=tagger, task="tokens", labels={"LOC": "LOCATION"}).load()


def test_a_name_on_the_hub(tagger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[object] = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns))
        return str(tagger)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    model = _model(tagger, path=None, model="acme/names", revision="v1", **PEOPLE)
    model.load()
    files = ["model.onnx", "onnx/model.onnx", "model.onnx_data", "onnx/model.onnx_data", "*.json"]
    assert asked == [("acme/names", "v1", files)]
    assert model.version == "onnx-acme/names@v1"
    (answer,) = model.infer([Passage(text="the fool")])
    (name,) = answer.findings
    assert (name.type, name.start) == ("PERSON", 4)
    assert name.why == f"label `PER` of acme/names, {name.score:.2f}; findings begin at 0.1"


def test_the_version_tells_one_file_from_the_next(tmp_path: Path) -> None:
    """Of the same name, at another place or at the same one, with its weights in the file or beside it."""
    versions = []
    for place in ("one/text", "two/text"):
        (tmp_path / place).mkdir(parents=True)
        model = _model(tmp_path, path=tiny.counting(tmp_path / place, float(len(versions))))
        model.load()
        versions.append(model.version)
    model.load()
    assert model.version == versions[1] != versions[0]
    assert all(version.startswith("onnx-text@") for version in versions)
    for name in ("model.onnx_data", "model.onnx.data", "tokenizer.json"):
        with (tmp_path / "two/text" / name).open("a") as file:
            file.write(" ")
        model.load()
        versions.append(model.version)
    assert len(set(versions)) == 5


def test_a_file_that_takes_one_text_at_a_time(tmp_path: Path) -> None:
    model = _model(tiny.fixed(tiny.counting(tmp_path)), several=True)
    model.load()
    told = r"own\.max_batch: the model's batch axis is fixed at 1: export it .* axis, or set max_batch: 1"
    with pytest.raises(ConfigError, match=told):
        model.infer([Passage("the cat"), Passage("a fool")])
    (answer,) = model.infer([Passage("the cat . " * 20 + "fool")])  # in windows
    assert answer.scores["own"] == pytest.approx(1 / (1 + math.exp(-3)))


def test_what_onnxruntime_says_to_the_terminal_is_raised_instead(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = _model(folder)
    model.load()
    with pytest.raises(Exception, match="indices element out of data bounds"):
        model._session.run(None, {name: np.array([[999]]) for name in ("input_ids", "attention_mask")})
    assert not capfd.readouterr().err


def test_one_of_path_and_model_is_named() -> None:
    with pytest.raises(ValueError, match="name either `path` or `model`"):
        OnnxConfig.model_validate({"labels": LABELS})


def _scores(model: OnnxModel, text: str, start: int = 0) -> dict[str, float]:
    (answer,) = model.infer([Passage(text=text, start=start)])
    for finding in answer.findings:
        assert (finding.start, finding.end) == (start, len(text))
        assert finding.evidence == ((start, len(text), finding.score),)
    return {finding.type: finding.score for finding in answer.findings}


def test_one_label_a_text(folder: Path) -> None:
    model = _model(folder)
    model.load()
    total = 1 + math.exp(3) + math.exp(2)
    wanted = {"INSULT": math.exp(3) / total, "THREAT": math.exp(2) / total}
    assert _scores(model, "find a fool") == pytest.approx(wanted)


def test_several_labels_a_text(folder: Path) -> None:
    model = _model(folder, several=True)
    model.load()
    assert _scores(model, "you are a fool") == pytest.approx(
        {"INSULT": 1 / (1 + math.exp(-3)), "THREAT": 0.5}
    )


def test_what_is_behind_the_last_window_is_not_called_harmless(folder: Path) -> None:
    model = _model(folder, several=True)
    model.load()
    long, short = model.infer([Passage("you are a fool " + "the cat sat . " * 1000), Passage("the cat sat")])
    told = "the text is longer than what it reads of one, and was read in part"
    assert long.failed == {"own": told}
    assert {finding.type for finding in long.findings} >= {"INSULT"}
    assert not short.failed


def test_what_is_no_number_is_no_answer(tmp_path: Path) -> None:
    model = _model(tiny.counting(tmp_path, math.inf))
    model.load()
    assert _scores(model, "find it")
    with pytest.raises(NoAnswer):
        model.infer([Passage("you are a fool")])


def test_what_stands_before_the_start_is_not_read(folder: Path) -> None:
    model = _model(folder, several=True)
    model.load()
    assert _scores(model, "fool . the cat", 7)["INSULT"] == pytest.approx(0.5)


def test_a_text_beyond_the_window_is_read_to_its_end(folder: Path) -> None:
    """Each window that shows something is found, with its place, so that a rule which redacts leaves none."""
    model = _model(folder)
    model.load()
    ahead, some = "cat . ", "the cat " * 20
    text = f"{ahead}fool {some}find {some}fool"
    (answer,) = model.infer([Passage(text, len(ahead))])
    insults = [finding for finding in answer.findings if finding.score > 0.8]
    assert [finding.type for finding in insults] == ["INSULT", "INSULT"]
    assert insults[0].start == len(ahead) and insults[1].end == len(text)
    for finding in insults:
        stretch = text[finding.start : finding.end]
        assert stretch.count("fool") == 1 and len(stretch) < len(some)
        assert finding.evidence == ((finding.start, finding.end, finding.score),)
    told = f"label `rude` of model.onnx, {insults[0].score:.2f}; findings begin at 0.1, window"
    assert [finding.why for finding in insults] == [f"{told} 1 of 6", f"{told} 6 of 6"]
    (threat,) = [f for f in answer.findings if f.type == "THREAT" and f.score > 0.7]
    assert "find" in text[threat.start : threat.end]
    assert answer.scores == {"own": insults[0].score}


def test_of_labels_that_stand_for_one_type_the_strongest_is_named(folder: Path) -> None:
    model = _model(folder, labels={"rude": "TOXIC", "threatening": "TOXIC"})
    model.load()
    texts = ["you are a fool", "find it", "find a fool"]
    whys = [answer.findings[0].why for answer in model.infer([Passage(text) for text in texts])]
    assert [why.split("`")[1] for why in whys] == ["rude", "threatening", "rude"]


def test_a_batch_answers_as_one_by_one(folder: Path) -> None:
    model = _model(folder)
    model.load()
    texts = ["find a fool", "the cat " * 20, "", "fool"]
    together = model.infer([Passage(text=text) for text in texts])
    assert together == [model.infer([Passage(text=text)])[0] for text in texts]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"path": Path("/")},
            r"own\.path: / has no model\.onnx and no onnx/model\.onnx: name",
        ),
        ({"path": Path("/"), "file": "other.onnx"}, r"own\.path: / has no other\.onnx: name"),
        ({"path": Path("/absent/model.onnx")}, r"own\.path: /absent/model.onnx does not exist"),
        ({"tokenizer": Path("/absent.json")}, r"own\.tokenizer: /absent.json does not exist"),
        ({"labels": {"polite": "NICE"}}, r"own\.labels: .*`polite`; it has `fine`"),
        ({"label_names": ("fine", "rude")}, r"own\.labels: .*`threatening`"),
        (
            {"label_names": ("a", "rude", "threatening", "b")},
            r"own\.label_names: the model gives 3 numbers a text, and 4 labels",
        ),
        ({"device": "cuda:0"}, r"own\.device: no device `cuda:0`"),
    ],
)
def test_mistakes(folder: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _model(folder, **more).load()


@pytest.mark.parametrize(
    ("input_name", "input_type", "keepdims", "told"),
    [
        ("ids", "INT64", 0, r"own\.path: it takes `ids` \(tensor\(int64\)\); a model for texts takes"),
        ("input_ids", "INT32", 0, r"own\.path: it takes `input_ids` \(tensor\(int32\)\)"),
        ("input_ids", "INT64", 1, r"own\.path: its first output `logits` has 3 dimensions"),
    ],
)
def test_a_model_of_another_form(
    folder: Path, tmp_path: Path, input_name: str, input_type: str, keepdims: int, told: str
) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    held = [
        numpy_helper.from_array(np.zeros((9, 3), np.float32), "table"),
        numpy_helper.from_array(np.array([1], np.int64), "axis"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", input_name], ["each"]),
        helper.make_node("ReduceSum", ["each", "axis"], ["logits"], keepdims=keepdims),
    ]
    shape = ["texts", 1, 3] if keepdims else ["texts", 3]
    graph = helper.make_graph(
        nodes,
        "other",
        [helper.make_tensor_value_info(input_name, getattr(TensorProto, input_type), ["texts", "length"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        held,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9),
        tmp_path / "other.onnx",
    )
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(ConfigError, match=told):
        _model(folder, path=tmp_path / "other.onnx", tokenizer=folder / "tokenizer.json").load()


def test_labels_that_nobody_names(folder: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ConfigError, match=r"own\.label_names: name the model's labels here"):
        _model(tmp_path).load()


def test_a_file_that_is_no_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"not a model")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        _model(folder, path=tmp_path / "no.onnx", tokenizer=folder / "tokenizer.json").load()


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"`onnxruntime` is not installed.*\[models\]"):
        _model(folder).load()
