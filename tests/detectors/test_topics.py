"""`topics`: a user's own phrases and expressions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.core.errors import ConfigError
from sentinel.core.needs import Need, everything
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.registry import DetectorsConfig, load_detectors
from sentinel.detectors.stream import Inspector

TOPICS = {
    "COMPETITORS": {
        "phrases": ["Acme Corp", "Acme", "C++", "Émile's"],
        "patterns": [r"\bproject[- ]\w{3,9}\b"],
    },
    "TEAM_NAMES": {"phrases": ["IT"], "case_sensitive": True},
}


def load(tmp_path: Path, topics: object = TOPICS) -> DetectorSet:
    return load_detectors(DetectorsConfig.model_validate({"topics": topics}), ["topics"], tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We beat ACME corp.", [("COMPETITORS", "ACME corp")]),
        ("acme\n  corp", [("COMPETITORS", "acme\n  corp")]),
        ("acme, or Acme", [("COMPETITORS", "acme"), ("COMPETITORS", "Acme")]),
        ("macme acmes", []),
        ("written in c++.", [("COMPETITORS", "c++")]),
        ("at émile's", [("COMPETITORS", "émile's")]),
        ("Project-Zeus", [("COMPETITORS", "Project-Zeus")]),
        ("it is IT", [("TEAM_NAMES", "IT")]),
    ],
)
def test_phrases_and_patterns(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    found = load(tmp_path).inspect(text).findings
    assert [(finding.type, text[finding.start : finding.end]) for finding in found] == expected


def test_why_names_the_entry(tmp_path: Path) -> None:
    (finding,) = load(tmp_path).inspect("acme corp").findings
    assert finding.why == "phrase 1 of topic COMPETITORS" and finding.score == 1.0


def test_only_what_is_asked_for_is_searched(tmp_path: Path) -> None:
    needs = frozenset({Need("topics", ("TEAM_NAMES",), 0.5)})
    config = DetectorsConfig.model_validate({"topics": TOPICS})
    detectors = load_detectors(config, ["topics"], tmp_path, needs)
    found = detectors.inspect("Acme IT", detectors.view(needs)).findings
    assert [finding.type for finding in found] == ["TEAM_NAMES"]


def test_another_list_is_another_version(tmp_path: Path) -> None:
    more = {**TOPICS, "TEAM_NAMES": {"phrases": ["IT", "HR"], "case_sensitive": True}}
    assert load(tmp_path).versions != load(tmp_path, more).versions


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ({}, "needs `phrases` or `patterns`"),
        ({"phrases": ["a", " "]}, r"phrases\[1\] is empty"),
        ({"patterns": ["a", "("]}, r"patterns\[1\]: not a regular expression"),
        ({"patterns": ["a*"]}, r"patterns\[0\]: it cannot be searched"),
        ({"words": ["a"]}, "words"),
    ],
)
def test_mistakes_name_the_key(topic: dict[str, list[str]], told: str) -> None:
    with pytest.raises(ValidationError, match=told) as error:
        DetectorsConfig.model_validate({"topics": {"MINE": topic}})
    assert error.value.errors()[0]["loc"][:2] == ("topics", "MINE")


def test_a_topic_is_named_as_findings_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="capitals") as error:
        load(tmp_path, {"rivals": {"phrases": ["a"]}})
    assert error.value.key == "detectors.topics.rivals"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> DetectorSet:
    return load(tmp_path_factory.mktemp("cache"))


pieces = st.lists(
    st.sampled_from(["Acme", " ", "\n ", "Corp", "C++", "project", "-Zeus", "émile", "'s", "IT", "x", ". "]),
    max_size=12,
)


@given(pieces=pieces, cut=st.integers(1, 7))
def test_a_stream_finds_what_the_whole_text_holds(loaded: DetectorSet, pieces: list[str], cut: int) -> None:
    text = "".join(pieces)
    view = loaded.view(everything(["topics"]))
    stream = Inspector(loaded, view, loaded.live(view))
    found = []
    for at in range(0, len(text), cut):
        stream.push(text[at : at + cut])
        found += stream.advance().inspection.findings
    found += stream.advance(final=True).inspection.findings
    assert sorted(found, key=lambda f: (f.start, f.end)) == list(loaded.inspect(text, view).findings)
