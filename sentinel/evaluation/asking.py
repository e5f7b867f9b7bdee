"""A detector and the rules that act on what it finds, asked about one text as a call asks them."""

from __future__ import annotations

import time

import msgspec

from sentinel.core.decision import Action
from sentinel.core.exchange import CallContext, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import everything
from sentinel.detectors.registry import DetectorSet, View
from sentinel.evaluation.rows import Case, Setting
from sentinel.policy.engine import Policy, Selection
from sentinel.policy.rule import Rule

_CALL = CallContext("/sentinel.v1.GuardService/Screen")


class RuleUsed(msgspec.Struct, frozen=True):
    """A rule that asks the detector. `mode`: enforce or shadow; `roles` None: every speaker."""

    id: str
    types: tuple[str, ...]
    score: float
    action: str
    mode: str
    stages: tuple[str, ...]
    roles: tuple[str, ...] | None


class Answer(msgspec.Struct, frozen=True):
    """What came of a text.

    `score` is the detector's own, or the highest of its findings where it gives none. `flagged`: an acting
    rule fired. `elapsed_ns`: what finding all that the rules ask for took. `failed`: why there is no answer.
    """

    score: float
    findings: tuple[Finding, ...]
    flagged: bool
    elapsed_ns: int
    failed: str = ""


class Asker:
    """One detector, asked for everything it finds.

    The rules that act are the enforced ones that flag, redact or block; where there are none, those in
    shadow, and `shadow` is true. `threshold` is the lowest score that one of them asks for, None without a
    rule.
    """

    def __init__(self, name: str, detectors: DetectorSet, policy: Policy) -> None:
        self.name, self._detectors = name, detectors
        self.version = detectors.versions[name]
        self._view = detectors.view(everything([name]))
        self._selections = {stage: _of(name, policy.select(stage, _CALL)) for stage in Stage}
        self._needed = {
            stage: self._view if chosen.empty else detectors.view(chosen.needs)
            for stage, chosen in self._selections.items()
        }
        rules = {rule.id: rule for chosen in self._selections.values() for rule in chosen.rules}
        acting = [rule for rule in rules.values() if rule.enforced]
        self.shadow = bool(rules) and not acting
        self._acting = {rule.id for rule in acting or rules.values()}
        self.threshold = min((rules[each].score for each in self._acting), default=None)
        self.rules = tuple(_used(rule) for rule in sorted(rules.values(), key=lambda rule: rule.id))

    def floor(self, stage: Stage, type_: str) -> tuple[float, str] | None:
        """The lowest score at which a rule acts on a finding type, and the rule's mode; enforced rules come
        before those in shadow. None where no rule asks for the type."""
        rules = [rule for rule in self._selections[stage].rules if type_ in rule.types]
        if not rules:
            return None
        shadow, score = min((not rule.enforced, rule.score) for rule in rules)
        return score, "shadow" if shadow else "enforce"

    def lowest(self, setting: Setting) -> float | None:
        """The lowest score that an acting rule for texts of this setting asks for; None without one."""
        stage, role = setting.place
        return min(
            (
                rule.score
                for rule in self._selections[stage].rules
                if rule.id in self._acting and (rule.roles is None or role in rule.roles)
            ),
            default=None,
        )

    def ask(self, case: Case) -> Answer:
        inspection, elapsed = self._inspect(case, self._view)
        needed = self._needed[case.background.stage]
        if (needed.expressions, needed.others) != (self._view.expressions, self._view.others):
            elapsed = self._inspect(case, needed)[1]
        failed = inspection.failed.get(self.name, "")
        if failed:
            return Answer(0.0, (), False, elapsed, failed)
        given = inspection.scores.get(self.name)
        highest = max((finding.score for finding in inspection.findings), default=0.0)
        score = highest if given is None else given
        return Answer(score, inspection.findings, self._flagged(case, inspection), elapsed)

    def _inspect(self, case: Case, view: View) -> tuple[Inspection, int]:
        started = time.perf_counter_ns()
        inspection = self._detectors.inspect(case.text, view, case.background)
        return inspection, time.perf_counter_ns() - started

    def _flagged(self, case: Case, inspection: Inspection) -> bool:
        selection = self._selections[case.background.stage]
        if selection.empty:
            return False
        parts = [TextPart(case.background.role, case.text, "text")]
        decision = selection.decide("eval", parts, [inspection], _CALL, self._detectors.versions, 0)
        return any(hit.rule in self._acting for hit in decision.hits)


def _of(name: str, selection: Selection) -> Selection:
    return selection.narrowed(
        rule for rule in selection.rules if rule.detector == name and rule.action > Action.ALLOW
    )


def _used(rule: Rule) -> RuleUsed:
    return RuleUsed(
        id=rule.id,
        types=rule.types.patterns,
        score=rule.score,
        action=rule.action.label,
        mode="enforce" if rule.enforced else "shadow",
        stages=tuple(sorted(rule.stages)),
        roles=tuple(sorted(rule.roles)) if rule.roles is not None else None,
    )
