from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Need, Needs, everything
from sentinel.detectors import registry
from sentinel.detectors._secret_rules import RULES
from sentinel.detectors.detector_set import DetectorSet, Floors
from sentinel.detectors.registry import DetectorsConfig, known_detectors, load_detectors
from tests.detectors.conftest import Load
from tests.guard.texts import texts


class Shouting:
    """A third party's detector."""

    name, version = "shouting", "3"

    def inspect(self, text: str, background: Background) -> Inspection:
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
    with pytest.raises(ConfigError, match="no detector `pi`; known: .*pii, .*secrets"):
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
    assert {"pii", "secrets", "shouting"} <= known_detectors()
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
        "config = DetectorsConfig(pii={'names': {'shipped': False}});"
        f"found = load_detectors(config, ['pii', 'secrets'], Path({str(cache_dir)!r}))"
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
    for wrong in ({"pi": {}}, {"pii": {"enabled": []}}, {"secrets": {"min_score": 2}}):
        with pytest.raises(ValueError, match=r"extra_forbidden|less_than_equal|Extra inputs|less than"):
            DetectorsConfig.model_validate(wrong)


def test_every_setting_is_described() -> None:
    def fields(model: Any) -> list[Any]:
        return list(model.model_fields.values())

    every = [f for m in (DetectorsConfig, registry.PiiConfig, registry.SecretsConfig) for f in fields(m)]
    assert all(field.description for field in every)


def test_warm_leaves_nothing_to_compile(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    detectors = load()
    detectors.warm()
    monkeypatch.setattr("sentinel.detectors._patterns.regex.compile", lambda *a: pytest.fail("compiled late"))
    assert detectors.inspect("jane@example.com password: hunter2!x from 10.0.0.1 on 1/2/1980").findings


PII_TYPES = [
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "US_*",
    "*_NUMBER",
    "CREDIT_CARD",
    "IP_ADDRESS",
    "DATE_TIME",
    "*",
]
SECRET_TYPES = ["PASSWORD", "GENERIC_SECRET", "AWS_*", *sorted({rule.type for rule in RULES})[:5], "*"]
SCORES = st.sampled_from([0.0, 0.05, 0.3, 0.4, 0.5, 0.6, 0.85, 1.0])


def need(detector: str, types: list[str]) -> st.SearchStrategy[Need]:
    some = st.lists(st.sampled_from(types), min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(Need, st.just(detector), some, SCORES)


NEEDS = st.frozensets(need("pii", PII_TYPES) | need("secrets", SECRET_TYPES), min_size=1, max_size=4)
FEW_NEEDS: list[Needs] = [
    frozenset({Need("pii", ("US_SSN",), 0.4), Need("pii", ("EMAIL_ADDRESS",))}),
    frozenset({Need("pii", ("*",), 0.5), Need("secrets", ("PASSWORD",), 0.5)}),
    frozenset({Need("pii", ("PHONE_NUMBER", "US_DRIVER_LICENSE", "US_BANK_NUMBER"), 0.4)}),
]


MARGIN = settings(deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))


def what_is_asked_for(inspection: Inspection, needs: Needs) -> list[Finding]:
    floors = Floors(needs)
    return [f for f in inspection.findings if f.score >= floors.of(f.detector, f.type)]


@MARGIN
@given(text=texts(), needs=NEEDS)
def test_a_view_shows_what_is_asked_for(text: str, needs: Needs, detectors: DetectorSet) -> None:
    found = detectors.inspect(text, detectors.view(needs)).findings
    assert list(found) == what_is_asked_for(detectors.inspect(text), needs)


@pytest.fixture(scope="module")
def loaded_for(cache_dir: Path) -> list[tuple[Needs, DetectorSet]]:
    every = DetectorsConfig.model_validate({"pii": {"disguises": "off", "names": {"shipped": False}}})
    return [(needs, load_detectors(every, ["pii", "secrets"], cache_dir, needs)) for needs in FEW_NEEDS]


@MARGIN
@given(text=texts(), number=st.integers(0, len(FEW_NEEDS) - 1))
def test_what_is_loaded_for_some_needs_finds_what_is_asked_for(
    text: str, number: int, loaded_for: list[tuple[Needs, DetectorSet]], detectors: DetectorSet
) -> None:
    needs, narrow = loaded_for[number]
    found = narrow.inspect(text, narrow.view(needs)).findings
    assert list(found) == what_is_asked_for(detectors.inspect(text), needs)


@MARGIN
@given(before=texts(), text=texts())
def test_from_a_start_that_no_match_spans_the_rest_is_as_in_the_whole(
    before: str, text: str, detectors: DetectorSet
) -> None:
    """What stands before only lends context."""
    view = detectors.view(everything(["pii", "secrets"]))
    start = len(before) + 3
    whole = f"{before} \n {text}"
    margins = detectors.look(whole, view)
    found = detectors.inspect(whole).findings
    spans = [*margins.spans, *((f.start, f.end) for f in found)]
    assume(not any(begin < start < end for begin, end in spans))
    assert detectors.inspect(whole, view, start=start).findings == tuple(f for f in found if f.start >= start)


@MARGIN
@given(text=texts(), rest=texts())
def test_what_a_look_tells_for_sure_stays(text: str, rest: str, detectors: DetectorSet) -> None:
    """Up to where findings are open and away from the end, a text that goes on keeps its findings."""
    view = detectors.view(everything(["pii", "secrets"]))
    whole = f"{text} \n and then {rest}"
    sure = f"{text} \n and then "
    look = detectors.look(sure, view)
    sure_to = min(look.open_from, len(text))
    found = detectors.inspect(whole).findings
    spans = [*look.spans, *((f.start, f.end) for f in found)]
    sure_to = min([sure_to, *(start for start, end in spans if end > len(text))])
    assert [f for f in look.inspection.findings if f.start < sure_to] == [
        f for f in found if f.start < sure_to
    ]
