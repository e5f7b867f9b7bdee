"""A detector and the rules that act on what it finds, asked about one text as a call asks them.

One that models answer for is asked on each plane alone too: there, about every text.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from sentinel.core.decision import Action
from sentinel.core.exchange import CallContext, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import everything
from sentinel.detectors.detector_set import View
from sentinel.evaluation.modelled import Models, Said, whole
from sentinel.evaluation.rows import Case, Setting
from sentinel.guard.screener import Screener
from sentinel.policy.engine import Selection
from sentinel.policy.rule import Rule

_CALL = CallContext("/sentinel.v1.GuardService/Screen")


class Planes(StrEnum):
    """Who was asked. `BOTH`: the data plane first, and the models as a call asks them, about what it is
    unsure of."""

    BOTH = "both planes"
    DATA = "data plane"
    MODELS = "model plane"


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
    rule fired. `elapsed_ns`: what finding all that the rules ask for took, None where it was not measured.
    `failed`: why there is no answer. `passed_on`: the models were asked after the data plane.
    """

    score: float
    findings: tuple[Finding, ...]
    flagged: bool
    elapsed_ns: int | None
    failed: str = ""
    passed_on: bool = False


class Asker:
    """One detector, asked for everything it finds.

    The rules that act are the enforced ones that flag, redact or block; where there are none, those in
    shadow, and `shadow` is true. `threshold` is the lowest score that one of them asks for, None without a
    rule.
    """

    def __init__(self, name: str, screener: Screener, models: Models | None) -> None:
        self.name, self._screener, self._models = name, screener, models
        detectors, policy = screener.detectors, screener.policy
        here, there = name in detectors.names, name in screener.models.detectors
        self.planes: tuple[Planes, ...] = tuple(Planes)
        if not (here and there):
            self.planes = (Planes.DATA,) if here else (Planes.MODELS,)
        self._needs = everything([name])
        self._view = detectors.view(self._needs)
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

    def version(self, planes: Planes) -> str:
        """Of the detector, its models, or both."""
        if planes is Planes.BOTH:
            return self._screener.versions[self.name]
        asked = self._screener.detectors if planes is Planes.DATA else self._screener.models
        return asked.versions.get(self.name, "")

    def ask(self, case: Case, said: Said | None = None) -> dict[Planes, Answer]:
        """An answer of each of its planes. `said`: what the models say, where they answer for it."""
        answers: dict[Planes, Answer] = {}
        if Planes.DATA in self.planes:
            found, elapsed = self._found(case)
            answers[Planes.DATA] = self._answer(case, found, elapsed)
            if said is not None:
                answers[Planes.BOTH] = self._together(case, elapsed, said)
        if said is not None and Planes.DATA in self.planes:
            answers[Planes.MODELS] = self._of_models(case, said)
        elif said is not None:  # a call asks nobody else, so this is what it hears
            answers[Planes.MODELS] = self._together(case, 0, said)
        return answers

    def _of_models(self, case: Case, said: Said) -> Answer:
        left = self.name in said.inspection.unsure and self.name not in said.inspection.scores
        if left:
            return Answer(0.0, (), False, said.elapsed_ns, "the models leave it to the data plane")
        return self._answer(case, said.inspection, said.elapsed_ns)

    def _together(self, case: Case, elapsed: int, said: Said) -> Answer:
        """As a call asks: about the text, or about sentences of an answer. A time only where the models were
        timed, for else the texts that are passed on would be missing among those that are not."""
        assert self._models is not None, "nobody else says what the models say"
        read = self._screener.read([case.text], self._needs, backgrounds=[case.background])
        told: list[Sequence[Inspection]] = []
        for question in read.questions:
            if question.passages == (whole(case),):
                told.append([said.inspection])
                elapsed += said.elapsed_ns or 0
            else:
                started = time.perf_counter_ns()
                told.append(self._models.about(question.passages, self.name))
                elapsed += time.perf_counter_ns() - started
        (known,) = read.with_answers(told)
        answer = self._answer(case, known, None if said.elapsed_ns is None else elapsed)
        return msgspec.structs.replace(answer, passed_on=bool(told))

    def _found(self, case: Case) -> tuple[Inspection, int]:
        """Everything that the data plane finds, and the time of what the rules ask for."""
        inspection, elapsed = self._inspect(case, self._view)
        needed = self._needed[case.background.stage]
        if (needed.expressions, needed.others) != (self._view.expressions, self._view.others):
            elapsed = self._inspect(case, needed)[1]
        return inspection, elapsed

    def _answer(self, case: Case, inspection: Inspection, elapsed: int | None) -> Answer:
        failed = inspection.failed.get(self.name, "")
        if failed:
            return Answer(0.0, (), False, elapsed, failed)
        given = inspection.scores.get(self.name)
        highest = max((finding.score for finding in inspection.findings), default=0.0)
        score = highest if given is None else given
        return Answer(score, inspection.findings, self._flagged(case, inspection), elapsed)

    def _inspect(self, case: Case, view: View) -> tuple[Inspection, int]:
        started = time.perf_counter_ns()
        inspection = self._screener.detectors.inspect(case.text, view, case.background)
        return inspection, time.perf_counter_ns() - started

    def _flagged(self, case: Case, inspection: Inspection) -> bool:
        selection = self._selections[case.background.stage]
        if selection.empty:
            return False
        parts = [TextPart(case.background.role, case.text, "text")]
        decision = selection.decide("eval", parts, [inspection], _CALL, self._screener.versions, 0)
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
