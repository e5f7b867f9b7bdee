"""A screener without real detectors: what they find is written in the text itself."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Needs
from sentinel.core.redact import Redactor
from sentinel.detectors.detector_set import View
from sentinel.guard.screener import Screener
from sentinel.policy.load import load_policy

_MARK = re.compile(r"\b(SECRET|MAIL|BAD)\d*\b")


class Marks:
    """Finds the words SECRET1, MAIL2, BAD3 ...; breaks on BREAK."""

    names = frozenset({"marks"})
    versions = {"marks": "1"}

    @functools.cache  # noqa: B019 (as many as there are tests)
    def view(self, needs: Needs) -> View:
        return View(frozenset(), (), lambda detector, type_: 0.0)

    def inspect(self, text: str, view: View, background: Background) -> Inspection:
        if "BREAK" in text:
            return Inspection(failed={"marks": "broke"})
        return Inspection(
            tuple(Finding("marks", m[1], m.start(), m.end(), 0.9, "a mark") for m in _MARK.finditer(text))
        )


@pytest.fixture
def screener(tmp_path: Path) -> Callable[[str], Screener]:
    def build(rules: str) -> Screener:
        file = tmp_path / "rules.yaml"
        file.write_text(rules)
        return Screener(load_policy([file], {"marks"}), Marks())  # type: ignore[arg-type]

    return build


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(b"k" * 32, "k1")
