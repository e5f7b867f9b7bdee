"""Personal data: results type by type, and of types taken together with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sentinel.evaluation.collecting import NO_RULE, Collected
from sentinel.evaluation.intervals import Estimate
from sentinel.evaluation.ranking import SEED
from sentinel.evaluation.report import SpanTotal, TypeResult
from sentinel.evaluation.spans import MATCHES, NAMES, Spanned, Tally, labelled_types, tallies, total

ROUNDS = 500
BETAS = (1.0, 2.0)


def types_of(collected: Collected) -> Iterable[TypeResult]:
    """By source and type, the most frequent first."""
    for place, rows in _by_place(collected.spanned).items():
        exact, overlap = (tallies(rows, match) for match in MATCHES)
        for type_ in sorted(overlap, key=lambda type_: (-overlap[type_].labels, type_)):
            score, mode = collected.floors[type_]
            yield TypeResult(place, type_, score, mode, exact.get(type_, Tally()), overlap[type_])


def totals_of(collected: Collected) -> Iterable[SpanTotal]:
    """By source: identifiers with a form of their own, and names. Types that no rule asks for and of which
    nothing was found in any source count for neither: the detector does not know them."""
    seen = {found.type for row in collected.spanned for found in row.found}
    known = seen | {type_ for type_, (_, mode) in collected.floors.items() if mode != NO_RULE}
    for place, rows in _by_place(collected.spanned).items():
        labelled = labelled_types(rows)
        for name, wanted in (("identifiers", known - NAMES), ("names", known & NAMES)):
            by_cluster = {
                match: [
                    total(
                        [tally for type_, tally in tallies(some, match, labelled).items() if type_ in wanted]
                    )
                    for some in _by_cluster(rows)
                ]
                for match in MATCHES
            }
            labels = sum(tally.labels for tally in by_cluster["exact"])
            if labels:
                exact, overlap = (_measures(by_cluster[match]) for match in MATCHES)
                yield SpanTotal(place, name, labels, exact, overlap)


def _measures(clusters: Sequence[Tally]) -> tuple[Estimate, Estimate]:
    """F1 and F2, with percentile intervals of a bootstrap over clusters."""
    counts = np.asarray([[each.labels, each.met, each.found, each.right] for each in clusters])
    chance = np.random.default_rng(SEED)
    draws = []
    for _ in range(ROUNDS if len(clusters) > 1 else 0):
        picked = counts[chance.integers(0, len(counts), len(counts))].sum(axis=0)
        draws.append([Tally(*map(int, picked)).f(beta) for beta in BETAS])
    here = [total(clusters).f(beta) for beta in BETAS]
    low, high = np.percentile(draws, [2.5, 97.5], axis=0) if draws else (here, here)
    one, two = (
        Estimate(value, float(bottom), float(top)) for value, bottom, top in zip(here, low, high, strict=True)
    )
    return one, two


def _by_place(rows: Iterable[Spanned]) -> dict[str, list[Spanned]]:
    found: dict[str, list[Spanned]] = {}
    for row in rows:
        found.setdefault(row.place, []).append(row)
    return found


def _by_cluster(rows: Iterable[Spanned]) -> list[list[Spanned]]:
    found: dict[str, list[Spanned]] = {}
    for row in rows:
        found.setdefault(row.cluster, []).append(row)
    return list(found.values())
