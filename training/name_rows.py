"""Rows for the name model: the labelled sets with one set of labels, and what is made of them.

One rule for @mentions: none is a name. Who is meant by a handle, a person or a company, is mostly not to be
seen (one of the sets tags them, another does not), so spans that are mentions are dropped everywhere.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

from sentinel.detectors._name_words import WORDS
from sentinel.evaluation import split

TYPES = ("PERSON", "LOCATION", "ORGANIZATION")
LABELS = ("O", *(f"{mark}-{type_}" for type_ in TYPES for mark in "BI"))
SKIP = -1  # the loss does not look at such a word
REAL = ("wnut17", "btc_twitter", "wikigold")
MADE = ("presidio_synth_v2", "presidio_generated_large", "pii_anon_formats")
ORIGINS = (*((name,) for name in REAL), ("presidio_synth_v2", "presidio_generated_large"), MADE[2:])
"""Sources that are left out of training together, because the same templates made them."""
_MEANT = {
    **dict.fromkeys(("PER", "person", "PERSON", "PERSON_NAME"), "PERSON"),
    **dict.fromkeys(("LOC", "location", "LOCATION", "GPE"), "LOCATION"),
    **dict.fromkeys(("ORG", "corporation", "group", "ORGANIZATION", "ORGANIZATION_NAME"), "ORGANIZATION"),
    **dict.fromkeys(("ADDRESS", "STREET_ADDRESS", "TITLE", "ZIP_CODE"), "?"),
}
Span = tuple[int, int, str]


class Row:
    """A text with its spans (start, end, type; type `?` is not looked at)."""

    __slots__ = ("cluster", "source", "spans", "text")

    def __init__(self, text: str, spans: list[Span], source: str = "", cluster: str = "") -> None:
        self.text, self.spans, self.source, self.cluster = text, spans, source, cluster

    def words(self) -> tuple[list[str], list[int]]:
        """Its words with their labels."""
        words, labels = [], []
        for match in WORDS.finditer(self.text):
            label, (at, end) = 0, match.span()
            for start, stop, type_ in self.spans:
                if at < stop and end > start:
                    if type_ == "?":
                        label = SKIP
                    else:
                        first = at <= start or not self.text[start:at].strip()
                        label = 1 + 2 * TYPES.index(type_) + (not first)
                    break
            words.append(match.group())
            labels.append(label)
        return words, labels


def read(folder: Path, name: str) -> Iterator[Row]:
    with gzip.open(folder / "pii" / f"{name}.jsonl.gz", "rt") as lines:
        for line in lines:
            raw = json.loads(line)
            text: str = raw["text"]
            spans = []
            for span in raw["spans"]:
                start, end, type_ = span["start"], span["end"], _MEANT.get(span["type"])
                mention = text[start] == "@" or text[max(0, start - 1)] == "@"
                if type_ and not mention:
                    spans.append((start, end, type_))
            yield Row(text, sorted(spans), name, raw["cluster"])


def held_out(cluster: str) -> bool:
    """A fifth of the clusters: for testing only."""
    return split.held_out(cluster, split.PII)


def _recased(row: Row, case: str) -> Row | None:
    text = getattr(row.text, case)()
    return Row(text, row.spans, row.source) if len(text) == len(row.text) else None


def _edited(row: Row, edits: list[tuple[int, int, str]]) -> Row:
    """With stretches replaced; spans that end at or begin behind an edit move along."""
    spans, text = list(row.spans), row.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
        by = len(new) - (end - start)
        spans = [(a + by if a >= end else a, b + by if b >= end else b, t) for a, b, t in spans]
    return Row(text, spans, row.source)


def augmented(row: Row, chance: random.Random) -> Row:
    """The row as somebody else might have typed it."""
    pick = chance.random()
    if pick < 0.10:
        return _recased(row, "lower") or row
    if pick < 0.13:
        return _recased(row, "upper") or row
    if pick < 0.17:  # only names in lower case: hasty chat
        text = row.text
        for start, end, _ in row.spans:
            low = text[start:end].lower()
            text = text[:start] + low + text[end:] if len(low) == end - start else text
        return Row(text, row.spans, row.source)
    people = [span for span in row.spans if span[2] == "PERSON"]
    if people and pick < 0.22:
        start, _, _ = chance.choice(people)
        title = chance.choice(("Dr. ", "Mr. ", "Mrs ", "Prof. ", "Ms. ", "dr ", "Herr ", "Judge ", "Señora "))
        return _edited(row, [(start, start, title)])
    if row.spans and pick < 0.27:
        _, end, type_ = chance.choice(row.spans)
        if type_ != "?" and row.text[end : end + 1] in (" ", ""):
            text = row.text[:end] + "'s" + row.text[end:]
            return Row(
                text, [(a + 2 if a >= end else a, b + 2 if b > end else b, t) for a, b, t in row.spans]
            )
    return row
