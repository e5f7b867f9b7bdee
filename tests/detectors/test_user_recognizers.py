from __future__ import annotations

from pathlib import Path

import pytest
import regex

from sentinel.core.errors import ConfigError
from sentinel.detectors._user_recognizers import read_recognizers
from tests.detectors.conftest import Load

GOOD = """
recognizers:
  - name: Employee id
    supported_entity: EMPLOYEE_ID
    supported_language: en
    patterns:
      - name: letters and digits
        regex: "\\\\bEMP-\\\\d{5}\\\\b"
        score: 0.4
    context: [employee, badge]
  - name: Projects
    supported_entity: PROJECT
    deny_list: [Bluebird, "C++"]
    deny_list_score: 0.7
  - name: hidden
    supported_entity: HIDDEN
    enabled: false
    deny_list: [nothing]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return path


def test_own_recognizers_take_part(tmp_path: Path, load: Load) -> None:
    detectors = load(pii={"recognizers": [str(write(tmp_path, GOOD))]})
    text = "badge EMP-12345 of Bluebird, C++ and Bluebirds; EMP-123456; nothing"
    found = [
        (f.type, text[f.start : f.end], f.score) for f in detectors.inspect(text).findings if f.type in KINDS
    ]
    assert found == [
        ("EMPLOYEE_ID", "EMP-12345", 0.75),
        ("PROJECT", "Bluebird", 0.7),
        ("PROJECT", "C++", 0.7),
    ]


KINDS = {"EMPLOYEE_ID", "PROJECT", "HIDDEN"}


def test_same_as_presidio(tmp_path: Path) -> None:
    from presidio_analyzer import PatternRecognizer

    (ours,) = read_recognizers([write(tmp_path, GOOD.replace("enabled: false", "enabled: true"))])[1:2]
    theirs = PatternRecognizer("PROJECT", deny_list=["Bluebird", "C++"], deny_list_score=0.7)
    text = "Bluebird bluebird, (C++) xBluebird C++C++ Bluebird's"
    expected = sorted((r.start, r.end, r.score) for r in theirs.analyze(text, ["PROJECT"]))
    (pattern,) = ours.patterns
    assert [(*m.span(), pattern.score) for m in regex.finditer(pattern.regex, text, ours.flags)] == expected


@pytest.mark.parametrize(
    ("text", "line", "key", "told"),
    [
        ("recognizers: {}", 1, "recognizers", "list"),
        ("a: [", 1, "", "expected"),
        ("recognizers:\n  - 1\n", 2, "recognizers[0]", "supported_entity"),
        (
            "recognizers:\n  - name: x\n    patterns: []\n",
            2,
            "recognizers[0].supported_entity",
            "EMPLOYEE_ID",
        ),
        ("recognizers:\n  - supported_entity: X\n", 2, "recognizers[0]", "deny_list"),
        ("recognizers:\n  - supported_entity: X\n    paterns: []\n", 3, "recognizers[0].paterns", "patterns"),
        (
            "recognizers:\n  - supported_entity: X\n    patterns:\n"
            "      - name: a\n        regex: '('\n        score: 1\n",
            5,
            "recognizers[0].patterns[0].regex",
            "regular expression",
        ),
        (
            "recognizers:\n  - supported_entity: X\n    patterns:\n      - regex: a\n        score: 2\n",
            5,
            "recognizers[0].patterns[0].score",
            "0 to 1",
        ),
        (
            "recognizers:\n  - supported_entity: X\n    deny_list: [1]\n",
            3,
            "recognizers[0].deny_list",
            "quote",
        ),
        (
            "recognizers:\n  - supported_entity: X\n    type: predefined\n    deny_list: [a]\n",
            3,
            "recognizers[0].type",
            "detectors.pii.enable",
        ),
    ],
)
def test_mistakes_name_file_line_and_key(text: str, line: int, key: str, told: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_recognizers([path])
    assert (caught.value.file, caught.value.line, caught.value.key) == (str(path), line, key)
    assert told in caught.value.message


def test_every_mistake_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "recognizers:\n  - 1\n  - supported_entity: X\n")
    with pytest.raises(ConfigError) as caught:
        read_recognizers([path, tmp_path / "absent.yaml"])
    assert len(caught.value.errors) == 3  # type: ignore[attr-defined]
