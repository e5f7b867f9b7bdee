"""One text, screened outside of any call: the Python API, `sentinel screen` and the gRPC service share this
shape."""

from __future__ import annotations

import time

import msgspec

from sentinel.core.decision import Action, Decision, RuleHit
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.ids import new_id
from sentinel.core.redact import Redactor
from sentinel.guard.screener import Screener
from sentinel.policy.operators import edit
from sentinel.policy.vault import Vault

METHOD = "/sentinel.v1.GuardService/Screen"


class ScreenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to screen.

    `question` and `context` are what an answer is compared with by detectors that compare. `detectors` are
    asked whatever the rules say, and fill `ScreenResult.scores`.
    """

    text: str
    stage: Stage = Stage.INPUT
    id: str = ""
    question: str = ""
    context: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    route: str = "default"
    model: str = ""
    tenant: str = ""


class ScreenFinding(msgspec.Struct, frozen=True):
    """A finding, with the rule that acted on it and the rule's level ("" where no rule did)."""

    detector: str
    type: str
    start: int
    end: int
    score: float
    level: str
    rule: str
    why: str


class ScreenResult(msgspec.Struct, frozen=True):
    """What was decided.

    `text` is the text after the rules' edits, "" when it is blocked. `scores` holds a calibrated probability
    of the bad thing per scoring detector. `failed` names detectors that broke, with the reason.
    """

    id: str
    action: str
    text: str
    findings: tuple[ScreenFinding, ...]
    scores: dict[str, float]
    decision_id: str
    policy: str
    elapsed_us: int
    rule: str
    message: str
    failed: dict[str, str]


def screen(screener: Screener, redactor: Redactor, request: ScreenRequest) -> ScreenResult:
    """Decide about one text. Raises ConfigError when a detector is asked for that is not loaded."""
    strangers = sorted(set(request.detectors) - screener.detectors.names)
    if strangers:
        loaded = ", ".join(sorted(screener.detectors.names)) or "none"
        raise ConfigError(f"{', '.join(strangers)} not loaded; loaded are {loaded}", key="detectors")
    started = time.perf_counter_ns()
    context = CallContext(METHOD, request.route, request.model, request.tenant)
    role = Role.PROMPT if request.stage is Stage.INPUT else Role.ANSWER
    parts = [TextPart(role, request.text, "text")]
    selection = screener.policy.select(request.stage, context)
    inspection = screener.inspect_for(request.text, selection.needs, request.detectors)
    elapsed_us = (time.perf_counter_ns() - started) // 1000
    decision = selection.decide(
        f"{new_id()}.{request.stage}", parts, [inspection], context, screener.detectors.versions, elapsed_us
    )
    text = request.text
    if decision.action is Action.BLOCK:
        text = ""
    elif decision.action is Action.REDACT:
        text = edit(decision, selection, parts, Vault(), redactor)[0]
    return ScreenResult(
        id=request.id,
        action=decision.action.label,
        text=text,
        findings=tuple(_findings(decision, inspection, frozenset(request.detectors))),
        scores=inspection.scores,
        decision_id=decision.decision_id,
        policy=decision.policy,
        elapsed_us=(time.perf_counter_ns() - started) // 1000,
        rule=decision.rule,
        message=decision.message,
        failed=inspection.failed,
    )


def _findings(decision: Decision, inspection: Inspection, asked: frozenset[str]) -> list[ScreenFinding]:
    """Those that a rule hit, and every finding of the detectors that were asked for by name."""
    deciding: dict[Finding, RuleHit] = {}
    for hit in decision.hits:  # strictest first
        for index in hit.findings:
            deciding.setdefault(decision.findings[index], hit)
    others = (finding for finding in inspection.findings if finding.detector in asked)
    everything = sorted({*deciding, *others}, key=lambda finding: (finding.start, finding.end, finding.type))
    return [_finding(finding, deciding.get(finding)) for finding in everything]


def _finding(finding: Finding, hit: RuleHit | None) -> ScreenFinding:
    return ScreenFinding(
        detector=finding.detector,
        type=finding.type,
        start=finding.start,
        end=finding.end,
        score=finding.score,
        level=hit.level.label if hit else "",
        rule=hit.rule if hit else "",
        why=finding.why,
    )
