"""What rules ask of detectors. A detector that knows it leaves out what nobody acts on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from sentinel.core.names import Names


class Need(msgspec.Struct, frozen=True, order=True, gc=False):
    """Findings of `detector` whose type is one of `types` (names or globs, see core.names) with at least
    `score`."""

    detector: str
    types: tuple[str, ...] = ("*",)
    score: float = 0.0


Needs = frozenset[Need]
Finds = Mapping[str, frozenset[str]]
"""Detector -> all finding types that it can give, of detectors where that is known."""


def everything(detectors: Iterable[str]) -> Needs:
    """All that these detectors find."""
    return frozenset(Need(name) for name in detectors)


def detectors_of(needs: Needs) -> frozenset[str]:
    return frozenset(need.detector for need in needs)


def able(needs: Needs, finds: Finds) -> frozenset[str]:
    """The detectors among those that are needed which can give what is needed."""
    return frozenset(
        need.detector
        for need in needs
        if need.detector not in finds or any(map(Names(need.types).__contains__, finds[need.detector]))
    )
