"""Where an answer is not certain: settings that the detectors which score texts share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.inspection import partly

Share = Annotated[float, Field(ge=0, le=1)]
From = Annotated[
    Share, Field(description="Scores from here on are unsure: a larger model, if there is one, is asked.")
]
To = Annotated[Share, Field(description="Scores above are sure.")]


class UnsureBand(BaseModel):
    """Scores between the two bounds are unsure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unsure_from: From = 0.2
    unsure_to: To = 0.9

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        check_order(self.unsure_from, self.unsure_to, "`unsure_from`", "`unsure_to`")
        return self

    def inspection(
        self, detector: str, findings: Sequence[Finding], score: float, *, cut: bool = False
    ) -> Inspection:
        """The answer about a text that is as bad as `score` says; `cut`: of which only a part was read. Then
        a low score is unsure too, and a high one stays sure, for the rest of a text makes it no better."""
        unsure = score <= self.unsure_to and (cut or score >= self.unsure_from)
        answer = Inspection(tuple(findings), {detector: score}, {}, (detector,) if unsure else ())
        return partly(answer, detector) if cut else answer


def check_order(low: float, high: float, first: str, second: str) -> None:
    """Raises ValueError where no score can lie between the two bounds, named `first` and `second`."""
    if low > high:
        raise ValueError(f"{first} is {low:g}, above {second}, {high:g}: lower the one or raise the other")
