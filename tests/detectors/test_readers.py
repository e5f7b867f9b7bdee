"""Detectors that read on their own, beside pattern detectors, some under the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from sentinel.core.background import Background
from sentinel.core.exchange import Role
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Need, Needs
from sentinel.detectors import registry
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.inspection import joined, moved
from sentinel.detectors.registry import DetectorsConfig, load_detectors


class Names:
    """Finds `Ann` as a name, sentence by sentence."""

    name, version, types = "pii", "names-1", frozenset({"PERSON"})
    scope: Literal["sentence"] = "sentence"

    def __init__(self, config: object, cache_dir: Path) -> None: ...

    def inspect(self, text: str, start: int, background: Background) -> Inspection:
        at = text.find("Ann", start)
        if at < 0:
            return Inspection(scores={"pii": 0.1})
        told = Finding("pii", "PERSON", at, at + 3, 0.8, background.role, 0, ((at, at + 1, 1.0),))
        return Inspection((told,), {"pii": 0.8}, unsure=("pii",))


def loaded(cache_dir: Path, *needs: Need) -> DetectorSet:
    return load_detectors(DetectorsConfig(), ["pii"], cache_dir, frozenset(needs))


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.READERS, "pii", (f"{__name__}:Names",))


MAIL, PERSON = Need("pii", ("EMAIL_ADDRESS",), 0.5), Need("pii", ("PERSON",), 0.5)
TEXT = "Mail j@b.co. It is Ann."


def asked(detectors: DetectorSet, needs: Needs) -> list[str]:
    return [f.type for f in detectors.inspect(TEXT, detectors.view(needs)).findings]


def test_a_reader_is_loaded_and_asked_where_a_rule_wants_its_types(cache_dir: Path) -> None:
    both = loaded(cache_dir, MAIL, PERSON)
    assert asked(both, frozenset({MAIL, PERSON})) == ["EMAIL_ADDRESS", "PERSON"]
    assert asked(both, frozenset({MAIL})) == ["EMAIL_ADDRESS"]
    assert asked(both, frozenset({PERSON})) == ["PERSON"]
    assert both.versions["pii"].endswith("+names-1")
    assert not loaded(cache_dir, MAIL).versions["pii"].endswith("+names-1")


def test_how_much_of_a_text_must_be_seen(cache_dir: Path) -> None:
    both = loaded(cache_dir, MAIL, PERSON)
    assert both.scopes(frozenset({MAIL})) == {"token"}
    assert both.scopes(frozenset({PERSON})) == {"sentence"}
    assert both.scopes(frozenset({Need("pii")})) == {"token", "sentence"}


def test_the_background_reaches_it_and_offsets_are_those_of_the_text(cache_dir: Path) -> None:
    both = loaded(cache_dir, MAIL, PERSON)
    told = both.inspect(TEXT, both.view(frozenset({PERSON})), Background(role=Role.CONTEXT))
    (found,) = told.findings
    at = TEXT.index("Ann")
    assert (found.start, found.why, found.evidence) == (at, "context", ((at, at + 1, 1.0),))
    assert (told.scores, told.unsure) == ({"pii": 0.8}, ("pii",))


def test_joined_answers_keep_the_highest_score_and_the_order() -> None:
    one = Inspection((Finding("a", "X", 5, 6, 0.5),), {"a": 0.2}, {"c": "late"})
    two = moved(Inspection((Finding("a", "X", 0, 1, 0.5),), {"a": 0.9, "b": 0.1}, unsure=("b",)), 2)
    told = joined([one, Inspection(), two])
    assert [(f.start, f.end) for f in told.findings] == [(2, 3), (5, 6)]
    assert (told.scores, told.failed, told.unsure) == ({"a": 0.9, "b": 0.1}, {"c": "late"}, ("b",))
