"""One evaluation, from a folder of labelled data to its report."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from sentinel.core.errors import ConfigError
from sentinel.core.mistakes import answers_for
from sentinel.detectors.detector_set import DetectorSet
from sentinel.evaluation.asking import Asker
from sentinel.evaluation.collecting import Split, Watcher, collect
from sentinel.evaluation.figures import report_of
from sentinel.evaluation.modelled import Models
from sentinel.evaluation.report import DetectorReport, Mistake, Report
from sentinel.evaluation.rows import AREAS, BIAS, SHARED, TRAFFIC, Malformed, Source, read, sources
from sentinel.guard.cascade import NO_MODELS
from sentinel.guard.screener import Screener
from sentinel.models.config import ModelsConfig
from sentinel.policy.engine import Policy

# Whose labels say what a detector looks for.
AREA_OF = {
    "pii": "pii",
    "toxicity": "toxicity",
    "injection": "injection",
    "misuse": "harm",
    "groundedness": "groundedness",
}
# The same for models by their kinds, under whatever name.
_AREA_OF_KIND = {"detoxify": "toxicity", "nli": "groundedness", "spacy": "pii"}
_NO_MODELS = ModelsConfig()


def parsed(
    asked: Sequence[str], detectors: frozenset[str], models: ModelsConfig = _NO_MODELS
) -> dict[str, str]:
    """Detectors with their areas, from NAME or NAME=AREA; without any, all of the data plane and of `models`.

    A detector without an area is asked about traffic alone. Raises ConfigError.
    """
    known = detectors | models.served
    usual = {
        name: _AREA_OF_KIND.get(getattr(entry.settings, "kind", ""), TRAFFIC)
        for name, entry in models.detectors.items()
    }
    found: dict[str, str] = {}
    for each in asked or sorted(known):
        name, _, area = each.partition("=")
        area = area or AREA_OF.get(name) or usual.get(name, TRAFFIC)
        if name not in known:
            raise ConfigError(_unknown(name, known, models), key="--detector")
        if area not in AREAS or area == BIAS:
            areas = ", ".join(sorted(AREAS.keys() - {BIAS}))
            raise ConfigError(f"no area `{area}`; known: {areas}", key="--detector")
        found[name] = area
    return found


def _unknown(name: str, known: frozenset[str], models: ModelsConfig) -> str:
    if name in models.by_model:
        return answers_for(name, models.by_model[name])
    hint = "" if models.detectors else "; a model is one when `models.detectors` of --config names it"
    return f"no detector `{name}`; known: {', '.join(sorted(known))}{hint}"


def files_for(data: Path, areas: Mapping[str, str]) -> list[Source]:
    """The files of these detectors' areas, and traffic. Raises ConfigError when there is none."""
    return sources(data, set(_asked(areas)))


def evaluate(
    data: Path,
    areas: Mapping[str, str],
    detectors: DetectorSet,
    policy: Policy,
    *,
    models: Models | None = None,
    split: Split = Split.ALL,
    limit: int | None = None,
    show_texts: bool = False,
    watch: Watcher = lambda what, count: None,
) -> Report:
    """`areas`: by detector, whose labels it is measured on. Every one is asked about traffic too, and those
    of toxicity about the harmless texts of `bias`. One that `models` answer for and `detectors` has too is
    reported three times: both planes as a call asks them, and each alone.

    Raises ConfigError when the folder holds nothing for them.
    """
    files = files_for(data, areas)
    screener = Screener(policy, detectors, models=models.served if models is not None else NO_MODELS)
    askers = {name: Asker(name, screener, models) for name in sorted(areas)}
    by_area = {area: [askers[name] for name in names] for area, names in _asked(areas).items()}
    collection = collect(files, by_area, models, split, limit, watch)
    watch("figures", len(collection.detectors))
    reports: tuple[DetectorReport, ...] = ()
    for each in collection.detectors:
        reports += (report_of(each),)
        watch("", 1)
    if show_texts:
        reports = tuple(_with_texts(one, {file.place: file for file in files}) for one in reports)
    return Report(
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        data=str(data),
        split=split,
        limit=limit,
        policy=policy.digest,
        sources=collection.rows,
        malformed=tuple(collection.malformed),
        skipped=tuple(
            sorted(path.name for path in data.iterdir() if path.is_dir() and path.name not in AREAS)
        ),
        detectors=reports,
    )


def _asked(areas: Mapping[str, str]) -> dict[str, list[str]]:
    """By area of the data, the detectors that are asked about its rows."""
    found: dict[str, list[str]] = {TRAFFIC: sorted(areas)}
    for name in sorted(areas):
        if areas[name] not in SHARED:
            found.setdefault(areas[name], []).append(name)
        if areas[name] == "toxicity":
            found.setdefault(BIAS, []).append(name)
    return found


def _with_texts(report: DetectorReport, files: Mapping[str, Source]) -> DetectorReport:
    """The same, with the texts of the worst mistakes, read again."""
    wanted: dict[str, set[int]] = {}
    for mistake in (*report.false_alarms, *report.misses):
        wanted.setdefault(mistake.place, set()).add(mistake.line)
    texts = {
        (place, case.line): case.text
        for place, lines in wanted.items()
        for case in read(files[place])
        if not isinstance(case, Malformed) and case.line in lines
    }

    def told(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
        return tuple(
            msgspec.structs.replace(each, text=texts.get((each.place, each.line), "")) for each in mistakes
        )

    return msgspec.structs.replace(report, false_alarms=told(report.false_alarms), misses=told(report.misses))
