"""The examples that rules carry, run: each rule alone, as if enforced, on its own texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from sentinel.core.background import Background
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.finding import Inspection
from sentinel.core.needs import Needs, everything
from sentinel.core.redact import Redactor
from sentinel.policy.engine import Selection
from sentinel.policy.operators import edit
from sentinel.policy.rule import ExampleConfig, RequestConfig, Rule
from sentinel.policy.vault import Vault

Inspect = Callable[[str, Needs, Background], Inspection]

_REDACTOR = Redactor(b"examples have no secret key", "examples")


class ExampleResult(msgspec.Struct, frozen=True):
    """One example at one stage. `number` counts from 1 within its list; `problem` is "" when it holds."""

    rule: Rule
    positive: bool
    number: int
    stage: Stage
    problem: str


def run_examples(rule: Rule, inspect: Inspect) -> Iterator[ExampleResult]:
    """Every example of a rule, at each of its stages."""
    examples = rule.config.examples
    for positive, items in ((True, examples.positive), (False, examples.negative)):
        for number, example in enumerate(items, 1):
            for stage in [Stage(example.stage)] if example.stage else sorted(rule.stages):
                problem = _problem(rule, positive, example, stage, inspect)
                yield ExampleResult(rule, positive, number, stage, problem)


def _problem(rule: Rule, positive: bool, example: ExampleConfig, stage: Stage, inspect: Inspect) -> str:
    alone = msgspec.structs.replace(rule, enforced=True)
    ctx = _context(example.request or RequestConfig())
    if example.request is not None and not rule.applies(stage, ctx):
        return "the rule's match does not fit the example's request" if positive else ""
    parts = [TextPart(_role(rule, example, stage), example.text, "example")]
    selection = Selection(stage, (alone,), "examples")
    around = Background(
        stage, parts[0].role, example.question, example.context, example.system, schema=example.schema_
    )
    inspection = inspect(example.text, everything(selection.detectors), around)
    decision = selection.decide("example", parts, [inspection], ctx, {}, 0)
    broken = next((hit.why for hit in decision.hits if hit.cause == "detector_failed"), "")
    if broken:
        return broken
    if positive and not decision.hits:
        return f"must fire and does not; {_seen(inspection)}"
    if not positive and decision.hits:
        return f"must not fire and does: {decision.hits[0].why}"
    if example.redacted is not None:
        text = edit(decision, selection, parts, Vault(), _REDACTOR)[0]
        if text != example.redacted:
            return f"becomes {text!r}, not {example.redacted!r}"
    return ""


def _context(request: RequestConfig) -> CallContext:
    return CallContext(request.method, request.route, request.model, request.tenant, request.metadata)


def _role(rule: Rule, example: ExampleConfig, stage: Stage) -> Role:
    if example.role is not None:
        return Role(example.role)
    usual = Role.PROMPT if stage is Stage.INPUT else Role.ANSWER
    if rule.config.roles and usual not in rule.config.roles:
        return Role(rule.config.roles[0])
    return usual


def _seen(inspection: Inspection) -> str:
    if not inspection.findings:
        return "its detector finds nothing"
    seen = (f"{finding.type} with score {finding.score:.2f}" for finding in inspection.findings)
    return f"found were {', '.join(seen)}"
