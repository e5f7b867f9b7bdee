"""One text, screened outside of any call: the Python API, `sentinel screen` and the gRPC service share this
shape."""

from __future__ import annotations

import time

import msgspec

from sentinel.core.background import Background
from sentinel.core.decision import Action, Decision, RuleHit
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.ids import new_id
from sentinel.core.redact import Redactor
from sentinel.detectors.inspection import joined
from sentinel.guard.cascade import AskNow
from sentinel.guard.screener import Screener
from sentinel.policy.operators import edit
from sentinel.policy.vault import Vault

METHOD = "/sentinel.v1.GuardService/Screen"


class NotLoaded(ConfigError):
    """A request asks for detectors that are not loaded: a mistake of that request alone."""


class ScreenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to screen.

    A prompt is screened with the documents in `context` (a list, or one text) beside it, as texts of their
    own; an answer is compared with `question`, `context` and `system` by detectors that compare, and with
    `schema` (JSON Schema) by those that mind its form. `detectors` are asked whatever the rules say, and fill
    `ScreenResult.scores`.
    """

    text: str
    stage: Stage = Stage.INPUT
    id: str = ""
    question: str = ""
    context: tuple[str, ...] | str = ()
    detectors: tuple[str, ...] = ()
    route: str = "default"
    model: str = ""
    tenant: str = ""
    system: str = ""
    schema: str = ""

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents, of which a lone one may be written without a list."""
        if isinstance(self.context, str):
            return (self.context,) if self.context else ()
        return self.context


class ScreenFinding(msgspec.Struct, frozen=True):
    """A finding, with the rule that acted on it, the rule's level and its least score, `threshold` ("" and 0
    where no rule did). `part` is 0 for the text and n for the n-th document beside a prompt; offsets are
    those of that text. `evidence` are the stretches (start, end, weight) that weighed most."""

    detector: str
    type: str
    start: int
    end: int
    score: float
    level: str
    rule: str
    why: str
    part: int = 0
    evidence: tuple[tuple[int, int, float], ...] = ()
    threshold: float = 0.0


class ScreenResult(msgspec.Struct, frozen=True):
    """What was decided.

    `text` is the text after the rules' edits, "" when it is blocked. `scores` holds a calibrated probability
    of the bad thing per scoring detector, the highest of all texts. `failed` names detectors that broke or
    read a text in part, with the reason, `detectors` the version of each that was asked.
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
    detectors: dict[str, str] = {}


def screen(
    screener: Screener, redactor: Redactor, request: ScreenRequest, ask: AskNow | None = None
) -> ScreenResult:
    """Decide about one text. `ask` is how the model plane is asked, where there is one. Raises NotLoaded,
    and ConfigError when a model in this process cannot be loaded."""
    strangers = sorted(set(request.detectors) - screener.names)
    if strangers:
        loaded = ", ".join(sorted(screener.names)) or "none"
        raise NotLoaded(
            f"{', '.join(strangers)} not loaded; loaded are {loaded}; name others when the guard starts: "
            "`sentinel screen --detectors`, `Guard.from_config(detectors=...)`",
            key="detectors",
        )
    started = time.perf_counter_ns()
    context = CallContext(METHOD, request.route, request.model, request.tenant)
    parts = _parts(request)
    selection = screener.policy.select(request.stage, context)
    around = _backgrounds(request, parts)
    texts = [part.text for part in parts]
    read = screener.read(texts, selection.needs, request.tenant, around, request.detectors)
    answers = []
    if questions := read.questions:
        assert ask is not None, "who names the model plane's detectors says how they are asked"
        deadline = selection.deadline_ms
        answers = [ask(question.passages, question.detectors, deadline) for question in questions]
    inspections = read.with_answers(answers)
    elapsed_us = (time.perf_counter_ns() - started) // 1000
    versions = screener.versions
    decision = selection.decide(
        f"{new_id()}.{request.stage}", parts, inspections, context, versions, elapsed_us
    )
    text = request.text
    if decision.action is Action.BLOCK:
        text = ""
    elif decision.action is Action.REDACT:
        text = edit(decision, selection, parts, Vault(), redactor)[0]
    told = joined(inspections)
    by_name = {name: versions[name] for name in request.detectors if name in versions}
    return ScreenResult(
        id=request.id,
        action=decision.action.label,
        text=text,
        findings=tuple(_findings(decision, inspections, frozenset(request.detectors))),
        scores=told.scores,
        decision_id=decision.decision_id,
        policy=decision.policy,
        elapsed_us=(time.perf_counter_ns() - started) // 1000,
        rule=decision.rule,
        message=decision.message,
        failed=told.failed,
        detectors=decision.detectors | by_name,
    )


def _parts(request: ScreenRequest) -> list[TextPart]:
    if request.stage is Stage.OUTPUT:
        return [TextPart(Role.ANSWER, request.text, "text")]
    documents = [TextPart(Role.CONTEXT, text, f"context[{i}]") for i, text in enumerate(request.documents)]
    return [TextPart(Role.PROMPT, request.text, "text"), *documents]


def _backgrounds(request: ScreenRequest, parts: list[TextPart]) -> list[Background]:
    """What is given, with the prompt itself as the question where no other is."""
    prompt = request.stage is Stage.INPUT
    question = request.question or (request.text if prompt else "")
    return [
        Background(
            request.stage, part.role, question, request.documents, request.system, schema=request.schema
        )
        for part in parts
    ]


def _findings(
    decision: Decision, inspections: list[Inspection], asked: frozenset[str]
) -> list[ScreenFinding]:
    """Those that a rule hit, and every finding of the detectors that were asked for by name."""
    deciding: dict[Finding, RuleHit] = {}
    for hit in decision.hits:  # strictest first
        for index in hit.findings:
            deciding.setdefault(decision.findings[index], hit)
    others = (
        msgspec.structs.replace(finding, part=part)
        for part, inspection in enumerate(inspections)
        for finding in inspection.findings
        if finding.detector in asked
    )
    everything = sorted({*deciding, *others}, key=lambda f: (f.part, f.start, f.end, f.type))
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
        part=finding.part,
        evidence=finding.evidence,
        threshold=hit.threshold if hit else 0.0,
    )
