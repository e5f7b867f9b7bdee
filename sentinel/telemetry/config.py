"""What a user can set about the exporter."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ExporterConfig(BaseModel):
    """How records go from the spool into the store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        default=True,
        description="Whether `sentinel serve` runs the exporter. Without it records stay in the spool, for "
        "an exporter that runs elsewhere on the same folder.",
    )
    batch_records: int = Field(
        default=5000, ge=1, le=100_000, description="Most records that go into the store in one insert."
    )
    batch_bytes: int = Field(
        default=32 << 20, ge=1 << 20, description="Most bytes of encoded records that one insert may hold."
    )
    linger_seconds: float = Field(
        default=1.0,
        ge=0,
        description="How long records of a busy system may wait for an insert to fill up. A quiet system's "
        "first record goes out at once.",
    )
    poll_seconds: float = Field(
        default=0.2, gt=0, description="How often the spool is looked at while nothing waits in it."
    )
    retry_seconds: float = Field(
        default=0.2, gt=0, description="First wait after the store refused or was away; doubles each time."
    )
    retry_max_seconds: float = Field(default=30.0, gt=0, description="Longest wait between two attempts.")
    drain_seconds: float = Field(
        default=10.0, ge=0, description="How long a stopping exporter goes on emptying the spool."
    )
    remember_exchanges: int = Field(
        default=200_000,
        ge=0,
        description="How many exchange ids are remembered, so that an exchange recorded twice is one row.",
    )
    quarantine_max_bytes: int = Field(
        default=256 << 20,
        ge=1 << 20,
        description="Bound of the quarantine directory. At the bound its oldest files go, with a count.",
    )
    service_name: str = Field(default="sentinel", description="`service.name` of the spans.")
    semantic_conventions: Literal["1.36", "1.38"] = Field(
        default="1.38",
        description="Version of OpenTelemetry's GenAI conventions whose names the spans use.",
    )
