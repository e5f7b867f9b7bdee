import subprocess
import sys

import pytest

from sentinel.policy.condition import Condition, ConditionError, explain_failure

FACTS = {
    "request": {"route": "r", "model": "m", "tenant": "acme", "method": "/p.S/M", "metadata": {"team": "a"}},
    "stage": "input",
    "parts": [{"role": "prompt", "path": "p", "chars": 30}],
    "finding": {
        "detector": "pii",
        "type": "X",
        "score": 0.5,
        "start": 0,
        "end": 9,
        "part": 0,
        "role": "prompt",
    },
    "findings": [
        {"detector": "pii", "type": "X", "score": 0.5, "start": 0, "end": 9, "part": 0, "role": "prompt"}
    ],
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('stage == "input"', True),
        ('request.tenant == "acme" && request.metadata["team"] == "a"', True),
        ("has(request.metadata.team)", True),
        ('"nobody" in request.metadata', False),
        ('"nobody" in request.metadata && request.metadata["nobody"] == "a"', False),
        ("finding.score >= 0.5 && finding.end - finding.start > 8", True),
        ("findings.exists(f, f.score > 0.9)", False),
        ("findings.all(f, parts.exists(p, p.role == f.role))", True),
        ("parts.exists(p, p.chars > 20)", True),
        ('request.method.startsWith("/p.")', True),
        ('request.model.matches("^m$") ? true : false', True),
        ('request.tenant != "request.nope"', True),
    ],
)
def test_holds(source: str, expected: bool) -> None:
    assert Condition(source, has_findings=True).holds(FACTS) is expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("finding.", "is not a CEL expression: Syntax error"),
        ("stage ==", "is not a CEL expression"),
        ('tenat == "a"', "unknown name 'tenat'; known are request, stage, parts, finding, findings"),
        ('stage == "input" && scroe > 1', "unknown name 'scroe'"),
        ('request.tenat == "a"', "request has no 'tenat'; it has route, model, tenant, method, metadata"),
        ('stage == "output" && request.tenat == "a"', "request has no 'tenat'"),
        ("finding.value == 'a'", "finding has no 'value'"),
        ("findings.exists(f, f.scor > 1)", "f has no 'scor'"),
        ("upper(stage) == 'A'", "unknown function 'upper'"),
        ("1 + 1", "must be true or false, and is of type int"),
        ("stage", "must be true or false, and is of type str"),
        ("request.tenant > 1", "cannot be evaluated"),
    ],
)
def test_mistakes_are_found_when_loaded(source: str, says: str) -> None:
    with pytest.raises(ConditionError) as error:
        Condition(source, has_findings=True)
    assert says in str(error.value)


def test_findings_need_detect() -> None:
    with pytest.raises(ConditionError, match="reads findings, which only a rule with `detect` has"):
        Condition("findings.size() > 1", has_findings=False)


@pytest.mark.parametrize(
    ("source", "static", "per_finding"),
    [
        ('request.tenant == "a"', True, False),
        ('stage == "a"', True, False),
        ("parts.size() > 1", False, False),
        ("findings.size() > 1", False, False),
        ("finding.score > 0.5", False, True),
        ("[1].exists(finding, finding == 1)", True, False),
    ],
)
def test_kinds(source: str, static: bool, per_finding: bool) -> None:
    condition = Condition(source, has_findings=True)
    assert (condition.static, condition.per_finding) == (static, per_finding)


def test_a_failure_is_told_without_values() -> None:
    condition = Condition('request.metadata["team"] == "a"', has_findings=False)
    facts = {"request": {"metadata": {"other": "hush"}}}
    with pytest.raises(KeyError) as missing:
        condition.holds(facts)
    assert explain_failure(missing.value) == "it reads a key that this call does not have"
    condition = Condition('int(request.metadata["team"]) > 1', has_findings=False)
    with pytest.raises(Exception) as wrong:  # noqa: B017 - whatever the package raises
        condition.holds({"request": {"metadata": {"team": "hush"}}})
    assert "hush" not in explain_failure(wrong.value)


def test_no_command_line_library_is_loaded() -> None:
    code = (
        "import sys; from sentinel.policy.condition import Condition; Condition('1 < 2', has_findings=False);"
        "bad = {'typer', 'rich', 'prompt_toolkit'} & set(sys.modules); assert not bad, bad;"
        "import cel; assert cel.evaluate('1 < 2') is True"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cel_is_loaded_only_when_a_rule_needs_it() -> None:
    code = (
        "import sys; from sentinel.detectors.registry import known_detectors;"
        "from sentinel.policy.load import bundled_rules, load_policy;"
        "from sentinel.detectors.registry import known_detectors;"
        "assert load_policy([bundled_rules()], known_detectors()).rules;"
        "assert not [name for name in sys.modules if name.startswith('cel')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
