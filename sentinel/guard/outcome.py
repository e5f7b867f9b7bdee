"""What the decision about a whole streamed answer is made of, gathered while the answer passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from sentinel.core.decision import Action, Cause, Decision, RuleHit
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.inspection import joined
from sentinel.guard.gates import Bound

_STALL_ACTIONS = {"redact": Action.REDACT, "block": Action.BLOCK, "release": Action.ALLOW}
_UNREAD = "the answer ended before it was read"


class Outcome:
    """What detectors said of an answer besides findings, and the bounds that struck."""

    def __init__(self) -> None:
        self._told = Inspection()
        self._stalls: list[RuleHit] = []

    def note(self, *about: Inspection) -> None:
        """What parts of the answer add."""
        besides = [msgspec.structs.replace(each, findings=(), unsure=()) for each in about]
        self._told = joined([self._told, *besides])

    def stall(self, bound: Bound, why: str) -> Action:
        """A bound struck; what follows."""
        action = _STALL_ACTIONS[bound.outcome]
        why = f"{why}; on_stall: {bound.outcome}"
        self._stalls.append(RuleHit(bound.rule, action, bound.level, True, Cause.STALLED, why=why))
        return action

    def inspections(self, found: Iterable[Iterable[Finding]]) -> list[Inspection]:
        """Of the answer's texts, in each of which so much was found."""
        told = [Inspection(tuple(sorted(each, key=_order))) for each in found]
        if told:
            told[0] = msgspec.structs.replace(self._told, findings=told[0].findings)
        return told

    def told(self, decision: Decision, *, blocked: bool, unread: Collection[str] = ()) -> Decision:
        """The decision with the bounds that struck, with a block where a rule cut what it could not edit, and
        with the detectors that did not come to read all of the answer."""
        if unread and not blocked:
            failed = {**dict.fromkeys(sorted(unread), _UNREAD), **decision.failed}
            decision = msgspec.structs.replace(decision, failed=failed)
        if blocked and not self._stalls and decision.action is not Action.BLOCK:
            message = decision.message or f"Refused by rule {decision.rule}."
            return msgspec.structs.replace(decision, action=Action.BLOCK, message=message)
        if not self._stalls:
            return decision
        hits = sorted((*decision.hits, *self._stalls), key=lambda hit: (-hit.action, -hit.level, hit.rule))
        acting = next((hit for hit in hits if hit.enforced and hit.action is not Action.ALLOW), None)
        if acting is None or acting.action <= decision.action:
            return msgspec.structs.replace(decision, hits=tuple(hits))
        message = decision.message or f"Refused by rule {acting.rule}."
        return msgspec.structs.replace(
            decision, hits=tuple(hits), action=acting.action, rule=acting.rule, message=message
        )


def _order(finding: Finding) -> tuple[int, int, str]:
    return finding.start, finding.end, finding.type
