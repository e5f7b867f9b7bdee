"""Personal data: results type by type, and of types taken together with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from sentinel.evaluation.collecting import NO_RULE, NOISE, Collected
from sentinel.evaluation.intervals import Estimate
from sentinel.evaluation.ranking import SEED
from sentinel.evaluation.report import SpanTotal, TypeResult
from sentinel.evaluation.spans import (
    EVERYDAY,
    MATCHES,
    NAMES,
    Spanned,
    Tally,
    labelled_types,
    tallies,
    total,
)

ROUNDS = 500
BETAS = (1.0, 2.0)
RULES, ANY = "rules", f"score {NOISE}"


def types_of(collected: Collected) -> Iterable[TypeResult]:
    """By source and type, the most frequent first."""
    for place, rows in _by_place(collected.spanned).items():
        exact, overlap = (tallies(rows, match) for match in MATCHES)
        seen = tallies(_at_any_score(rows), "overlap")
        none = Tally()
        for type_ in sorted(seen, key=lambda type_: (-seen[type_].labels, type_)):
            score, mode = collected.floors[type_]
            of_type = (each.get(type_, none) for each in (exact, overlap, seen))
            yield TypeResult(place, type_, score, mode, *of_type)


def totals_of(collected: Collected) -> Iterable[SpanTotal]:
    """By source: identifiers with a form of their own, names, and what is in every second text (dates, web
    addresses). Types that no rule asks for and of which nothing was found in any source are left out: the
    detector does not know them."""
    seen = {found.type for row in collected.spanned for found in row.seen}
    known = seen | {type_ for type_, (_, mode) in collected.floors.items() if mode != NO_RULE}
    families = {
        "identifiers": known - NAMES - EVERYDAY,
        "names": known & NAMES,
        "dates, web addresses": known & EVERYDAY,
    }
    for place, rows in _by_place(collected.spanned).items():
        for name, wanted in families.items():
            for level, some in ((RULES, rows), (ANY, _at_any_score(rows))):
                exact, overlap = (_by_cluster(some, match, wanted) for match in MATCHES)
                labels = sum(tally.labels for tally in exact)
                if labels:
                    yield SpanTotal(place, name, level, labels, _measures(exact), _measures(overlap))


def _at_any_score(rows: Iterable[Spanned]) -> list[Spanned]:
    return [msgspec.structs.replace(row, found=row.seen) for row in rows]


def _by_cluster(rows: Sequence[Spanned], match: str, wanted: set[str]) -> list[Tally]:
    """The tally of the wanted types, cluster by cluster."""
    labelled = labelled_types(rows)
    clusters: dict[str, list[Spanned]] = {}
    for row in rows:
        clusters.setdefault(row.cluster, []).append(row)
    return [
        total([tally for type_, tally in tallies(some, match, labelled).items() if type_ in wanted])
        for some in clusters.values()
    ]


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
