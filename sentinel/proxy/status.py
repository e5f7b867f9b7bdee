"""A refusal as an honest gRPC error: a status code, a message without text of the exchange, and
google.rpc.ErrorInfo details that name the decision and the rule (https://google.aip.dev/193)."""

from __future__ import annotations

from typing import Literal

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.decision import Decision
from sentinel.proxy.forward import End
from sentinel.proxy.metadata import Metadata

DOMAIN = "sentinel"
Code = Literal[
    "PERMISSION_DENIED", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "ABORTED", "UNAVAILABLE", "OUT_OF_RANGE"
]


class RefusalConfig(BaseModel):
    """`refusal:`, what a caller sees when a rule blocks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt_code: Code = Field("PERMISSION_DENIED", description="Status of a blocked prompt.")
    answer_code: Code = Field("PERMISSION_DENIED", description="Status of a blocked answer (answer: error).")
    http_status: int = Field(
        403,
        ge=400,
        le=499,
        description="HTTP status of a blocked prompt, and of a blocked answer (answer: error).",
    )
    answer: Literal["error", "replace"] = Field(
        "error", description="A blocked answer becomes an error, or is replaced by the rule's message."
    )


def details(decision: Decision, exchange_id: str, code: grpc.StatusCode) -> bytes:
    """The serialised google.rpc.Status for `grpc-status-details-bin`."""
    info = error_details_pb2.ErrorInfo(
        reason="BLOCKED_BY_RULE",
        domain=DOMAIN,
        metadata={
            "decision_id": decision.decision_id,
            "exchange_id": exchange_id,
            "rule": decision.rule,
            "stage": decision.stage,
            "policy": decision.policy,
        },
    )
    packed = any_pb2.Any()
    packed.Pack(info)
    status = status_pb2.Status(code=code.value[0], message=decision.message, details=[packed])
    return bytes(status.SerializeToString())


_DETAILS = "grpc-status-details-bin"


def retold(end: End, told: str) -> End:
    """The end in these words. Other words than its own take the status in binary form, which repeats those,
    from the trailers."""
    if told == end.details:
        return end
    return End(end.code, told, tuple((key, value) for key, value in end.trailers if key != _DETAILS))


def refusal_trailers(decision: Decision, exchange_id: str, code: grpc.StatusCode) -> Metadata:
    """Trailing metadata of a refused call."""
    return (
        (_DETAILS, details(decision, exchange_id, code)),
        *decision_trailers(decision, exchange_id),
    )


def decision_trailers(decision: Decision | None, exchange_id: str) -> Metadata:
    """Trailing metadata of every call that was read: which record it has, and what was decided."""
    if decision is None:
        return (("sentinel-exchange-id", exchange_id),)
    return (
        ("sentinel-exchange-id", exchange_id),
        ("sentinel-decision-id", decision.decision_id),
        ("sentinel-action", decision.action.label),
    )
