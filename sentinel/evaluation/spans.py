"""Personal data: which labelled stretches were found, type by type.

Data sets name the same thing differently, and each labels only some types. `MEANINGS` says which of our types
answer for a label; what a data set does not label is not counted against a detector there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

MEANINGS: dict[str, tuple[str, ...]] = {
    "PER": ("PERSON",),
    "PERSON": ("PERSON",),
    "PERSON_NAME": ("PERSON",),
    "LOC": ("LOCATION",),
    "GPE": ("LOCATION",),
    "LOCATION": ("LOCATION",),
    "ORG": ("ORGANIZATION",),
    "ORGANIZATION": ("ORGANIZATION",),
    "ORGANIZATION_NAME": ("ORGANIZATION",),
    "CORPORATION": ("ORGANIZATION",),
    "GROUP": ("ORGANIZATION",),
    "ADDRESS": ("STREET_ADDRESS", "ADDRESS", "LOCATION", "POSTAL_CODE"),
    "STREET_ADDRESS": ("STREET_ADDRESS", "ADDRESS", "LOCATION", "POSTAL_CODE"),
    "ZIP_CODE": ("POSTAL_CODE", "STREET_ADDRESS"),
    "DATE_OF_BIRTH": ("DATE_OF_BIRTH", "DATE_TIME"),
    "TIMESTAMP": ("DATE_TIME",),
    "DOMAIN_NAME": ("URL",),
    "IBAN": ("IBAN_CODE",),
    "SOCIAL_SECURITY_NUMBER": ("US_SSN",),
}
NAMES = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "STREET_ADDRESS"})
EVERYDAY = frozenset({"DATE_TIME", "DATE_OF_BIRTH", "URL", "NRP", "AGE"})
MATCHES = ("exact", "overlap")


class Stretch(msgspec.Struct, frozen=True, order=True, gc=False):
    """Offsets with a type: a label of the data, or a finding."""

    start: int
    end: int
    type: str


class Spanned(msgspec.Struct, frozen=True):
    """A text's labels and what was found in it: `found`, so that a rule would act, `seen` with any score."""

    place: str
    line: int
    cluster: str
    labels: tuple[Stretch, ...]
    found: tuple[Stretch, ...]
    seen: tuple[Stretch, ...] = ()


class Tally(msgspec.Struct, frozen=True):
    """`labels` stretches, of which `met` were found; `found` findings, of which `right` meet a label."""

    labels: int = 0
    met: int = 0
    found: int = 0
    right: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.labels + other.labels,
            self.met + other.met,
            self.found + other.found,
            self.right + other.right,
        )

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.met / self.labels if self.labels else 0.0

    def f(self, beta: float) -> float:
        """F-measure: recall counts `beta` times as much as precision (C. J. van Rijsbergen, 1979)."""
        precision, recall = self.precision, self.recall
        weighted = beta * beta * precision + recall
        return (1 + beta * beta) * precision * recall / weighted if weighted else 0.0


def meanings(label: str) -> tuple[str, ...]:
    """Our types that answer for a label of the data; the first is the one it is told under."""
    return MEANINGS.get(label.upper(), (label.upper(),))


def labelled_types(rows: Iterable[Spanned]) -> frozenset[str]:
    """Our types that answer for a label of these rows."""
    return frozenset(meaning for row in rows for label in row.labels for meaning in meanings(label.type))


def tallies(rows: Sequence[Spanned], match: str, labelled: frozenset[str] | None = None) -> dict[str, Tally]:
    """By type of ours, over rows of one source. `match`: one of `MATCHES`; "exact" wants the very offsets,
    "overlap" a character in common.

    A label is told under the first of its meanings; a finding under its own type, and only where the source
    labels something that the type answers for (`labelled`, where these are not all of its rows).
    """
    labelled = labelled_types(rows) if labelled is None else labelled
    meets = _MEETS[match]
    sums: dict[str, Tally] = {}
    for row in rows:
        for label in row.labels:
            answers = meanings(label.type)
            met = any(each.type in answers and meets(each, label) for each in row.found)
            sums[answers[0]] = sums.get(answers[0], Tally()) + Tally(labels=1, met=met)
        for each in row.found:
            if each.type not in labelled:
                continue
            partners = [label for label in row.labels if each.type in meanings(label.type)]
            right = next((label for label in partners if meets(each, label)), None)
            told = meanings(right.type)[0] if right is not None else each.type
            sums[told] = sums.get(told, Tally()) + Tally(found=1, right=right is not None)
    return sums


def _same(one: Stretch, other: Stretch) -> bool:
    return one.start == other.start and one.end == other.end


def _touch(one: Stretch, other: Stretch) -> bool:
    return one.start < other.end and other.start < one.end


_MEETS: dict[str, Callable[[Stretch, Stretch], bool]] = {"exact": _same, "overlap": _touch}


def total(parts: Sequence[Tally]) -> Tally:
    return sum(parts, Tally())
