"""What the benchmarks of whole calls share: the calls, the turns of the two sides, and the table."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bench.programs import Load

PROSE = (
    "Please summarise the minutes of our meeting about the new warehouse. The team agreed to move the "
    "opening to the second week of spring, because the shelves arrive late, and asked about the dock. "
)
WITH_FINDING = "You can write to jane.doe@example.com about it. "
HEAD = ["request", "in flight", "forwarder calls/s", "Sentinel calls/s", "ratio", "added p50", "added p99"]


class Pair(NamedTuple):
    """One kind of call through the bare forwarder and through Sentinel."""

    text: str
    in_flight: int
    bare: Load
    ours: Load

    @property
    def cells(self) -> list[str]:
        """Its row under HEAD."""
        return [
            self.text,
            str(self.in_flight),
            f"{self.bare.rate:,.0f}",
            f"{self.ours.rate:,.0f}",
            f"{self.ours.rate / self.bare.rate:.2f}",
            f"{self.ours.p50 - self.bare.p50:+.2f} ms",
            f"{self.ours.p99 - self.bare.p99:+.2f} ms",
        ]


def prose(size: int) -> str:
    return (PROSE * (size // len(PROSE) + 1))[:size]


def cases(sizes: dict[str, int], in_flight: Iterable[int], *, quick: bool) -> Iterator[tuple[str, str, int]]:
    """Name, text and calls in flight: each of `sizes` (characters) with each of `in_flight`, or where it is
    to be quick the middle alone, and one text with a finding."""
    for name, size in sizes.items():
        for flying in in_flight:
            if not quick or (size, flying) == (2_000, 16):
                yield name, prose(size), flying
    yield "2 KB, one e-mail redacted", WITH_FINDING + prose(2_000 - len(WITH_FINDING)), 16


def median(loads: Iterable[Load]) -> Load:
    return Load(*(statistics.median(values) for values in zip(*loads, strict=True)))


def parser(description: str | None) -> argparse.ArgumentParser:
    """With `rounds` and `seconds`."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--rounds", type=int, default=3, help="turns for each of the two (default 3)")
    made.add_argument("--seconds", type=float, default=4, help="length of one turn (default 4)")
    return made


def quick_parser(description: str | None) -> argparse.ArgumentParser:
    """With `quick` too."""
    made = parser(description)
    made.add_argument("--quick", action="store_true", help="2 KB at 16 in flight only")
    return made
