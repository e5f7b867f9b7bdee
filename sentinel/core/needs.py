"""What rules ask of detectors. A detector that knows it leaves out what nobody acts on."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Need(msgspec.Struct, frozen=True, order=True, gc=False):
    """Findings of `detector` whose type is one of `types` (names or globs, see core.names) with at least
    `score`."""

    detector: str
    types: tuple[str, ...] = ("*",)
    score: float = 0.0


Needs = frozenset[Need]


def everything(detectors: Iterable[str]) -> Needs:
    """All that these detectors find."""
    return frozenset(Need(name) for name in detectors)


def detectors_of(needs: Needs) -> frozenset[str]:
    return frozenset(need.detector for need in needs)
