"""A rule: as the user writes it (RuleConfig and its parts), and compiled for the engine (Rule)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

from sentinel.core.decision import Action, Level
from sentinel.core.exchange import CallContext, Role, Stage
from sentinel.core.names import Names
from sentinel.policy.condition import Condition

ActionName = Literal["allow", "flag", "redact", "block"]
LevelName = Literal["informational", "low", "medium", "high", "critical"]
RoleName = Literal["system", "prompt", "context", "answer"]
StageName = Literal["input", "output", "both"]
OperatorName = Literal["replace", "mask", "hash", "pseudonymise"]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _as_example(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


def _joined(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(piece, str) for piece in value):
        return "".join(value)
    return value


OneOrMore = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)]),
]
JoinedText = Annotated[
    str, BeforeValidator(_joined, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)])
]
Score = Annotated[float, Strict(), Field(ge=0, le=1)]
Count = Annotated[int, Strict(), Field(ge=0, le=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class MatchConfig(_Part):
    """Which calls a rule is for. A key that is left out matches every call."""

    route: OneOrMore = Field(
        default=("*",),
        description="Upstreams by the name they have in the config: one or a list; * and ? are wildcards.",
    )
    model: OneOrMore = Field(
        default=("*",), description="Models, as the caller names them: one or a list; * and ? are wildcards."
    )
    tenant: OneOrMore = Field(
        default=("*",),
        description="Tenants, from the configured metadata key: one or a list; * and ? are wildcards, "
        'and "" is a call without a tenant.',
    )


class DetectConfig(_Part):
    """What a rule looks for: findings of one detector."""

    detector: str = Field(description="Name of the detector, for example pii or secrets.", min_length=1)
    type: OneOrMore = Field(
        default=("*",),
        description="Finding types, for example CREDIT_CARD: one or a list; * and ? are wildcards.",
    )
    score: Score = Field(
        default=0.5,
        description="Least score, 0 to 1, that a finding must have. Findings below it are ignored.",
    )


class OperatorConfig(_Part):
    """How a redact rule edits what was found."""

    name: OperatorName = Field(
        default="replace",
        description="replace: put another text in its place. mask: cover its characters. "
        "hash: put a keyed hash, the same for the same value. pseudonymise (input only): put a name such as "
        "<EMAIL_ADDRESS_1> that the model can work with, and put the value back into the answer.",
    )
    with_: str | None = Field(
        default=None,
        alias="with",
        description="replace: the text to put; by default the type, as <EMAIL_ADDRESS>.",
    )
    char: str = Field(default="*", description="mask: the character that covers.", min_length=1, max_length=1)
    keep_first: Count = Field(default=0, description="mask: how many characters at the start stay readable.")
    keep_last: Count = Field(default=0, description="mask: how many characters at the end stay readable.")


class RequestConfig(_Part):
    """The call that an example comes in."""

    route: str = Field(default="default", description="The upstream's name in the config.")
    model: str = Field(default="", description="The model, as the caller names it.")
    tenant: str = Field(default="", description="The tenant.")
    method: str = Field(
        default="/inference.GRPCInferenceService/ModelInfer",
        description="The gRPC method, /package.Service/Method.",
    )
    metadata: dict[str, str] = Field(default_factory=dict, description="Metadata, keys in lower case.")


class ExampleConfig(_Part):
    """A text that a rule must, or must not, fire on."""

    text: JoinedText = Field(
        description="The text. A list is joined without a separator, so that a key-shaped example need not "
        "stand in the file in one piece."
    )
    stage: Literal["input", "output"] | None = Field(
        default=None, description="The stage to try; by default each stage of the rule."
    )
    request: RequestConfig | None = Field(
        default=None,
        description="The call that the text comes in, for rules with match or when; without it, the rule's "
        "match is taken for granted.",
    )
    role: RoleName | None = Field(
        default=None,
        description="Who speaks; by default the rule's first role, else prompt on input, answer on output.",
    )
    question: str = Field(default="", description="What was asked, for rules about answers.")
    context: tuple[str, ...] = Field(default=(), description="The documents that the model was given.")
    system: str = Field(default="", description="The system prompt.")
    schema_: str = Field(
        default="", alias="schema", description="The JSON Schema that the answer was asked to follow."
    )
    redacted: JoinedText | None = Field(
        default=None,
        description="What this rule must make of the text (redact rules, but for hash: it needs a key).",
    )


Example = Annotated[ExampleConfig, BeforeValidator(_as_example, json_schema_input_type=str | ExampleConfig)]


class ExamplesConfig(_Part):
    """Texts that show what a rule is for; `sentinel rules test` runs them."""

    positive: tuple[Example, ...] = Field(default=(), description="Texts on which the rule must fire.")
    negative: tuple[Example, ...] = Field(default=(), description="Texts on which the rule must stay silent.")


class RuleConfig(_Part):
    """One rule: where it looks, what it looks for, what is done then."""

    id: str = Field(
        pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$",
        max_length=100,
        description="Name of the rule, unique over all files: lower-case letters, digits, and - . _ between.",
    )
    description: str = Field(default="", description="What the rule is for, for people.")
    level: LevelName = Field(
        default="medium", description="How bad it is that the rule fires (Sigma's levels)."
    )
    stage: StageName = Field(
        default="both", description="input: prompts. output: answers. both: prompts and answers."
    )
    roles: Annotated[
        tuple[RoleName, ...] | None,
        BeforeValidator(
            _as_list, json_schema_input_type=RoleName | Annotated[list[RoleName], Field(min_length=1)]
        ),
    ] = Field(default=None, min_length=1, description="Only texts of these speakers; by default all.")
    match: MatchConfig = Field(
        default=MatchConfig(), description="Which calls the rule is for; by default all."
    )
    detect: DetectConfig | None = Field(
        default=None, description="What to look for. A rule has detect, when or both."
    )
    when: str | None = Field(
        default=None,
        min_length=1,
        description="A condition in CEL over request, stage, parts and, with detect, finding and findings.",
    )
    action: ActionName = Field(
        description="What happens: allow < flag < redact < block; the strictest rule wins."
    )
    operator: Annotated[
        OperatorConfig,
        BeforeValidator(_as_named, json_schema_input_type=OperatorName | OperatorConfig),
    ] = Field(
        default=OperatorConfig(),
        description="How a redact rule edits: a name, or a mapping with its options.",
    )
    message: str = Field(
        default="",
        max_length=500,
        description="What a refused caller is told; by default a sentence that names the rule.",
    )
    mode: Literal["enforce", "shadow"] = Field(
        default="enforce",
        description="enforce: acts. shadow: is recorded as if it acted, and changes nothing.",
    )
    deadline_ms: Annotated[int, Strict(), Field(ge=1, le=60_000)] | None = Field(
        default=None,
        description="How long, in milliseconds, a message may be screened that is longer than "
        "limits.inline_chars, or about which the model plane is asked; then on_error decides. The shortest "
        "of all rules that apply holds for each.",
    )
    on_error: Literal["open", "closed"] | None = Field(
        default=None,
        description="When the rule cannot be checked (detector broken or late, call unreadable, condition "
        "failed): closed acts as if it had fired (and blocks where it would redact), open lets pass. "
        "By default closed for enforced redact and block rules, else open.",
    )
    enforce: Literal["hold", "cut"] = Field(
        default="hold",
        description="In a streamed answer, for detectors that read sentences. hold: a sentence leaves "
        "when it has been read. cut: it leaves at once, and the stream is cut when the rule fires; the "
        "record says how many characters had left.",
    )
    max_holdback_chars: Annotated[int, Strict(), Field(ge=64, le=1_000_000)] = Field(
        default=8192,
        description="In a streamed answer, how many characters may be held back for this rule; then "
        "on_stall decides. The smallest bound of all rules that hold counts.",
    )
    max_hold_ms: Annotated[int, Strict(), Field(ge=1, le=600_000)] = Field(
        default=30_000,
        description="The same in milliseconds: how long a character may be held back when the model pauses.",
    )
    on_stall: Literal["redact", "block", "release"] | None = Field(
        default=None,
        description="When such a bound strikes: redact what is held back, block the answer, or release "
        "it (which a redact or block rule may only say together with on_error: open). By default what "
        "the rule's action is.",
    )
    tags: tuple[str, ...] = Field(default=(), description="Labels for people and reports.")
    examples: ExamplesConfig = Field(
        default=ExamplesConfig(), description="Texts that `sentinel rules test` runs."
    )

    @model_validator(mode="after")
    def _no_leak_by_pausing(self) -> Self:
        if self.on_stall == "release" and self.fails_closed:
            raise ValueError(
                "on_stall: release lets out what this rule has not read: say on_error: open as well, or "
                "on_stall: redact (or block)"
            )
        return self

    @property
    def stall_action(self) -> Literal["redact", "block", "release"]:
        """What is done when a bound on held-back text strikes."""
        if self.on_stall is not None:
            return self.on_stall
        return "block" if self.action == "block" else "redact"

    @property
    def fails_closed(self) -> bool:
        if self.on_error is not None:
            return self.on_error == "closed"
        return self.mode == "enforce" and self.action in ("redact", "block")


class RuleFile(_Part):
    """A rule file."""

    description: str = Field(default="", description="What this file's rules are for, for people.")
    rules: tuple[RuleConfig, ...] = Field(description="The rules. Their order is irrelevant.")


class Rule(msgspec.Struct, frozen=True):
    """A rule, compiled. `detector` is "" for a rule that has only a condition; `roles` None means all.

    `file`, `line` and `example_lines` (for positive and negative) say where it was written.
    """

    id: str
    level: Level
    action: Action
    enforced: bool
    closed: bool
    stages: frozenset[Stage]
    route: Names
    model: Names
    tenant: Names
    roles: frozenset[Role] | None
    detector: str
    types: Names
    score: float
    condition: Condition | None
    operator: OperatorConfig
    message: str
    deadline_ms: int | None
    config: RuleConfig
    file: str = ""
    line: int = 0
    example_lines: dict[str, tuple[int, ...]] = {}

    def applies(self, stage: Stage, ctx: CallContext, *, any_model: bool = False) -> bool:
        """`any_model`: the call may be for any model, because nobody could read for which it is."""
        return (
            stage in self.stages
            and ctx.route in self.route
            and (any_model or ctx.model in self.model)
            and ctx.tenant in self.tenant
        )

    @property
    def error_action(self) -> Action:
        """What is done when the rule cannot be checked. Closed blocks where it would redact: what was not
        found cannot be covered, and must not leave."""
        if not self.closed:
            return Action.ALLOW
        return Action.BLOCK if self.action is Action.REDACT else self.action


_STAGES = {"input": {Stage.INPUT}, "output": {Stage.OUTPUT}, "both": {Stage.INPUT, Stage.OUTPUT}}


def compile_rule(
    config: RuleConfig, file: str = "", line: int = 0, example_lines: dict[str, tuple[int, ...]] | None = None
) -> Rule:
    """Raises condition.ConditionError when `when:` is not a condition."""
    return Rule(
        id=config.id,
        level=Level[config.level.upper()],
        action=Action[config.action.upper()],
        enforced=config.mode == "enforce",
        closed=config.fails_closed,
        stages=frozenset(_STAGES[config.stage]),
        route=Names(config.match.route),
        model=Names(config.match.model),
        tenant=Names(config.match.tenant),
        roles=frozenset(Role(role) for role in config.roles) if config.roles else None,
        detector=config.detect.detector if config.detect else "",
        types=Names(config.detect.type if config.detect else ()),
        score=config.detect.score if config.detect else 0.0,
        condition=Condition(config.when, has_findings=config.detect is not None) if config.when else None,
        operator=config.operator,
        message=config.message,
        deadline_ms=config.deadline_ms,
        config=config,
        file=file,
        line=line,
        example_lines=example_lines or {},
    )


_HOLDING = ("enforce", "max_holdback_chars", "max_hold_ms", "on_stall")
_DEFAULTS = {"enforce": "hold", "max_holdback_chars": 8192, "max_hold_ms": 30_000, "on_stall": ""}


def canonical(config: RuleConfig) -> dict[str, Any]:
    """What a rule does, with every default written out and without what is only for people: two rules that
    behave alike have the same canonical form."""
    content = config.model_dump(mode="json", by_alias=True, exclude={"description", "examples"})
    content["on_error"] = "closed" if config.fails_closed else "open"
    if config.action not in ("redact", "block") or config.mode == "shadow":
        holding: tuple[str, ...] = ()  # nothing is held back for such a rule
    else:
        content["on_stall"] = config.on_stall if config.on_stall not in (None, config.action) else ""
        holding = _HOLDING
    for key in _HOLDING:
        # Left out at their defaults, so that rules of a time before they were keys kept their digest.
        if key not in holding or content[key] == _DEFAULTS[key]:
            del content[key]
    content["when"] = config.when.strip() if config.when else None
    if config.action != "redact":
        del content["operator"]
    return content
