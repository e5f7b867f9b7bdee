"""Where a shipped classifier's answer is not certain: a setting that its detectors share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class UnsureBand(BaseModel):
    """Scores between the two bounds are unsure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unsure_from: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Scores from here on are unsure: a larger model, if there is one, is asked.",
    )
    unsure_to: float = Field(default=0.9, ge=0, le=1, description="Scores above are sure.")
