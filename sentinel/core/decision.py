"""What the policy decided about one half of an exchange, and why."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding


class Action(IntEnum):
    """What happens to a message, mildest first: the strictest action of all rules that fired wins."""

    ALLOW = 0
    FLAG = 1
    REDACT = 2
    BLOCK = 3

    @property
    def label(self) -> str:
        return _ACTIONS[self]


class Level(IntEnum):
    """How bad it is that a rule fires (Sigma's levels)."""

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        return _LEVELS[self]


# An enum member's `name` costs a descriptor call each time, and every call asks for labels.
_ACTIONS = tuple(action.name.lower() for action in Action)
_LEVELS = tuple(level.name.lower() for level in Level)


class Cause(StrEnum):
    """Why a rule fired."""

    FINDING = "finding"
    CONDITION = "condition"  # a rule without detector whose `when:` held
    DETECTOR_FAILED = "detector_failed"  # broken or late: the rule's `on_error: closed` acted
    STALLED = "stalled"  # a bound on held-back text struck: the rule's `on_stall` acted
    UNSCREENABLE = "unscreenable"  # the call could not be read: the rule's `on_error: closed` acted


class RuleHit(msgspec.Struct, frozen=True, gc=False):
    """One rule that fired. `findings` are indices into the decision's findings.

    A hit of a shadow rule (`enforced` false) is told and recorded and never changes the outcome.
    """

    rule: str
    action: Action
    level: Level
    enforced: bool
    cause: Cause
    findings: tuple[int, ...] = ()
    threshold: float = 0.0
    why: str = ""


class Decision(msgspec.Struct, frozen=True):
    """The outcome for one stage of an exchange.

    `action` is the strictest of the enforced hits, `rule` the id of the hit that decided ("" when allowed).
    `hits` are ordered strictest first, so the reason reads from the top. `policy` is the digest of the rules
    in force, `detectors` the version of each detector that was asked. `message` is what a refused caller is
    told; it never holds text of the exchange.
    """

    decision_id: str
    stage: Stage
    action: Action
    policy: str
    rule: str = ""
    message: str = ""
    hits: tuple[RuleHit, ...] = ()
    findings: tuple[Finding, ...] = ()
    scores: dict[str, float] = {}
    detectors: dict[str, str] = {}
    failed: dict[str, str] = {}
    elapsed_us: int = 0
