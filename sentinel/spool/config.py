"""What a user can set about the spool."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SpoolConfig(BaseModel):
    """The disk queue that records wait in until the store has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sync: Literal["process", "power"] = Field(
        default="process",
        description=(
            "What a record survives once its call is answered: `process` the death of Sentinel (written to "
            "the file), `power` also a power loss (group commit with fdatasync; calls wait for the disk)."
        ),
    )
    max_bytes: int = Field(
        default=1 << 30,
        ge=1 << 20,
        description=(
            "Bound of the whole spool directory in bytes, all workers together. Each worker measures it once "
            "a second, so it may be passed by what the other workers write within a second."
        ),
    )
    on_full: Literal["reject", "drop_oldest"] = Field(
        default="reject",
        description=(
            "What happens at the bound, and when the disk is full: `reject` refuses calls with "
            "RESOURCE_EXHAUSTED, `drop_oldest` deletes the oldest waiting records and counts them."
        ),
    )
    segment_bytes: int = Field(
        default=8 << 20,
        ge=64 << 10,
        description="Size in bytes at which a spool file is closed and the next one begun.",
    )
    segment_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Age in seconds at which a spool file is closed and the next one begun.",
    )

    @model_validator(mode="after")
    def _segments_fit(self) -> Self:
        if self.segment_bytes * 4 > self.max_bytes:
            raise ValueError(
                f"segment_bytes ({self.segment_bytes}) must be at most a quarter of "
                f"max_bytes ({self.max_bytes})"
            )
        return self
