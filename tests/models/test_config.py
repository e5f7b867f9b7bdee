from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from sentinel.config import SentinelConfig, load_config
from sentinel.core.errors import ConfigError
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models import config, registry
from tests.models.toys import Sure, Toy, ToySettings

TOY = '"tests.models.toys:Toy"'


def written(folder: Path, entry: str, rest: str = "") -> Path:
    file = folder / "sentinel.yaml"
    file.write_text(f"models:\n  detectors:\n    manners:\n      {entry}\n{rest}")
    return file


def test_settings_of_plane_and_kind_stand_side_by_side(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, f"{{kind: {TOY}, max_batch: 4, path: model.bin}}"))
    model = config.models.detectors["manners"]
    assert model.max_batch == 4
    assert model.settings == ToySettings(kind="tests.models.toys:Toy", path=tmp_path / "model.bin")
    assert config.models.served == {"manners"}


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("{kind: transformers, labels: {a: B}, model: %s}", "model"),
        ("{kind: nli, model: %s}", "model"),
        ("{kind: encoder, base: %s}", "base"),
        ("{kind: spacy, pipeline: %s}", "pipeline"),
    ],
)
def test_a_relative_folder_starts_at_the_file(tmp_path: Path, entry: str, key: str) -> None:
    read = {
        given: getattr(
            load_config(written(tmp_path, entry % given)).models.detectors["manners"].settings, key
        )
        for given in ("./here", "../there", "/absolute", "hub/name")
    }
    assert read == {
        "./here": str(tmp_path / "here"),
        "../there": str(tmp_path.parent / "there"),
        "/absolute": "/absolute",
        "hub/name": "hub/name",
    }


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("kind: encoder", {"toxicity"}),
        ("{kind: encoder, scope: text}", set()),
        ("{kind: encoder, scope: sentence}", {"toxicity", "injection", "misuse", "topics"}),
        ("kind: detoxify", {"manners"}),
        ("{kind: transformers, model: m, labels: {PER: PERSON}}", set()),
        ("{kind: transformers, task: tokens, model: m, labels: {PER: PERSON}}", {"manners"}),
        ("{kind: onnx, path: m, labels: {PER: PERSON}}", set()),
        ("{kind: onnx, task: tokens, path: m, labels: {PER: PERSON}}", {"manners"}),
        (f"kind: {TOY}", set()),
        (f"{{kind: {TOY}, scope: sentence}}", {"manners"}),
    ],
)
def test_what_is_asked_about_sentences(tmp_path: Path, entry: str, expected: set[str]) -> None:
    assert load_config(written(tmp_path, entry)).models.by_sentence == expected


def test_a_detector_is_asked_about_sentences_if_all_its_models_are(tmp_path: Path) -> None:
    rest = "    second:\n      {kind: encoder, scope: text}\n"
    assert load_config(written(tmp_path, "kind: encoder", rest)).models.by_sentence == set()


@pytest.mark.parametrize(
    ("entry", "line", "key", "told"),
    [
        (f"{{kind: {TOY}, at_once: 2}}", 3, "models.detectors.manners", "runs one batch at a time"),
        ("{max_batch: 4}", 3, "models.detectors.manners", "`kind` is missing; write one of encoder"),
        ("{kind: detoxfy}", 4, "models.detectors.manners.kind", "no kind `detoxfy`; did you mean detoxify?"),
        ("{kind: x}", 4, "models.detectors.manners.kind", "known are encoder"),
        (
            "{kind: 'nowhere:Model'}",
            4,
            "models.detectors.manners.kind",
            "cannot be imported: No module named",
        ),
        ("{kind: 'pathlib:Path'}", 4, "models.detectors.manners.kind", "has no class `Settings`"),
        (f"kind: {TOY}\n      max_batch: 0", 5, "models.detectors.manners.max_batch", "greater than"),
        (f"kind: {TOY}\n      pth: /x", 5, "models.detectors.manners.pth", "did you mean path?"),
        (
            "{kind: detoxify, checkpoint: a.ckpt}",
            3,
            "models.detectors.manners",
            "`checkpoint` and `config_path` go together: write both, or neither",
        ),
        (
            "{kind: encoder, unsure: [0.2, 8]}",
            4,
            "models.detectors.manners.unsure[1]",
            "less than or equal to 1",
        ),
        (
            "{kind: encoder, unsure: [0.8, 0.2]}",
            4,
            "models.detectors.manners.unsure",
            "the first is 0.8, above the second, 0.2: lower the one or raise the other",
        ),
        (
            "{kind: encoder, unsure: [0.8]}",
            4,
            "models.detectors.manners.unsure[1]",
            "is missing; add it to the",
        ),
        (
            "{kind: encoder, topics: {med ical!: [x]}}",
            4,
            "models.detectors.manners.topics.med ical!",
            "letters",
        ),
        (
            "{kind: encoder, topics: {'': [x]}}",
            4,
            "models.detectors.manners.topics.",
            "a topic's name is a letter",
        ),
        ("{kind: encoder, topics: {medical: []}}", 4, "models.detectors.manners.topics.medical", "be empty"),
        ("{kind: encoder, topics: {a: [x, ' ']}}", 4, "models.detectors.manners.topics.a[1]", "is blank"),
        (
            "{kind: onnx, path: m, labels: {a: 'has space'}}",
            4,
            "models.detectors.manners.labels.a",
            "a finding type is a capital, then capitals, digits and `_`",
        ),
        (
            "{kind: transformers, model: m, labels: {a: A, b: ''}}",
            4,
            "models.detectors.manners.labels.b",
            "a finding type is a capital",
        ),
        (
            "{kind: spacy, pipeline: m, labels: {PER: Person}}",
            4,
            "models.detectors.manners.labels.PER",
            "a finding type is a capital",
        ),
        (f"kind: {TOY}\n      pause_s: long", 5, "models.detectors.manners.pause_s", "must be a number"),
    ],
)
def test_mistakes(tmp_path: Path, entry: str, line: int, key: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(written(tmp_path, entry))
    (error,) = raised.value.errors  # type: ignore[attr-defined]
    assert (error.line, error.key) == (line, key)
    assert told in str(error)


@pytest.mark.parametrize(
    ("settings", "batches"),
    [
        ({"kind": "encoder"}, 4),
        ({"kind": "encoder", "threads": 4}, 2),
        ({"kind": "encoder", "threads": 16}, 1),
        ({"kind": "encoder", "device": "cuda:0"}, 1),
        ({"kind": "encoder", "at_once": 7}, 7),
        ({"kind": "tests.models.toys:Toy"}, 1),
    ],
)
def test_batches_at_once(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], batches: int) -> None:
    monkeypatch.setattr(config, "_processors", lambda: 8)
    assert config.ModelConfig.model_validate(settings).batches == batches


def test_a_module_that_breaks_is_told_like_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breaks_on_import.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="cannot be imported: RuntimeError: no licence"):
        load_config(written(tmp_path, "{kind: 'breaks_on_import:Model'}"))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(written(tmp_path, f"{{kind: {TOY}, pth: x, pause_s: long}}", "workers: 0\n"))
    assert len(raised.value.errors) == 3  # type: ignore[attr-defined]


def test_names_are_words(tmp_path: Path) -> None:
    value = {"models": {"detectors": {"a b": {"kind": "tests.models.toys:Toy"}}}}
    with pytest.raises(ValueError, match="use letters"):
        SentinelConfig.model_validate(value)


def test_where_it_listens(tmp_path: Path) -> None:
    def config(models: dict[str, object], folder: Path = tmp_path) -> SentinelConfig:
        return SentinelConfig.model_validate({"state_dir": folder, "models": models})

    assert config({}).model_plane == f"unix:{tmp_path}/models.sock"
    assert config({"listen": "unix:/x"}).model_plane == "unix:/x"
    assert config({"connect": {"address": "pool:1"}}).model_plane == "pool:1"
    with pytest.raises(ConfigError, match=r"models\.listen: .* too long for a unix socket"):
        config({}, tmp_path / ("x" * 100)).model_plane  # noqa: B018


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (
            {"listen": "0.0.0.0:1", "tls": {"certificate": "a", "key": "b"}},
            "models.tls: our own model plane is asked without TLS",
        ),
        ({"listen": "127.0.0.1:0"}, "models.listen: port 0 is a free one that nobody can know of"),
    ],
)
def test_our_own_plane_can_be_called(models: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        SentinelConfig.model_validate({"models": models}).model_channel()
    connected = {**models, "connect": {"address": "pool:1"}}
    assert SentinelConfig.model_validate({"models": connected}).model_channel()[0] == "pool:1"


def test_what_a_client_needs_to_know(tmp_path: Path) -> None:
    plain = SentinelConfig.model_validate({"models": {"connect": {"address": "pool:1"}}})
    assert plain.model_channel() == ("pool:1", None, None)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = {"ca": tmp_path / "ca.pem", "server_name": "pool.example.com"}
    value = {"models": {"connect": {"address": "pool:1", "tls": tls}}}
    address, credentials, name = SentinelConfig.model_validate(value).model_channel()
    assert (address, name) == ("pool:1", "pool.example.com")
    assert isinstance(credentials, grpc.ChannelCredentials)


@pytest.mark.parametrize("kind", sorted(registry.KINDS))
def test_every_kind_is_there(kind: str) -> None:
    pytest.importorskip(registry.KINDS[kind][1].partition(":")[0])
    settings = registry.settings_of(kind)
    assert settings.model_fields["kind"].default == kind


def test_a_model_is_made_by_its_kind(tmp_path: Path) -> None:
    toy = registry.make("manners", ToySettings(kind="tests.models.toys:Toy"), tmp_path, DetectorsConfig())
    sure = registry.make("manners", ToySettings(kind="tests.models.toys:Sure"), tmp_path, DetectorsConfig())
    assert (type(toy), type(sure)) == (Toy, Sure)
