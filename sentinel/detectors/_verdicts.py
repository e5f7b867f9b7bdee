"""What validators share: their answer, and the small questions that many of them ask."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sentinel.detectors._recognizers import Recognizer

Verdict = bool | None


def bare_of(text: str, recognizer: Recognizer) -> str:
    """The text without the separators that its recognizer ignores."""
    for old, new in recognizer.replacement_pairs:
        text = text.replace(old, new)
    return text


def digits_of(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def unless(invalid: bool) -> Verdict:
    """Presidio's `invalidate_result`: it can only reject."""
    return False if invalid else None


def today() -> date:
    return datetime.now(UTC).date()


def is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
