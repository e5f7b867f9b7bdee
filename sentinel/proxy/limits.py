"""Bounds of the data plane, each with a stated behaviour when it strikes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1024 * 1024


class LimitsConfig(BaseModel):
    """`limits:`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_concurrent_calls: int = Field(
        4096,
        ge=1,
        description="Calls in flight in one worker; one more gets RESOURCE_EXHAUSTED (HTTP: 429).",
    )
    max_message_bytes: int = Field(
        128 * _MIB,
        ge=1024,
        description="Largest message either way, bytes; a larger one gets RESOURCE_EXHAUSTED (HTTP: 413, or "
        "502 for an answer that is screened).",
    )
    max_metadata_bytes: int = Field(
        16 * 1024, ge=1024, description="Largest metadata of a call, bytes; more is refused by the transport."
    )
    inline_chars: int = Field(
        32_768,
        ge=0,
        description="More text than this in a message (an eighth of it where classifiers read it too) is "
        "screened on a thread, so that no other call waits.",
    )
    max_text_chars: int = Field(
        4_000_000,
        ge=1024,
        description="Messages with more text than this count as unscreenable: each rule's on_error decides.",
    )


class KeepaliveConfig(BaseModel):
    """`keepalive:`, for connections on both sides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_s: float = Field(30.0, gt=0, description="Ping a connection that was silent for so long, seconds.")
    timeout_s: float = Field(
        10.0, gt=0, description="Close it when the ping is unanswered for so long, seconds."
    )


def channel_options(limits: LimitsConfig, keepalive: KeepaliveConfig) -> list[tuple[str, Any]]:
    """gRPC channel arguments that hold for the server and the upstream channel alike."""
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        ("grpc.max_send_message_length", limits.max_message_bytes),
        ("grpc.max_metadata_size", limits.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", 2 * limits.max_metadata_bytes),
        ("grpc.keepalive_time_ms", int(keepalive.time_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(keepalive.timeout_s * 1000)),
        # gRPC's own limit for any ping is a minute, and it outlasts the keepalive timeout.
        ("grpc.http2.ping_timeout_ms", int(keepalive.timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # A fixed window instead of one that grows with the measured bandwidth: on a fast link that came to
        # tens of MiB held for each slow reader. One MiB does not slow the short links to our neighbours.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _MIB),
    ]
