"""Policy: all rules. Selection: those for one stage and kind of call, prepared so that a text without
findings costs next to nothing. Both are immutable but for their bounded caches."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence

from sentinel.core.decision import Action, Cause, Decision, RuleHit
from sentinel.core.exchange import CallContext, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Need, Needs, detectors_of
from sentinel.policy.judging import Judging, message
from sentinel.policy.rule import Rule, canonical

CACHE_LIMIT = 1024  # calls told apart by route, model and tenant; the oldest is forgotten first
NAMES_LIMIT = 1024  # characters; a caller may make a model's name as long as a message


class Policy:
    """All rules in force. `digest` is the SHA-256 of what they do: neither order, format, comments,
    descriptions nor examples change it. `pseudonymises` says that some rule puts values back into answers.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.digest = _digest(rules)
        self.pseudonymises = any(
            rule.action is Action.REDACT and rule.operator.name == "pseudonymise" for rule in rules
        )
        self.needs = _needs(rules)
        self.detectors = detectors_of(self.needs)
        self._told_apart = tuple(
            any(not getattr(rule, key).all for rule in rules) for key in ("route", "model", "tenant")
        )
        self._by_call: dict[tuple[str, ...], Selection] = {}
        self._by_rules: dict[tuple[str, ...], Selection] = {}
        self._lock = threading.Lock()

    def select(self, stage: Stage, ctx: CallContext) -> Selection:
        """The rules for one stage of a call."""
        route, model, tenant = self._told_apart
        key = (
            stage,
            ctx.route if route else "",
            ctx.model if model else "",
            ctx.tenant if tenant else "",
        )
        found = self._by_call.get(key)
        return found if found is not None else self._select(key, stage, ctx)

    def select_unread(self, stage: Stage, ctx: CallContext) -> Selection:
        """The rules for one stage of a call that cannot be read. Without a model in `ctx` those of every
        model are among them: a rule for one model must not be passed by where the model is not known."""
        if ctx.model or not self._told_apart[1]:
            return self.select(stage, ctx)
        return self._of(stage, tuple(rule for rule in self.rules if rule.applies(stage, ctx, any_model=True)))

    def _select(self, key: tuple[str, ...], stage: Stage, ctx: CallContext) -> Selection:
        selection = self._of(stage, tuple(rule for rule in self.rules if rule.applies(stage, ctx)))
        if sum(map(len, key)) <= NAMES_LIMIT:
            with self._lock:
                _remember(self._by_call, key, selection)
        return selection

    def _of(self, stage: Stage, rules: tuple[Rule, ...]) -> Selection:
        ids = (stage, *(rule.id for rule in rules))
        with self._lock:
            selection = self._by_rules.get(ids) or Selection(stage, rules, self.digest)
            _remember(self._by_rules, ids, selection)
        return selection


class Selection:
    """The rules for one stage of one kind of call.

    `needs` is what the rules ask of the detectors that must read the texts, `deadline_ms` how long they may
    take (None: as long as the config says), `empty` says that no rule applies, `edits` that an enforced rule
    could change a text. Of the deadlines the smallest counts; a shadow rule's only where no rule is enforced,
    for it changes no outcome.
    """

    def __init__(self, stage: Stage, rules: tuple[Rule, ...], digest: str) -> None:
        self.stage, self.rules, self.digest = stage, rules, digest
        self.needs = _needs(rules)
        self.detectors = detectors_of(self.needs)
        self.empty = not rules
        self.edits = any(rule.enforced and rule.action is Action.REDACT for rule in rules)
        acting = [rule for rule in rules if rule.enforced] or rules
        self.deadline_ms = min((rule.deadline_ms for rule in acting if rule.deadline_ms), default=None)
        self._by_id = {rule.id: rule for rule in rules}
        self._conditions = tuple(rule for rule in rules if not rule.detector)
        self._asked = tuple(sorted(self.detectors))
        self._by_type: dict[tuple[str, str], tuple[Rule, ...]] = {}

    def narrowed(self, rules: Iterable[Rule]) -> Selection:
        """A selection of some of the rules."""
        chosen = {rule.id for rule in rules}
        return Selection(self.stage, tuple(r for r in self.rules if r.id in chosen), self.digest)

    def rule(self, rule_id: str) -> Rule:
        return self._by_id[rule_id]

    def decide(
        self,
        decision_id: str,
        parts: Sequence[TextPart],
        inspections: Sequence[Inspection],
        ctx: CallContext,
        versions: Mapping[str, str],
        elapsed_us: int,
    ) -> Decision:
        """The decision about texts and what the detectors said of them (inspections[i] of parts[i]).

        Findings that no rule hits are left out; the others carry their part's index and stand in the order of
        the text. Each score is the highest of all parts.
        """
        asked = {name: versions[name] for name in self._asked if name in versions}
        for inspection in inspections:
            if inspection.findings or inspection.failed or inspection.scores:
                break
        else:
            if not self._conditions:
                return Decision(
                    decision_id, self.stage, Action.ALLOW, self.digest, detectors=asked, elapsed_us=elapsed_us
                )
        judging = Judging(self.stage, self._by_id, parts, ctx)
        judging.judge_findings(self._matches(parts, inspections))
        for rule in self._conditions:
            judging.judge_condition(rule)
        failed: dict[str, str] = {}
        scores: dict[str, float] = {}
        for index, inspection in enumerate(inspections):
            for name, why in inspection.failed.items():
                failed.setdefault(name, why)
                judging.judge_failure(name, why, index, inspection.unsought.get(name))
            for name, score in inspection.scores.items():
                scores[name] = max(score, scores.get(name, 0.0))
        findings, hits = judging.outcome()
        return self._decision(decision_id, hits, findings, scores, asked, failed, elapsed_us)

    def decide_unscreenable(self, decision_id: str, ctx: CallContext, why: str) -> Decision:
        """The decision about a call whose texts cannot be read. Rules that need no text are answered, all
        others do what their `on_error` says. `why` must hold nothing of the call's text."""
        judging = Judging(self.stage, self._by_id, (), ctx)
        for rule in self.rules:
            if rule.detector or (rule.condition and not rule.condition.static):
                judging.add_error(rule, Cause.UNSCREENABLE, why)
            else:
                judging.judge_condition(rule)
        findings, hits = judging.outcome()
        return self._decision(decision_id, hits, findings, {}, {}, {}, 0)

    def _matches(
        self, parts: Sequence[TextPart], inspections: Sequence[Inspection]
    ) -> dict[str, list[Finding]]:
        """The findings that each rule's `detect` lets through, by rule id."""
        matches: dict[str, list[Finding]] = {}
        for index, inspection in enumerate(inspections):
            role = parts[index].role
            for finding in inspection.findings:
                placed: Finding | None = None
                for rule in self._rules_for(finding.detector, finding.type):
                    if finding.score < rule.score or (rule.roles is not None and role not in rule.roles):
                        continue
                    if placed is None:
                        placed = _placed(finding, index)
                    matches.setdefault(rule.id, []).append(placed)
        return matches

    def _rules_for(self, detector: str, type_: str) -> tuple[Rule, ...]:
        key = (detector, type_)
        rules = self._by_type.get(key)
        if rules is None:
            rules = tuple(rule for rule in self.rules if rule.detector == detector and type_ in rule.types)
            if len(self._by_type) < CACHE_LIMIT:
                self._by_type[key] = rules
        return rules

    def _decision(
        self,
        decision_id: str,
        hits: tuple[RuleHit, ...],
        findings: tuple[Finding, ...],
        scores: dict[str, float],
        asked: dict[str, str],
        failed: dict[str, str],
        elapsed_us: int,
    ) -> Decision:
        acting = next((hit for hit in hits if hit.enforced and hit.action is not Action.ALLOW), None)
        return Decision(
            decision_id=decision_id,
            stage=self.stage,
            action=acting.action if acting else Action.ALLOW,
            policy=self.digest,
            rule=acting.rule if acting else "",
            message=message(acting, self._by_id[acting.rule]) if acting else "",
            hits=hits,
            findings=findings,
            scores=scores,
            detectors=asked,
            failed=failed,
            elapsed_us=elapsed_us,
        )


def _needs(rules: Iterable[Rule]) -> Needs:
    """A rule sees no finding below its score or of another type, so nothing else needs to be found."""
    return frozenset(Need(rule.detector, rule.types.patterns, rule.score) for rule in rules if rule.detector)


def _placed(finding: Finding, part: int) -> Finding:
    if finding.part == part:
        return finding
    f = finding
    return Finding(f.detector, f.type, f.start, f.end, f.score, f.why, part, f.evidence)


def _digest(rules: tuple[Rule, ...]) -> str:
    content = sorted((canonical(rule.config) for rule in rules), key=lambda rule: str(rule["id"]))
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _remember(cache: dict[tuple[str, ...], Selection], key: tuple[str, ...], value: Selection) -> None:
    while len(cache) >= CACHE_LIMIT:
        del cache[next(iter(cache))]
    cache[key] = value
