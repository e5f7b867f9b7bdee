"""The examples of a rule, with a detector that finds what stands between two marks."""

import re
from pathlib import Path

import pytest

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Needs, detectors_of
from sentinel.policy.examples import run_examples
from tests.policy.support import policy_of


def inspect(text: str, needs: Needs, background: Background) -> Inspection:
    """`{T}` is a finding of type T with score 0.9, `{t}` one with score 0.1; `boom` breaks the detector."""
    if "boom" in text:
        return Inspection(failed=dict.fromkeys(detectors_of(needs), "broke"))
    found = [
        Finding("pii", m[1].upper(), m.start(), m.end(), 0.9 if m[1].isupper() else 0.1)
        for m in re.finditer(r"\{(\w+)\}", text)
    ]
    return Inspection(tuple(found) if "pii" in detectors_of(needs) else ())


def problems(folder: Path, rule: str) -> list[tuple[str, str]]:
    """(stage, problem) of every example."""
    (compiled,) = policy_of(folder, f"  - {{id: r, detect: {{detector: pii, type: T}}, {rule}}}").rules
    return [(str(result.stage), result.problem) for result in run_examples(compiled, inspect)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("action: flag, stage: input, examples: {positive: ['a {T}'], negative: [a]}", ["", ""]),
        ("action: flag, stage: input, mode: shadow, examples: {positive: ['{T}']}", [""]),
        (
            "action: flag, stage: input, examples: {positive: ['{U}']}",
            ["must fire and does not; found were U with"],
        ),
        ("action: flag, stage: input, examples: {positive: ['{t}']}", ["found were T with score 0.10"]),
        ("action: flag, stage: input, examples: {positive: [a]}", ["its detector finds nothing"]),
        (
            "action: flag, stage: input, examples: {negative: ['{T}']}",
            ["must not fire and does: T with score 0.90"],
        ),
        ("action: block, stage: input, examples: {positive: [boom]}", ["detector pii failed: broke"]),
        ("action: flag, stage: input, examples: {negative: [boom]}", ["detector pii failed: broke"]),
        (
            "action: redact, stage: input, mode: shadow, "
            "examples: {positive: [{text: 'a {T}', redacted: 'a <T>'}]}",
            [""],
        ),
        (
            "action: redact, stage: input, examples: {positive: [{text: '{T}', redacted: 'a'}]}",
            ["becomes '<T>', not 'a'"],
        ),
        (
            "action: redact, stage: input, operator: pseudonymise, "
            "examples: {positive: [{text: '{T} {T}', redacted: '<T_1> <T_1>'}]}",
            [""],
        ),
        (
            "action: flag, stage: input, match: {tenant: a}, examples: "
            "{positive: ['{T}', {text: '{T}', request: {tenant: a}}, {text: '{T}', request: {tenant: b}}], "
            "negative: [{text: '{T}', request: {tenant: b}}]}",
            ["", "", "match does not fit", ""],
        ),
        ("action: flag, stage: input, roles: context, examples: {positive: ['{T}']}", [""]),
        (
            "action: flag, stage: input, roles: context, examples: {negative: [{text: '{T}', role: prompt}]}",
            [""],
        ),
        (
            "action: flag, stage: input, when: \"request.metadata['k'] == 'v'\", "
            "examples: {positive: [{text: '{T}', request: {metadata: {k: v}}}]}",
            [""],
        ),
    ],
)
def test_examples(tmp_path: Path, rule: str, expected: list[str]) -> None:
    found = [problem for _, problem in problems(tmp_path, rule)]
    assert len(found) == len(expected)
    for problem, part in zip(found, expected, strict=True):
        assert part in problem and bool(part) == bool(problem), problem


def test_each_stage_of_the_rule_unless_the_example_names_one(tmp_path: Path) -> None:
    rule = "action: flag, examples: {positive: ['{T}', {text: '{T}', stage: output}]}"
    assert problems(tmp_path, rule) == [("input", ""), ("output", ""), ("output", "")]
