"""`sentinel rules`: check rule files, run their examples, explain what they make of a text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from sentinel.cli._asking import Asking
from sentinel.cli._policy import policy_of
from sentinel.cli._strange_types import strange_types
from sentinel.config import SentinelConfig, load_config
from sentinel.core.background import Background
from sentinel.core.decision import Decision, RuleHit
from sentinel.core.errors import ConfigError, ConfigErrors
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import everything
from sentinel.core.redact import Redactor
from sentinel.policy.engine import Policy, Selection
from sentinel.policy.examples import ExampleResult, run_examples
from sentinel.policy.operators import edit
from sentinel.policy.schema import rules_schema
from sentinel.policy.vault import Vault

app = typer.Typer(help="Check, test and explain rules.", no_args_is_help=True)

Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Rule files or folders; by default those of the configuration."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file (default: the built-in defaults)."),
]


@app.command()
def check(paths: Paths = None, config: Config = None) -> None:
    """Read rules and tell every mistake with file, line and key. Exit status 1 when there is one."""
    settings = load_config(config)
    policy = _load(paths, settings, config)
    try:
        for warning in strange_types(policy, settings):
            print(warning, file=sys.stderr)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    enforced = sum(rule.enforced for rule in policy.rules)
    shadow = len(policy.rules) - enforced
    print(f"{len(policy.rules)} rules ({enforced} enforced, {shadow} in shadow), policy {policy.digest[:16]}")


@app.command()
def test(paths: Paths = None, config: Config = None) -> None:
    """Run the examples of rules through the real detectors and models. Exit status 1 when one fails."""
    settings = load_config(config)
    policy = _load(paths, settings, config)
    asking = Asking(policy, settings)
    results: list[ExampleResult] = []
    progress = Console(stderr=True)
    for rule in track(
        policy.rules, "Rules", console=progress, transient=True, disable=not progress.is_terminal
    ):
        results += run_examples(rule, asking.inspect)
    failures = [result for result in results if result.problem]
    bare = [rule.id for rule in policy.rules if not rule.config.examples.positive]
    if failures:
        _out().print(_failure_table(failures))
    if bare:
        print(f"without a positive example: {', '.join(bare)}")
    print(f"{len(policy.rules)} rules, {len(results)} examples, {len(failures)} failed")
    raise typer.Exit(1 if failures else 0)


@app.command()
def explain(
    text: Annotated[str, typer.Argument(help="The text, or - to read it from standard input.")],
    stage: Annotated[Stage, typer.Option(help="Which half of the exchange it is.")] = Stage.INPUT,
    rules: Annotated[
        list[Path] | None, typer.Option(help="Rule files or folders; by default those of the configuration.")
    ] = None,
    config: Config = None,
    role: Annotated[
        Role | None, typer.Option(help="Who speaks; by default prompt on input, answer on output.")
    ] = None,
    route: Annotated[str, typer.Option(help="The upstream's name.")] = "default",
    model: Annotated[str, typer.Option(help="The model.")] = "",
    tenant: Annotated[str, typer.Option(help="The tenant.")] = "",
    method: Annotated[
        str, typer.Option(help="The gRPC method.")
    ] = "/inference.GRPCInferenceService/ModelInfer",
    question: Annotated[str, typer.Option(help="What was asked, beside an answer or a document.")] = "",
    context: Annotated[
        list[str] | None, typer.Option(help="A document of the request; may be given several times.")
    ] = None,
    system: Annotated[str, typer.Option(help="The system prompt of the request.")] = "",
    schema: Annotated[str, typer.Option(help="The JSON Schema that the answer was to follow.")] = "",
) -> None:
    """Show which rules fire on a text and why, and what becomes of it."""
    settings = load_config(config)
    policy = _load(rules, settings, config)
    if text == "-":
        text = sys.stdin.read()
    ctx = CallContext(method, route, model, tenant)
    selection = policy.select(stage, ctx)
    asking = Asking(policy, settings)
    # Everything that they find, so that what no rule acts on can be told as well.
    speaker = role or (Role.PROMPT if stage is Stage.INPUT else Role.ANSWER)
    background = Background(stage, speaker, question, tuple(context or ()), system, schema=schema)
    inspection = asking.inspect(text, everything(selection.detectors), background)
    parts = [TextPart(speaker, text, "text")]
    decision = selection.decide("explain", parts, [inspection], ctx, asking.versions, 0)
    _print_decision(decision, selection, text)
    if inspection.scores:
        told = (f"{name} {score:.2f}" for name, score in sorted(inspection.scores.items()))
        print(f"scores: {', '.join(told)}")
    _print_ignored(decision, selection, inspection)
    if selection.edits:
        after = edit(decision, selection, parts, Vault(), Redactor(b"explain", "explain"))[0]
        if after != text:
            print(f"becomes:\n{after}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    print(rules_schema(), end="")


def _load(paths: list[Path] | None, settings: SentinelConfig, config: Path | None) -> Policy:
    try:
        return policy_of(paths, settings, config)
    except ConfigErrors as error:
        mistakes = error.errors
    except ConfigError as error:
        mistakes = [error]
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    print(f"{len(mistakes)} mistake{'s' * (len(mistakes) != 1)}", file=sys.stderr)
    raise typer.Exit(1)


def _out() -> Console:
    """A pipe gets whole lines, whatever the width of the terminal that rich guesses."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _failure_table(failures: list[ExampleResult]) -> Table:
    table = Table("rule", "example", "stage", "what is wrong", "where")
    for result in failures:
        rule = result.rule
        sign = "positive" if result.positive else "negative"
        lines = rule.example_lines[sign]
        where = f"{rule.file}:{lines[result.number - 1]}"
        cells = (rule.id, f"{sign} {result.number}", result.stage, result.problem, where)
        table.add_row(*(escape(cell) for cell in cells))
    return table


def _print_decision(decision: Decision, selection: Selection, text: str) -> None:
    print(f"action: {decision.action.label}" + (f" (rule {decision.rule})" if decision.rule else ""))
    if decision.message:
        print(f"message: {decision.message}")
    print(f"policy: {decision.policy[:16]}, {len(selection.rules)} rules apply")
    if not decision.hits:
        return
    table = Table(
        "rule", "action", "level", "detector", "type", "offsets", "score", "threshold", "text", "why", "by"
    )
    for hit in decision.hits:
        action = hit.action.label if hit.enforced else f"{hit.action.label} (shadow)"
        shared = (hit.rule, action, hit.level.label)
        for finding in [decision.findings[index] for index in hit.findings]:
            table.add_row(*shared, *_finding_cells(finding, hit, text))
        if not hit.findings:
            table.add_row(*shared, "", "", "", "", "", "", escape(hit.why), "")
    _out().print(table)


def _finding_cells(finding: Finding, hit: RuleHit, text: str) -> tuple[str, ...]:
    return (
        finding.detector,
        finding.type,
        f"{finding.start}-{finding.end}",
        f"{finding.score:.2f}",
        f"{hit.threshold:.2f}",
        escape(text[finding.start : finding.end]),
        escape(finding.why or hit.why),
        escape(" | ".join(text[start:end] for start, end, _ in finding.evidence)),
    )


def _print_ignored(decision: Decision, selection: Selection, inspection: Inspection) -> None:
    """What was found and no rule acted on, and why not."""
    used = {(f.detector, f.type, f.start, f.end) for f in decision.findings}
    for found in inspection.findings:
        if (found.detector, found.type, found.start, found.end) not in used:
            place = f"{found.start}-{found.end} with score {found.score:.2f}"
            what = f"{found.type} of {found.detector} at {place}"
            print(f"ignored: {what}: {_why_ignored(found, selection)}")


def _why_ignored(found: Finding, selection: Selection) -> str:
    wanting = [
        rule for rule in selection.rules if rule.detector == found.detector and found.type in rule.types
    ]
    if not wanting:
        return f"no rule asks {found.detector} for it"
    least = min(wanting, key=lambda rule: rule.score)
    if found.score < least.score:
        return f"below {least.score:.2f}, the least score of rule {least.id}"
    return f"rule {least.id} does not fire (roles or when)"
