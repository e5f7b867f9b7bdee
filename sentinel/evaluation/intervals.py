"""Shares and how sure they are, where rows come in clusters of near copies."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

Z = 1.959964  # the two-sided 95 % point of the normal distribution


class Estimate(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval; the interval is the figure itself where none can be told."""

    value: float
    low: float
    high: float


class Share(msgspec.Struct, frozen=True):
    """`hits` of `of` rows, as a share with its 95 % interval."""

    hits: int
    of: int
    value: float
    low: float
    high: float


def wilson(hits: float, of: float) -> tuple[float, float]:
    """The 95 % score interval of a share (E. B. Wilson, 1927); (0, 1) when there is nothing."""
    if of <= 0:
        return 0.0, 1.0
    share, z2 = hits / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low = 0.0 if hits <= 0 else max(0.0, middle - reach)
    high = 1.0 if hits >= of else min(1.0, middle + reach)
    return low, high


def share(rows: Iterable[tuple[str, bool]]) -> Share:
    """Of rows as (cluster, hit): how many hit.

    Wilson's interval at the number of independent rows that tell as much: the variance between clusters over
    that of independent rows is the design effect (Rao and Scott, 1992), at least 1. Where all rows or none
    hit there is no variance to see, and each cluster counts once.
    """
    clusters: dict[str, list[int]] = {}
    for cluster, hit in rows:
        tally = clusters.setdefault(cluster, [0, 0])
        tally[0] += hit
        tally[1] += 1
    hits = sum(tally[0] for tally in clusters.values())
    of = sum(tally[1] for tally in clusters.values())
    if not of:
        return Share(0, 0, 0.0, 0.0, 1.0)
    value, count = hits / of, len(clusters)
    effective = float(count)
    if 0 < hits < of and count > 1:
        spread = sum((tally[0] - value * tally[1]) ** 2 for tally in clusters.values())
        between = count / (count - 1) * spread / of**2
        effective = of / max(1.0, between * of / (value * (1 - value)))
    low, high = wilson(value * effective, effective)
    return Share(hits, of, value, low, high)
