"""A session's facts -> the Record that is kept. The one redaction point ahead of every sink: matched values
leave here as keyed hashes, and texts only when content is switched on, with every finding replaced by its
type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from sentinel.core.decision import Action, Cause, Decision, RuleHit
from sentinel.core.exchange import Stage, TextPart
from sentinel.core.finding import Finding
from sentinel.core.ids import TraceContext
from sentinel.core.record import DecisionRow, FindingRow, Outcome, Phase, Record, Screened
from sentinel.core.redact import Redactor
from sentinel.guard.session import Session, StageFacts
from sentinel.policy.operators import scrub

_MAX_NAME = 256

# A text can be made to hold tens of thousands of findings; a record is bounded, and counts those it leaves
# out.
_MAX_FINDING_ROWS = 1_000
_MAX_OFFSET = 2**32 - 1
_MAX_EVIDENCE = 5  # of a finding; a model of somebody else's may tell more


class Transfer(msgspec.Struct, frozen=True):
    """What the driver measured: times in nanoseconds since the epoch or as durations, sizes in bytes."""

    started_ns: int
    protocol: str
    upstream: str
    worker: str
    ended_ns: int = 0
    streaming: bool = False
    grpc_code: str = "OK"
    error_type: str = ""
    response_id: str = ""
    upstream_ns: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    released_chars: int = 0


def build_record(
    session: Session,
    trace: TraceContext,
    transfer: Transfer,
    outcome: Outcome,
    *,
    phase: Phase = Phase.FINAL,
    with_content: bool = False,
) -> Record:
    """Everything that is kept of an exchange, and nothing that it said."""
    context, given, made = session.context, session.input, session.output
    decision = session.decision
    decided = [facts for facts in (given, made) if facts.decision is not None]
    decisions = [facts.decision for facts in decided if facts.decision is not None]
    return Record(
        exchange_id=session.exchange_id,
        phase=phase,
        outcome=outcome,
        started_ns=transfer.started_ns,
        ended_ns=transfer.ended_ns,
        trace_id=trace.trace_id,
        server_span=trace.server_span,
        client_span=trace.client_span,
        parent_span=trace.parent_span,
        trace_state=trace.state,
        trace_flags=trace.flags,
        protocol=transfer.protocol,
        method=context.method,
        route=context.route,
        model=_name(context.model),
        tenant=context.tenant,
        upstream=transfer.upstream,
        response_id=_name(transfer.response_id),
        streaming=transfer.streaming,
        grpc_code=transfer.grpc_code,
        error_type=transfer.error_type,
        action=decision.action.label if decision else Action.ALLOW.label,
        rule=decision.rule if decision else "",
        policy=session.screener.policy.digest,
        detectors={name: version for each in decisions for name, version in each.detectors.items()},
        input_screened=given.screened,
        output_screened=made.screened,
        input_chars=_chars(given),
        output_chars=_chars(made),
        input_bytes=transfer.input_bytes,
        output_bytes=transfer.output_bytes,
        input_tokens=transfer.input_tokens,
        output_tokens=transfer.output_tokens,
        upstream_ns=transfer.upstream_ns,
        released_chars=transfer.released_chars,
        screen_us=sum([each.elapsed_us for each in decisions]),
        worker=transfer.worker,
        decisions=tuple([_decision_row(each) for each in decisions]),
        finding_count=sum([len(each.findings) for each in decisions]),
        findings=tuple([row for facts in decided for row in _finding_rows(facts, session.redactor)]),
        input_content=_content(given) if with_content else (),
        output_content=_content(made) if with_content else (),
    )


def build_edit(
    session: Session, started_ns: int, findings: Sequence[FindingRow], *, released_chars: int = 0
) -> Record:
    """What is kept of an edit before the edited text leaves. `released_chars`: how much of the answer has
    left, and leaves now."""
    rule = next((row.rule for row in findings if row.enforced), "")
    hits = {
        row.rule: (row.rule, row.action, row.enforced, Cause.FINDING.value, "")
        for row in findings
        if row.rule
    }
    asked = {row.detector for row in findings}
    decided = DecisionRow(
        session.decision_id(Stage.OUTPUT), Stage.OUTPUT, Action.REDACT.label, rule, tuple(hits.values())
    )
    return Record(
        exchange_id=session.exchange_id,
        phase=Phase.EDIT,
        outcome=Outcome.INTERRUPTED,
        started_ns=started_ns,
        trace_id="",
        server_span="",
        client_span="",
        protocol="",
        method=session.context.method,
        route=session.context.route,
        action=Action.REDACT.label,
        rule=rule,
        detectors={name: version for name, version in session.versions.items() if name in asked},
        decisions=(decided,),
        finding_count=len(findings),
        findings=tuple(findings[:_MAX_FINDING_ROWS]),
        released_chars=released_chars,
    )


def _name(text: str) -> str:
    """What others call a thing: it may be as long as a message, and stands in every row."""
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME - 3]}..."


def _chars(facts: StageFacts) -> int:
    return sum([len(part.text) for part in facts.parts])


def _decision_row(decision: Decision) -> DecisionRow:
    return DecisionRow(
        decision_id=decision.decision_id,
        stage=decision.stage,
        action=decision.action.label,
        rule=decision.rule,
        hits=tuple([(hit.rule, hit.action.label, hit.enforced, hit.cause, hit.why) for hit in decision.hits]),
        failed=decision.failed,
        scores=decision.scores,
        elapsed_us=decision.elapsed_us,
    )


def _finding_rows(facts: StageFacts, redactor: Redactor) -> list[FindingRow]:
    decision = facts.decision
    if decision is None or not decision.findings:
        return []
    parts = facts.parts
    return finding_rows(
        decision, redactor, lambda finding: (parts[finding.part], parts[finding.part].text, 0)
    )


def finding_rows(
    decision: Decision, redactor: Redactor, place: Callable[[Finding], tuple[TextPart, str, int]]
) -> list[FindingRow]:
    """A decision's findings as they are kept. `place` gives a finding's part, and the stretch of its text
    that holds it, with where that begins."""
    deciding: dict[int, RuleHit] = {}
    for hit in decision.hits:  # strictest first, so the first hit that names a finding decided about it
        for index in hit.findings:
            deciding.setdefault(index, hit)
    rows: list[FindingRow] = []
    for index, finding in enumerate(decision.findings[:_MAX_FINDING_ROWS]):
        part, stretch, origin = place(finding)
        value = stretch[finding.start - origin : finding.end - origin]
        rows.append(_finding_row(decision, finding, deciding.get(index), part, redactor.hash(value)))
    return rows


def _finding_row(
    decision: Decision, finding: Finding, hit: RuleHit | None, part: TextPart, value_hmac: str
) -> FindingRow:
    return FindingRow(
        stage=decision.stage,
        part=finding.part,
        path=part.path,
        role=part.role,
        detector=finding.detector,
        type=finding.type,
        start=finding.start,
        end=finding.end,
        score=finding.score,
        rule=hit.rule if hit else "",
        action=hit.action.label if hit else "",
        level=hit.level.label if hit else "",
        enforced=hit.enforced if hit else False,
        threshold=hit.threshold if hit else 0.0,
        value_hmac=value_hmac,
        why=finding.why,
        evidence=_strongest(finding),
    )


def _strongest(finding: Finding) -> tuple[tuple[int, int, float], ...]:
    """Its evidence, of which nothing is too large for the store, whoever made it."""
    fit = [
        each for each in finding.evidence if 0 <= each[0] <= each[1] <= _MAX_OFFSET and math.isfinite(each[2])
    ]
    return tuple(sorted(fit, key=lambda each: -each[2])[:_MAX_EVIDENCE])


def _content(facts: StageFacts) -> tuple[str, ...]:
    """Nothing of texts that a detector was to read and did not: it was late, it broke, or the call ended
    before it answered."""
    decision = facts.decision
    if decision is None:
        no_rule = facts.screened is Screened.NO_RULE
        return tuple([part.text for part in facts.parts]) if no_rule else ()
    return () if decision.failed else tuple(scrub(decision, facts.parts))
