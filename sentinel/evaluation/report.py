"""What an evaluation found, as it is saved: frozen values without a text (unless texts were asked for).

Shares and estimates carry 95 % intervals. Rates are of rows: recall of those labelled 1, false alarms of
those labelled 0.
"""

from __future__ import annotations

import msgspec

from sentinel.evaluation.asking import RuleUsed
from sentinel.evaluation.calibration import Calibration
from sentinel.evaluation.intervals import Estimate, Share
from sentinel.evaluation.ranking import Figures
from sentinel.evaluation.rows import Malformed
from sentinel.evaluation.spans import Tally

FORMAT = 1
EVEN = "a score of 0.5"  # where a calibrated score says that both are as likely


class Operating(msgspec.Struct, frozen=True):
    """What calling rows bad at one point does. `threshold` is None for the rules as they are."""

    name: str
    threshold: float | None
    recall: Share
    alarms: Share
    precision: Share

    @property
    def balanced_accuracy(self) -> float:
        return (self.recall.value + 1 - self.alarms.value) / 2


class Panel(msgspec.Struct, frozen=True):
    """One question to a detector, with rows of both classes."""

    key: str
    title: str
    about: str
    rows: int
    positives: int
    figures: Figures
    operating: tuple[Operating, ...]
    roc: list[tuple[float, float]]
    precision_recall: list[tuple[float, float]]
    calibration: Calibration


class Slice(msgspec.Struct, frozen=True):
    """Some of the rows. `recall` and `alarms` are by the rules, `strict_*` at the threshold that calls 1 % of
    everyday texts bad, `balanced` is the balanced accuracy at a score of 0.5; None where there is no such
    row, rule or threshold."""

    name: str
    setting: str
    rows: int
    positives: int
    auc: Estimate | None
    recall: Share | None
    alarms: Share | None
    strict_recall: Share | None
    strict_alarms: Share | None
    balanced: float | None


class Latency(msgspec.Struct, frozen=True):
    """Microseconds: per text, and per KiB over texts that have 512 bytes with what stands around them."""

    texts: int
    p50_us: float
    p99_us: float
    long_texts: int
    kib_p50_us: float
    kib_p99_us: float


class Mistake(msgspec.Struct, frozen=True):
    """A row on the wrong side: a negative one with a high score, or a positive one with a low score."""

    place: str
    line: int
    kind: str
    score: float
    text: str = ""


class TypeResult(msgspec.Struct, frozen=True):
    """A finding type at the lowest score at which a rule acts on it, or at `score` where none does (`mode` is
    then "no rule"). `seen`: overlapping, at any score from 0.1 on; what is met there and not by the rules is
    a matter of thresholds."""

    place: str
    type: str
    score: float
    mode: str
    exact: Tally
    overlap: Tally
    seen: Tally


class SpanTotal(msgspec.Struct, frozen=True):
    """Types taken together. `level`: as the rules act, or at any score from 0.1 on. `exact` and `overlap`
    hold F1 and F2 with intervals."""

    place: str
    name: str
    level: str
    labels: int
    exact: tuple[Estimate, Estimate]
    overlap: tuple[Estimate, Estimate]


class PassedOn(msgspec.Struct, frozen=True):
    """What the data plane asked the models about: texts of all, and the share of everyday ones."""

    texts: int
    everyday: Share | None


class DetectorReport(msgspec.Struct, frozen=True):
    """Everything about one detector. `rules_mode`: enforce, shadow or none. `groups` are labelled prompts by
    the people that they speak of, `harmless` the texts of `bias` by category. `planes`: who was asked, both
    planes as a call asks them, the data plane alone or the model plane alone; "" for a detector that no model
    answers for."""

    name: str
    version: str
    area: str
    rules_mode: str
    rules: tuple[RuleUsed, ...]
    threshold: float | None
    rows: int
    failed: dict[str, int]
    panels: tuple[Panel, ...]
    sources: tuple[Slice, ...]
    kinds: tuple[Slice, ...]
    groups: tuple[Slice, ...]
    harmless: tuple[Slice, ...]
    traffic: tuple[Slice, ...]
    types: tuple[TypeResult, ...]
    totals: tuple[SpanTotal, ...]
    latency: Latency | None
    false_alarms: tuple[Mistake, ...]
    misses: tuple[Mistake, ...]
    planes: str = ""
    passed_on: PassedOn | None = None

    @property
    def title(self) -> str:
        return f"{self.name}, {self.planes}" if self.planes else self.name


class Report(msgspec.Struct, frozen=True):
    """An evaluation. `made` is a UTC time; `policy` the digest of the rules."""

    made: str
    data: str
    split: str
    limit: int | None
    policy: str
    sources: dict[str, int]
    malformed: tuple[Malformed, ...]
    skipped: tuple[str, ...]
    detectors: tuple[DetectorReport, ...]
    format: int = FORMAT


def as_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
