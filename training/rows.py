"""The labelled data as trainings read it: `DIR/area/name.jsonl.gz`, one JSON object a line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def rows(data: Path, area: str, name: str) -> Iterator[dict[str, Any]]:
    """Raises FileNotFoundError where the set is missing."""
    with gzip.open(data / area / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def names(data: Path, area: str) -> list[str]:
    return sorted(path.name.removesuffix(".jsonl.gz") for path in (data / area).glob("*.jsonl.gz"))


def texts(data: Path) -> Iterator[str]:
    """What people and models wrote in the sets that the small classifiers learn from."""
    for area in ("toxicity", "harm", "traffic"):
        for name in names(data, area):
            for row in rows(data, area, name):
                yield from (row[key] for key in ("text", "prompt", "response") if row.get(key))
