"""Conditions, and what is done when a rule cannot be checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.decision import Action
from sentinel.core.exchange import CallContext, Role, Stage
from sentinel.core.finding import Inspection
from sentinel.policy.condition import Condition
from tests.policy.support import CTX, VERSIONS, card, decide, mail, outline, policy_of, texts

FAILED = {"pii": "took longer than 50 ms"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("action: block", ("block", True)),
        ("action: redact", ("block", True)),
        ("action: flag, on_error: closed", ("flag", True)),
        ("action: flag", ("allow", True)),
        ("action: block, on_error: open", ("allow", True)),
        ("action: redact, on_error: open", ("allow", True)),
        ("action: block, mode: shadow", ("allow", False)),
        ("action: block, mode: shadow, on_error: closed", ("block", False)),
    ],
)
def test_a_failed_detector(tmp_path: Path, rule: str, expected: tuple[str, bool]) -> None:
    decision = decide(policy_of(tmp_path, f"  - {{id: r, detect: {{detector: pii}}, {rule}}}"), failed=FAILED)
    action, enforced = expected
    assert outline(decision) == [("r", action, enforced, "detector_failed")]
    assert decision.action == (Action[action.upper()] if enforced else Action.ALLOW)
    assert decision.failed == FAILED
    assert decision.hits[0].why.startswith("detector pii failed: took longer than 50 ms; on_error: ")


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ("detect: {detector: secrets}", False),
        ("detect: {detector: pii}, roles: context", False),
        ("detect: {detector: pii}, roles: prompt", True),
        ("detect: {detector: pii}, when: request.tenant == 'other'", False),
        ("detect: {detector: pii}, when: request.tenant == 'acme'", True),
        ("detect: {detector: pii}, when: finding.score > 0.9", True),
    ],
)
def test_a_failure_concerns_only_rules_that_needed_the_detector(tmp_path: Path, rule: str, hit: bool) -> None:
    decision = decide(policy_of(tmp_path, f"  - {{id: r, action: block, {rule}}}"), failed=FAILED)
    assert (decision.action is Action.BLOCK) is hit
    assert decision.failed == FAILED


def test_a_failure_on_one_text_and_findings_in_another(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "  - {id: r, detect: {detector: pii}, action: redact, message: No.}")
    inspections = [Inspection((mail(),)), Inspection(failed=FAILED), Inspection(failed=FAILED)]
    selection = policy.select(Stage.INPUT, CTX)
    decision = selection.decide("d", texts("a" * 9, "b", "c"), inspections, CTX, VERSIONS, 0)
    assert outline(decision) == [
        ("r", "block", True, "detector_failed"),
        ("r", "redact", True, "finding"),
    ]
    assert decision.message == "Rule r could not be checked, and does not let pass what it could not check."


@pytest.mark.parametrize(
    ("when", "findings", "expected"),
    [
        ("finding.score > 0.9", 1, [(1,)]),
        ("findings.size() >= 2", 2, [(0, 1)]),
        ("findings.size() >= 3", 2, []),
        ("finding.type == 'CREDIT_CARD' && findings.size() == 2", 1, [(1,)]),
        ("request.metadata['team'] == 'red'", 2, [(0, 1)]),
        ("request.metadata['team'] == 'blue'", 2, []),
        ("finding.role == 'prompt' && finding.start < 5", 1, [(0,)]),
        ("stage == 'output'", 0, []),
    ],
)
def test_a_condition_narrows_findings(
    tmp_path: Path, when: str, findings: int, expected: list[tuple[int, ...]]
) -> None:
    rules = f"""
      - {{id: all, detect: {{detector: pii}}, action: allow}}
      - {{id: r, detect: {{detector: pii}}, when: "{when}", action: flag}}
    """
    ctx = CallContext("/a/b", metadata={"team": "red"})
    decision = decide(policy_of(tmp_path, rules), mail(0, 4, 0.6), card(8, 20, 0.95), ctx=ctx)
    assert [hit.findings for hit in decision.hits if hit.rule == "r"] == expected


def test_a_condition_is_not_asked_about_what_detect_left_out(tmp_path: Path) -> None:
    rules = "  - {id: r, detect: {detector: pii, score: 0.9}, when: findings.size() > 0, action: flag}"
    assert not decide(policy_of(tmp_path, rules), mail(score=0.5)).hits


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("when: request.tenant == 'acme', action: block", [("r", "block", True, "condition")]),
        ("when: request.tenant == 'else', action: block", []),
        ("when: 'parts.exists(p, p.chars > 50)', action: flag", [("r", "flag", True, "condition")]),
        ("when: 'parts.exists(p, p.chars > 50)', action: flag, roles: context", []),
        ("when: 'parts.size() == 1', action: flag, roles: prompt", [("r", "flag", True, "condition")]),
        ("when: stage == 'input', action: block, mode: shadow", [("r", "block", False, "condition")]),
    ],
)
def test_a_rule_of_a_condition_alone(
    tmp_path: Path, rule: str, expected: list[tuple[str, str, bool, str]]
) -> None:
    decision = decide(policy_of(tmp_path, f"  - {{id: r, {rule}}}"))
    assert outline(decision) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("action: block", ("block", True)),
        ("action: redact, detect: {detector: pii}", ("redact", True)),
        ("action: flag", ("allow", True)),
        ("action: flag, on_error: closed", ("flag", True)),
        ("action: block, on_error: open", ("allow", True)),
        ("action: block, mode: shadow", ("allow", False)),
    ],
)
def test_a_condition_that_fails_is_true_when_closed(
    tmp_path: Path, rule: str, expected: tuple[str, bool]
) -> None:
    """Redact stays redact: the findings are known, so they can be covered."""
    policy = policy_of(tmp_path, f"  - {{id: r, when: \"request.metadata['absent'] == 'x'\", {rule}}}")
    decision = decide(policy, mail())
    assert outline(decision) == [("r", *expected, "detector_failed")]
    assert bool(decision.findings) is ("detect" in rule)
    assert "the condition failed: it reads a key that this call does not have" in decision.hits[0].why


def test_a_condition_may_not_answer_with_something_else(tmp_path: Path) -> None:
    when = "request.tenant == 'acme' ? dyn(1) : dyn(true)"
    policy = policy_of(tmp_path, f'  - {{id: r, when: "{when}", action: block}}')
    decision = decide(policy)
    assert outline(decision) == [("r", "block", True, "detector_failed")]
    assert "its evaluation ended in TypeError" in decision.hits[0].why


def test_text_is_in_no_reason(tmp_path: Path) -> None:
    rules = """
      - {id: a, detect: {detector: pii}, action: redact}
      - {id: b, when: "int(request.metadata['n']) > 1", action: block}
      - {id: c, when: "parts.exists(p, p.chars > 1)", action: flag}
    """
    selection = policy_of(tmp_path, rules).select(Stage.INPUT, CTX)
    ctx = CallContext("/a/b", metadata={"n": "canary-metadata"})
    parts = texts("canary-text", role=Role.PROMPT)
    decision = selection.decide("d", parts, [Inspection((mail(0, 6),))], ctx, VERSIONS, 0)
    assert len(decision.hits) == 3
    assert "canary" not in repr(decision)


def test_a_condition_that_fails_open_keeps_no_finding(tmp_path: Path) -> None:
    when = "request.metadata['absent'] == 'x'"
    policy = policy_of(tmp_path, f'  - {{id: r, when: "{when}", action: flag, detect: {{detector: pii}}}}')
    decision = decide(policy, mail())
    assert outline(decision) == [("r", "allow", True, "detector_failed")]
    assert decision.findings == () and decision.hits[0].findings == ()


@pytest.mark.parametrize(
    ("when", "keys"),
    [
        ("finding.score > 0.1", {"request", "stage", "finding"}),
        ("finding.score > 0.1 && size(parts) > 1", {"request", "stage", "finding", "parts"}),
        ("size(findings) > 1", {"request", "stage", "findings"}),
    ],
)
def test_a_condition_gets_only_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, keys: set[str]
) -> None:
    """CEL converts what it gets, for each finding anew: with all parts, a thousand short texts took 20 s."""
    policy = policy_of(tmp_path, f"  - {{id: a, detect: {{detector: pii}}, action: flag, when: '{when}'}}")
    seen: list[set[str]] = []
    holds = Condition.holds

    def noted(condition: Condition, facts: Mapping[str, Any]) -> bool:
        seen.append(set(facts))
        return holds(condition, facts)

    monkeypatch.setattr(Condition, "holds", noted)
    inspections = [Inspection((mail(),)), Inspection((mail(),))]
    decision = policy.select(Stage.INPUT, CTX).decide("d", texts("a@b.c", "d@e.f"), inspections, CTX, {}, 0)
    assert decision.action is Action.FLAG
    assert all(facts == keys for facts in seen)
