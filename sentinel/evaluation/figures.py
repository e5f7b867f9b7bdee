"""From what was collected about one detector to its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from sentinel.evaluation.asking import Asker, Planes
from sentinel.evaluation.calibration import calibration
from sentinel.evaluation.collecting import Collected, Scored
from sentinel.evaluation.groups import NONE, TERMS
from sentinel.evaluation.intervals import Share, share
from sentinel.evaluation.personal import totals_of, types_of
from sentinel.evaluation.ranking import RATES, Ranking
from sentinel.evaluation.report import (
    EVEN,
    DetectorReport,
    Latency,
    Mistake,
    Operating,
    Panel,
    PassedOn,
    Slice,
)
from sentinel.evaluation.rows import BIAS, SHARED, TRAFFIC, Setting

LONG = 512  # bytes; the time per KiB of shorter texts is the cost of a call
SLICE_ROUNDS = 200
LEAST_OF_A_CLASS = 10  # rows of each label before a slice's AUC is told
WORST = 20
_LABELLED = "Rows of the data's own two labels."
_EVERYDAY = (
    "The bad rows against everyday texts: traffic, and the sources that hold nothing but ordinary use, each "
    "text once. Prompts written to provoke are not among them."
)


def report_of(collected: Collected) -> DetectorReport:
    asker = collected.asker
    rows = [row for row in collected.scored if row.area not in SHARED]
    traffic = [row for row in collected.scored if row.area == TRAFFIC]
    harmless = [row for row in collected.scored if row.area == BIAS]
    panels: list[Panel] = []
    strict: dict[Setting, float] = {}
    for setting in Setting:
        here = [row for row in rows if row.setting is setting]
        usual = everyday(row for row in [*traffic, *here] if row.setting is setting)
        for panel in _panels(asker, setting, here, usual):
            panels.append(panel)
            strict[setting] = panel.figures.thresholds[0]
    slices = Slices(bool(asker.rules), strict)
    return DetectorReport(
        name=asker.name,
        version=asker.version(collected.planes),
        area=collected.area,
        rules_mode="none" if not asker.rules else "shadow" if asker.shadow else "enforce",
        rules=asker.rules,
        threshold=asker.threshold,
        rows=len(collected.scored) + len(collected.spanned),
        failed=dict(collected.failed),
        panels=tuple(panels),
        sources=tuple(slices.by(rows, lambda row: row.place)),
        kinds=tuple(slices.by_part(rows)),
        groups=tuple(slices.by_group(row for row in rows if row.setting is Setting.PROMPT)),
        harmless=tuple(slices.by(harmless, lambda row: f"{row.place}: {row.kind or 'all'}")),
        traffic=tuple(_traffic(slices, traffic)),
        types=tuple(types_of(collected)),
        totals=tuple(totals_of(collected)),
        latency=_latency(collected.times),
        false_alarms=_worst((row for row in rows if not row.label), -1),
        misses=_worst((row for row in rows if row.label), 1),
        planes=collected.planes if collected.planes != Planes.DATA or len(asker.planes) > 1 else "",
        passed_on=_passed_on(collected),
    )


def _passed_on(collected: Collected) -> PassedOn | None:
    if collected.planes is not Planes.BOTH:
        return None
    usual = everyday(collected.scored)
    return PassedOn(
        collected.passed_on,
        share((row.cluster, row.passed_on) for row in usual) if usual else None,
    )


def everyday(rows: Iterable[Scored]) -> list[Scored]:
    """The ordinary rows, each text once: sources share some."""
    return list({row.digest: row for row in rows if row.ordinary and not row.label}.values())


def _panels(asker: Asker, setting: Setting, rows: list[Scored], usual: list[Scored]) -> Iterable[Panel]:
    name = setting.plural
    bad = [row for row in rows if row.label]
    if bad and len(bad) < len(rows):
        yield _panel(asker, setting, name, f"Labelled {name}", _LABELLED, rows)
    if bad and usual:
        title = f"Against everyday {name}"
        yield _panel(asker, setting, f"{name}-everyday", title, _EVERYDAY, bad + usual)


def _panel(asker: Asker, setting: Setting, key: str, title: str, about: str, rows: Sequence[Scored]) -> Panel:
    labels = [row.label for row in rows]
    scores = [row.score for row in rows]
    ranking = Ranking(labels, scores, [row.cluster for row in rows])
    figures = ranking.figures()
    operating = []
    if asker.rules:
        name = "the rules, in shadow" if asker.shadow else "the rules"
        operating.append(_operating(name, None, rows, lambda row: row.flagged))
    lowest = asker.lowest(setting)
    levels = [] if lowest is None else [("score of the lowest rule", lowest)]
    levels.append((EVEN, 0.5))
    levels += [
        (f"{rate * 100:g} % false alarms", threshold)
        for rate, threshold in zip(RATES, figures.thresholds, strict=True)
    ]
    operating += [_at(name, threshold, rows) for name, threshold in levels]
    return Panel(
        key=key,
        title=title,
        about=about,
        rows=len(rows),
        positives=sum(labels),
        figures=figures,
        operating=tuple(operating),
        roc=ranking.roc(),
        precision_recall=ranking.precision_recall(),
        calibration=calibration(labels, scores),
    )


def _at(name: str, threshold: float, rows: Sequence[Scored]) -> Operating:
    return _operating(name, threshold, rows, lambda row: row.score >= threshold)


def _operating(
    name: str, threshold: float | None, rows: Sequence[Scored], called: Callable[[Scored], bool]
) -> Operating:
    return Operating(
        name=name,
        threshold=threshold,
        recall=share((row.cluster, called(row)) for row in rows if row.label),
        alarms=share((row.cluster, called(row)) for row in rows if not row.label),
        precision=share((row.cluster, bool(row.label)) for row in rows if called(row)),
    )


class Slices:
    """Figures of some of the rows. `ruled`: rules ask the detector. `strict`: thresholds by setting."""

    def __init__(self, ruled: bool, strict: dict[Setting, float]) -> None:
        self._ruled, self._strict = ruled, strict

    def by(self, rows: Iterable[Scored], key: Callable[[Scored], str]) -> list[Slice]:
        """One slice for each name that `key` gives, and each setting in it; by name."""
        found: dict[tuple[str, Setting], list[Scored]] = {}
        for row in rows:
            found.setdefault((key(row), row.setting), []).append(row)
        return [self.of(name, setting, some) for (name, setting), some in sorted(found.items())]

    def by_part(self, rows: Sequence[Scored]) -> list[Slice]:
        """Slices of each source by what its rows say of themselves: where they come from, and which kind they
        are. Only what tells rows of a source apart."""
        slices: list[Slice] = []
        for part in ("source", "kind"):
            named = [row for row in rows if getattr(row, part)]
            names: dict[str, set[str]] = {}
            for row in named:
                names.setdefault(row.place, set()).add(getattr(row, part))
            apart = [row for row in named if len(names[row.place]) > 1]
            slices += self.by(apart, _named(part))
        return sorted(slices, key=lambda each: each.name)

    def by_group(self, rows: Iterable[Scored]) -> list[Slice]:
        """One slice for each group of people that texts speak of, and one of those that speak of none."""
        found: dict[str, list[Scored]] = {name: [] for name in (*TERMS, NONE)}
        for row in rows:
            for group in row.groups or (NONE,):
                found[group].append(row)
        return [self.of(name, Setting.PROMPT, some) for name, some in found.items() if some]

    def of(self, name: str, setting: Setting, rows: Sequence[Scored]) -> Slice:
        bad = [row for row in rows if row.label]
        good = [row for row in rows if not row.label]
        auc = None
        if min(len(bad), len(good)) >= LEAST_OF_A_CLASS:
            ranking = Ranking(
                [row.label for row in rows], [row.score for row in rows], [row.cluster for row in rows]
            )
            auc = ranking.figures(SLICE_ROUNDS).auc
        return Slice(
            name=name,
            setting=setting,
            rows=len(rows),
            positives=len(bad),
            auc=auc,
            recall=self._by_rules(bad),
            alarms=self._by_rules(good),
            strict_recall=self._strictly(bad, setting),
            strict_alarms=self._strictly(good, setting),
            balanced=_balanced(rows) if bad and good else None,
        )

    def _by_rules(self, rows: Sequence[Scored]) -> Share | None:
        if not rows or not self._ruled:
            return None
        return share((row.cluster, row.flagged) for row in rows)

    def _strictly(self, rows: Sequence[Scored], setting: Setting) -> Share | None:
        threshold = self._strict.get(setting)
        if not rows or threshold is None:
            return None
        return share((row.cluster, row.score >= threshold) for row in rows)


def _traffic(slices: Slices, rows: list[Scored]) -> Iterable[Slice]:
    """Everyday traffic as a whole, then source by source; what is not everyday is told by its kind."""
    for setting in Setting:
        usual = everyday(row for row in rows if row.setting is setting)
        if usual:
            yield slices.of(f"all everyday {setting.plural}", setting, usual)
    yield from slices.by(rows, lambda row: row.place if row.ordinary else f"{row.place}: {row.kind}")


def _latency(times: Sequence[tuple[int, int]]) -> Latency | None:
    if not times:
        return None
    took = np.asarray([elapsed for elapsed, _ in times]) / 1000
    per_kib = np.asarray([elapsed / 1000 / (size / 1024) for elapsed, size in times if size >= LONG])
    p50, p99 = np.percentile(took, [50, 99])
    kib_p50, kib_p99 = np.percentile(per_kib, [50, 99]) if len(per_kib) else (0.0, 0.0)
    return Latency(len(took), float(p50), float(p99), len(per_kib), float(kib_p50), float(kib_p99))


def _worst(rows: Iterable[Scored], sign: int) -> tuple[Mistake, ...]:
    order = sorted(rows, key=lambda row: (sign * row.score, row.place, row.line))
    return tuple(Mistake(row.place, row.line, row.kind, row.score) for row in order[:WORST])


def _balanced(rows: Sequence[Scored]) -> float:
    return _at(EVEN, 0.5, rows).balanced_accuracy


def _named(part: str) -> Callable[[Scored], str]:
    return lambda row: f"{row.place}: {getattr(row, part)}"
