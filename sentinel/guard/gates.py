"""What the rules of one selection mean for an answer that comes as a stream: which of them hold its text
back, how far, and what happens at the bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from sentinel.core.decision import Action, Level
from sentinel.core.needs import Needs
from sentinel.detectors.detector_set import Scope
from sentinel.policy.engine import Selection
from sentinel.policy.rule import Rule

Outcome = Literal["redact", "block", "release"]
_STRICTNESS: dict[Outcome, int] = {"release": 0, "redact": 1, "block": 2}


class Bound(msgspec.Struct, frozen=True):
    """At `limit` (characters or milliseconds) of held-back text `outcome` follows, in the name of `rule`."""

    limit: int
    outcome: Outcome
    rule: str
    level: Level


class Gates(msgspec.Struct, frozen=True):
    """`every` rule of a stage, sorted by when it can be answered.

    `token` rules decide about each finding as it is certain, and hold back what may still become one (or the
    sentence that its detector has not read). `cut` rules hold nothing and cut the answer when one fires.
    `whole` rules act only on a complete answer (their condition reads all findings, or their detector the
    whole text), so they hold all of it. `rest` changes nothing and is asked when the answer is complete. A
    bound is None where nothing is held.
    """

    every: Selection
    token: Selection
    cut: Selection
    whole: Selection
    rest: Selection
    chars: Bound | None
    milliseconds: Bound | None


def gates_of(selection: Selection, scopes: Callable[[Needs], frozenset[Scope]]) -> Gates:
    """Sort the rules of a selection; `scopes` tells how much of a text must be seen to find something."""
    token: list[Rule] = []
    cut: list[Rule] = []
    whole: list[Rule] = []
    rest: list[Rule] = []
    for rule in selection.rules:
        seen = scopes(selection.narrowed([rule]).needs)
        if not rule.enforced or rule.action < Action.REDACT:
            rest.append(rule)
        elif rule.config.enforce == "cut" and "sentence" in seen and "token" not in seen:
            cut.append(rule)
        elif rule.detector and "text" not in seen and _by_finding(rule):
            token.append(rule)
        else:
            whole.append(rule)
    holding = token + whole
    return Gates(
        every=selection,
        token=selection.narrowed(token),
        cut=selection.narrowed(cut),
        whole=selection.narrowed(whole),
        rest=selection.narrowed(rest),
        chars=_bound([(rule.config.max_holdback_chars, rule) for rule in holding]),
        milliseconds=_bound([(rule.config.max_hold_ms, rule) for rule in holding]),
    )


def _by_finding(rule: Rule) -> bool:
    """Whether each finding decides for itself, whatever else the answer holds."""
    condition = rule.condition
    return condition is None or not (condition.reads_findings or condition.reads_parts)


def _bound(limits: list[tuple[int, Rule]]) -> Bound | None:
    """The smallest, and at equal bounds the strictest outcome."""
    if not limits:
        return None
    limit, rule = min(
        limits, key=lambda pair: (pair[0], -_STRICTNESS[pair[1].config.stall_action], pair[1].id)
    )
    return Bound(limit, rule.config.stall_action, rule.id, rule.level)
