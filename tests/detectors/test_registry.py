from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import everything
from sentinel.detectors import registry
from sentinel.detectors.registry import DetectorsConfig, DetectorSet, known_detectors, load_detectors
from tests.detectors.conftest import Load


class Shouting:
    """A third party's detector."""

    name, version = "shouting", "3"

    def inspect(self, text: str) -> Inspection:
        if "!!!" in text:
            raise RuntimeError(text)
        found = (Finding(self.name, "SHOUT", 0, len(text), 0.9),) if text.isupper() else ()
        return Inspection(found, {"shouting": float(text.isupper())})


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint("shouting", f"{__name__}:Shouting", registry.ENTRY_POINTS)
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: [entry] if "sentinel" in group else []
    )


def test_names_and_versions(detectors: DetectorSet) -> None:
    assert detectors.names == {"pii", "secrets"}
    presidio = importlib.metadata.version("presidio-analyzer")
    assert detectors.versions["pii"].startswith(f"{presidio}+") and detectors.versions["secrets"]


def test_unknown_name(cache_dir: Path) -> None:
    with pytest.raises(ConfigError, match="no detector `pi`; known: pii, secrets"):
        load_detectors(DetectorsConfig(), ["pi"], cache_dir)


def test_names_narrow_the_result(detectors: DetectorSet) -> None:
    text = "mail jane@example.com password: hunter2!x"
    assert {f.detector for f in detectors.inspect(text).findings} == {"pii", "secrets"}
    assert {
        f.detector for f in detectors.inspect(text, detectors.view(everything(["secrets"]))).findings
    } == {"secrets"}
    assert detectors.inspect(text, detectors.view(frozenset())) == Inspection()


@pytest.mark.parametrize("text", ["", " ", "Nothing here.", "é", "\u200b", "\x00", "\ud800"])
def test_nothing_to_find(text: str, detectors: DetectorSet) -> None:
    assert detectors.inspect(text) == Inspection()


def test_findings_ascend(detectors: DetectorSet) -> None:
    found = detectors.inspect("10.0.0.1 and jane@example.com or 4111 1111 1111 1111 at http://a.co").findings
    assert [(f.start, f.end, f.type) for f in found] == sorted((f.start, f.end, f.type) for f in found)
    assert all(0 <= f.score <= 1 and f.why for f in found)


def test_third_party_detector(third_party: None, cache_dir: Path) -> None:
    assert known_detectors() == {"pii", "secrets", "shouting"}
    detectors = load_detectors(DetectorsConfig(), ["shouting", "secrets"], cache_dir)
    assert detectors.versions["shouting"] == "3"
    assert [f.type for f in detectors.inspect("HELLO").findings] == ["SHOUT"]
    assert detectors.inspect("hello").scores == {"shouting": 0.0}


def test_a_broken_detector_leaves_the_others(third_party: None, cache_dir: Path) -> None:
    answer = load_detectors(DetectorsConfig(), ["shouting", "secrets"], cache_dir).inspect(
        "password: hunter2!x !!!"
    )
    assert [f.detector for f in answer.findings] == ["secrets"]
    assert answer.failed == {"shouting": "it raised RuntimeError"}


def test_a_broken_pattern_detector_leaves_the_others(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    detectors = load()
    monkeypatch.setattr(detectors._patterns[0], "find", lambda *arguments: 1 / 0)
    answer = detectors.inspect("jane@example.com password: hunter2!x")
    assert [f.detector for f in answer.findings] == ["secrets"]
    assert answer.failed == {"pii": "it raised ZeroDivisionError"}


def test_normalised_form_only_adds(load: Load) -> None:
    text = "４１１１１１１１１１１１１１１１ jane@example.com ｊａｎｅ@example.com"
    plain = load(pii={"normalise": False}).inspect(text).findings
    both = load().inspect(text).findings
    assert set(plain) < set(both)
    added = [f for f in both if f not in plain]
    assert ("CREDIT_CARD", 0, 16) in [(f.type, f.start, f.end) for f in added]
    assert all("normalised" in f.why for f in added)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to very.secret\u200b.x@example.com now", ["very.secret\u200b.x@example.com", "x@example.com"]),
        ("caf\u00e9: jane@example.com\u200b", ["jane@example.com"]),
    ],
)
def test_a_value_is_found_as_far_as_its_normalised_form_goes(
    text: str, expected: list[str], detectors: DetectorSet
) -> None:
    """A character that nobody sees must not leave half of a value behind."""
    found = [text[f.start : f.end] for f in detectors.inspect(text).findings if f.type == "EMAIL_ADDRESS"]
    assert found == expected


def test_what_a_worker_imports(cache_dir: Path) -> None:
    """The data plane never pulls Presidio, spaCy or anything else that is heavy."""
    code = (
        "import sys; from pathlib import Path;"
        "from sentinel.detectors.registry import DetectorsConfig, load_detectors;"
        f"found = load_detectors(DetectorsConfig(), ['pii', 'secrets'], Path({str(cache_dir)!r}))"
        ".inspect('call 212-555-0123 or jane@example.com, password: hunter2!x');"
        "print(len(found.findings), *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, *modules = done.stdout.split()
    assert int(count) >= 4
    heavy = {
        "presidio_analyzer",
        "spacy",
        "numpy",
        "torch",
        "transformers",
        "pandas",
        "rich",
        "typer",
        "grpc",
    }
    assert not heavy & set(modules)


def test_config_is_strict() -> None:
    for settings in ({"pi": {}}, {"pii": {"enabled": []}}, {"secrets": {"min_score": 2}}):
        with pytest.raises(ValueError, match=r"extra_forbidden|less_than_equal|Extra inputs|less than"):
            DetectorsConfig.model_validate(settings)


def test_every_setting_is_described() -> None:
    def fields(model: Any) -> list[Any]:
        return list(model.model_fields.values())

    settings = [f for m in (DetectorsConfig, registry.PiiConfig, registry.SecretsConfig) for f in fields(m)]
    assert all(field.description for field in settings)


def test_warm_leaves_nothing_to_compile(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    detectors = load()
    detectors.warm()
    monkeypatch.setattr("sentinel.detectors._patterns.regex.compile", lambda *a: pytest.fail("compiled late"))
    assert detectors.inspect("jane@example.com password: hunter2!x from 10.0.0.1 on 1/2/1980").findings
