"""One decision in the making: what each rule says, gathered, then put in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from sentinel.core.decision import Action, Cause, RuleHit
from sentinel.core.exchange import CallContext, Stage, TextPart
from sentinel.core.finding import Finding
from sentinel.policy.condition import explain_failure
from sentinel.policy.rule import Rule


class _Hit(msgspec.Struct):
    """A hit in the making: findings, not yet their indices."""

    rule: Rule
    action: Action
    cause: Cause
    findings: list[Finding]
    why: str


class Judging:
    """One decision in the making."""

    def __init__(
        self, stage: Stage, rules: Mapping[str, Rule], parts: Sequence[TextPart], ctx: CallContext
    ) -> None:
        self._stage, self._rules, self._parts, self._ctx = stage, rules, parts, ctx
        self._hits: list[_Hit] = []
        self._request: dict[str, Any] | None = None

    def judge_findings(self, matches: Mapping[str, list[Finding]]) -> None:
        """`matches`: by rule id, the findings that the rule's `detect` lets through."""
        for rule_id, findings in matches.items():
            rule = self._rules[rule_id]
            if rule.condition is None:
                self._add(rule, findings)
                continue
            facts = self._facts(rule, findings)
            try:
                if not rule.condition.per_finding:
                    held = findings if rule.condition.holds(facts) else []
                else:
                    held = [f for f in findings if rule.condition.holds({**facts, "finding": self._fact(f)})]
            except Exception as error:  # a faulty condition must never take the call down: `on_error` decides
                self._add_condition_error(rule, findings, error)
                continue
            if held:
                self._add(rule, held)

    def judge_condition(self, rule: Rule) -> None:
        """A rule without detector."""
        assert rule.condition is not None
        if rule.roles is not None and not any(part.role in rule.roles for part in self._parts):
            return
        facts = self._facts(rule, ())
        try:
            if rule.condition.holds(facts):
                self._hits.append(_Hit(rule, rule.action, Cause.CONDITION, [], "the condition holds"))
        except Exception as error:  # as above
            self._add_condition_error(rule, [], error)

    def judge_failure(self, detector: str, why: str, part: int, unsought: Collection[str] | None) -> None:
        """A detector that did not read a text, or did not look for these types alone."""
        for rule in self._rules.values():
            if rule.detector != detector or (rule.roles and self._parts[part].role not in rule.roles):
                continue
            if unsought is not None and not any(type_ in rule.types for type_ in unsought):
                continue
            self.add_error(rule, Cause.DETECTOR_FAILED, f"detector {detector} failed: {why}")

    def add_error(self, rule: Rule, cause: Cause, why: str) -> None:
        """A rule that could not be checked; once per rule, and not where its condition rules the call out."""
        if any(hit.rule is rule and hit.cause is cause for hit in self._hits):
            return
        condition = rule.condition
        if condition is not None and condition.static:
            try:
                if not condition.holds(self._facts(rule, ())):
                    return
            except Exception as error:  # as above; the rule stays one that could not be checked
                why = f"{why}; and {explain_failure(error)}"
        self._hits.append(_Hit(rule, rule.error_action, cause, [], f"{why}; on_error: {_word(rule)}"))

    def outcome(self) -> tuple[tuple[Finding, ...], tuple[RuleHit, ...]]:
        """Findings in the order of the text, hits strictest first, then by level, then by id."""
        findings = sorted(
            {finding for hit in self._hits for finding in hit.findings},
            key=lambda f: (f.part, f.start, f.end, f.detector, f.type),
        )
        index = {finding: position for position, finding in enumerate(findings)}
        self._hits.sort(key=lambda hit: (-hit.action, -hit.rule.level, hit.rule.id, hit.cause))
        hits = tuple(
            RuleHit(
                rule=hit.rule.id,
                action=hit.action,
                level=hit.rule.level,
                enforced=hit.rule.enforced,
                cause=hit.cause,
                findings=tuple(sorted(index[finding] for finding in hit.findings)),
                threshold=hit.rule.score,
                why=hit.why,
            )
            for hit in self._hits
        )
        return tuple(findings), hits

    def _add(self, rule: Rule, findings: list[Finding]) -> None:
        self._hits.append(_Hit(rule, rule.action, Cause.FINDING, findings, _why(rule, findings)))

    def _add_condition_error(self, rule: Rule, findings: list[Finding], error: Exception) -> None:
        """`closed` takes the condition for true, `open` for false."""
        why = f"the condition failed: {explain_failure(error)}; on_error: {_word(rule)}"
        action = rule.action if rule.closed else Action.ALLOW
        self._hits.append(_Hit(rule, action, Cause.DETECTOR_FAILED, findings if rule.closed else [], why))

    def _facts(self, rule: Rule, findings: Sequence[Finding]) -> dict[str, Any]:
        """What a condition sees; see condition.py."""
        if self._request is None:
            ctx = self._ctx
            self._request = {
                "route": ctx.route,
                "model": ctx.model,
                "tenant": ctx.tenant,
                "method": ctx.method,
                "metadata": dict(ctx.metadata),
            }
        facts: dict[str, Any] = {"request": self._request, "stage": str(self._stage)}
        # CEL converts all of it at each evaluation, and there may be one for each finding.
        if rule.condition is None or rule.condition.reads_parts:
            facts["parts"] = [
                {"role": str(part.role), "path": part.path, "chars": len(part.text)}
                for part in self._parts
                if rule.roles is None or part.role in rule.roles
            ]
        if rule.condition is not None and rule.condition.reads_findings:
            facts["findings"] = [self._fact(finding) for finding in findings]
        return facts

    def _fact(self, finding: Finding) -> dict[str, Any]:
        return {
            "detector": finding.detector,
            "type": finding.type,
            "score": finding.score,
            "start": finding.start,
            "end": finding.end,
            "part": finding.part,
            "role": str(self._parts[finding.part].role),
        }


def _why(rule: Rule, findings: list[Finding]) -> str:
    if len(findings) == 1:
        return f"{findings[0].type} with score {findings[0].score:.2f}, threshold {rule.score:.2f}"
    types = sorted({finding.type for finding in findings})
    best = max(finding.score for finding in findings)
    return (
        f"{len(findings)} findings of {', '.join(types)}, best score {best:.2f}, threshold {rule.score:.2f}"
    )


def _word(rule: Rule) -> str:
    return "closed" if rule.closed else "open"


def message(hit: RuleHit, rule: Rule) -> str:
    if hit.cause in (Cause.DETECTOR_FAILED, Cause.UNSCREENABLE):
        return f"Rule {hit.rule} could not be checked, and does not let pass what it could not check."
    if rule.message or hit.action is not Action.BLOCK:
        return rule.message
    return f"Refused by rule {hit.rule}."
