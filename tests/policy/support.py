"""Short forms for tests of the policy: rules as YAML, findings and texts in one line each."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from sentinel.core.decision import Decision
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.redact import Redactor
from sentinel.policy.engine import Policy
from sentinel.policy.load import load_policy

KNOWN = ("pii", "secrets")
CTX = CallContext("/inference.GRPCInferenceService/ModelInfer", model="tiny", tenant="acme")
REDACTOR = Redactor(b"a key for tests", "t1")
VERSIONS = {"pii": "1", "secrets": "2", "other": "3"}


def policy_of(folder: Path, rules: str) -> Policy:
    """`rules` is what stands under `rules:` in the file."""
    file = folder / "rules.yaml"
    file.write_text("rules:\n" + dedent(rules), encoding="utf-8")
    return load_policy([file], KNOWN)


def mail(start: int = 0, end: int = 4, score: float = 1.0, part: int = 0) -> Finding:
    return Finding("pii", "EMAIL_ADDRESS", start, end, score, part=part)


def card(start: int = 0, end: int = 4, score: float = 1.0, part: int = 0) -> Finding:
    return Finding("pii", "CREDIT_CARD", start, end, score, part=part)


def texts(*values: str, role: Role = Role.PROMPT) -> list[TextPart]:
    return [TextPart(role, value, f"text[{index}]") for index, value in enumerate(values)]


def decide(
    policy: Policy,
    *findings: Finding,
    stage: Stage = Stage.INPUT,
    ctx: CallContext = CTX,
    failed: dict[str, str] | None = None,
    role: Role = Role.PROMPT,
) -> Decision:
    """The decision about one text of 100 characters."""
    inspection = Inspection(findings, failed=failed or {})
    selection = policy.select(stage, ctx)
    return selection.decide("d1", texts("x" * 100, role=role), [inspection], ctx, VERSIONS, 7)


def outline(decision: Decision) -> list[tuple[str, str, bool, str]]:
    """The hits: rule, action, enforced, cause."""
    return [(hit.rule, hit.action.label, hit.enforced, str(hit.cause)) for hit in decision.hits]
