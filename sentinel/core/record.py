"""What is kept of an exchange. A Record holds no text of the exchange unless content is switched on, and then
only text that was redacted; a matched value is a keyed hash.

One exchange has one row. A call that is answered in one message writes one FINAL record. A stream writes an
OPEN record before its first byte leaves, an EDIT record with the findings of each edit before the edited text
leaves, and a FINAL one, which says everything again, before its trailers; recovery turns an OPEN record whose
writer died, with its EDITs, into a FINAL one with `outcome = interrupted`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Phase(StrEnum):
    OPEN = "open"
    EDIT = "edit"  # findings that were about to edit a stream: they belong to the exchange's OPEN record
    FINAL = "final"


class Outcome(StrEnum):
    """How the exchange ended for the caller."""

    ANSWERED = "answered"
    REFUSED = "refused"  # by a rule
    REJECTED = "rejected"  # by a limit of ours, or a message that could not be read
    UPSTREAM_ERROR = "upstream_error"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    INTERRUPTED = "interrupted"  # the worker died


class Screened(StrEnum):
    """Whether a stage was read by the rules. Only `YES` may be called screened."""

    YES = "yes"
    PARTLY = "partly"  # the texts were read, and beside them stood bytes that are no text (pictures, sound)
    NO_RULE = "no_rule"  # no rule asks for this stage here
    UNKNOWN_METHOD = "unknown_method"
    STREAM = "stream"  # a stream that no screener reads
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"  # more text than limits.max_text_chars
    NOT_REACHED = "not_reached"  # the exchange ended before this stage


class FindingRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A finding as it is kept. `value_hmac` is `<key id>:<hex>` of the canonical value, `evidence` the
    stretches (start, end, weight) that contributed most, at most five, strongest first: offsets, no text."""

    stage: str
    part: int
    path: str
    role: str
    detector: str
    type: str
    start: int
    end: int
    score: float
    rule: str = ""
    action: str = ""
    level: str = ""
    enforced: bool = True
    threshold: float = 0.0
    value_hmac: str = ""
    why: str = ""
    evidence: tuple[tuple[int, int, float], ...] = ()


class DecisionRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision as it is kept: one per screened stage. `hits` hold (rule, action, enforced, cause, why)."""

    decision_id: str
    stage: str
    action: str
    rule: str = ""
    hits: tuple[tuple[str, str, bool, str, str], ...] = ()
    failed: dict[str, str] = {}
    scores: dict[str, float] = {}
    elapsed_us: int = 0


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One exchange. Times are nanoseconds since the Unix epoch, durations in the unit of their suffix.

    `action` is the strictest action over both stages and `rule` the rule that decided it. `detectors` holds
    the version of each detector that was asked, in either stage. `grpc_code` is the
    status that the caller saw: gRPC's name of it, or the number of HTTP's (499: the caller left before it).
    `upstream_ns` is the time spent waiting for the model (0: not reached), `screen_us` the time that
    screening took. `released_chars` counts output characters that left before an interruption or a cut.
    `finding_count` counts every finding that a rule hit; `findings` holds the first 1,000 of each stage.
    """

    exchange_id: str
    phase: Phase
    outcome: Outcome
    started_ns: int
    trace_id: str
    server_span: str
    client_span: str
    protocol: str
    method: str
    route: str
    ended_ns: int = 0
    parent_span: str = ""
    trace_state: str = ""
    trace_flags: str = "01"
    model: str = ""
    tenant: str = ""
    upstream: str = ""
    response_id: str = ""
    streaming: bool = False
    grpc_code: str = "OK"
    error_type: str = ""
    action: str = "allow"
    rule: str = ""
    policy: str = ""
    detectors: dict[str, str] = {}
    input_screened: Screened = Screened.NOT_REACHED
    output_screened: Screened = Screened.NOT_REACHED
    input_chars: int = 0
    output_chars: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    upstream_ns: int = 0
    screen_us: int = 0
    released_chars: int = 0
    worker: str = ""
    decisions: tuple[DecisionRow, ...] = ()
    finding_count: int = 0
    findings: tuple[FindingRow, ...] = ()
    input_content: tuple[str, ...] = ()
    output_content: tuple[str, ...] = ()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """The spool's form of a record (MessagePack map: fields may be added with defaults, never renamed)."""
    return _encoder.encode(record)


def decode(data: bytes) -> Record:
    """Read what `encode` wrote. Raises msgspec.DecodeError on anything else."""
    return _decoder.decode(data)
