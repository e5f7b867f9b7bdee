"""Ask the detectors about every row, and keep what the figures need: no text."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from sentinel.core.exchange import Role
from sentinel.core.finding import Finding
from sentinel.evaluation.asking import Answer, Asker, Planes
from sentinel.evaluation.groups import groups_in
from sentinel.evaluation.modelled import Models, sample
from sentinel.evaluation.rows import SHARED, TRAFFIC, Case, Malformed, Setting, Source, read
from sentinel.evaluation.spans import Spanned, Stretch, meanings
from sentinel.evaluation.split import PII, held_out

UNASKED = 0.5  # the score that a rule asks for when it names none
NO_RULE = "no rule"
_TOGETHER = 128  # texts that the models are given, to be put into batches of about the same length
NOISE = 0.1  # below it, a score says nothing: patterns that match any number have 0.01


class Split(StrEnum):
    """Which rows are read."""

    ALL = "all"
    HELDOUT = "heldout"


class Scored(msgspec.Struct, frozen=True, gc=False):
    """A row, and what a detector and its rules said. `area` is that of the row, not of the detector."""

    place: str
    line: int
    cluster: str
    kind: str
    source: str
    setting: Setting
    label: int
    ordinary: bool
    area: str
    score: float
    flagged: bool
    groups: tuple[str, ...]
    digest: bytes
    passed_on: bool


class Collected(msgspec.Struct):
    """Of one detector, whose own area is `area`, as `planes` answer. `times`: nanoseconds and bytes of each
    text that was timed. `failed`: texts by why they got no answer. `passed_on`: how many texts the models
    were asked about, too. `floors`: by finding type, the score from which a finding counts, and its rule's
    mode."""

    asker: Asker
    planes: Planes
    area: str
    scored: list[Scored] = []
    spanned: list[Spanned] = []
    times: list[tuple[int, int]] = []
    failed: Counter[str] = msgspec.field(default_factory=Counter)
    passed_on: int = 0
    floors: dict[str, tuple[float, str]] = {}


class Collection(msgspec.Struct):
    """Of a whole run. `rows` counts the cases read by place."""

    detectors: list[Collected]
    rows: dict[str, int]
    malformed: list[Malformed]


# Told what is done and in how many pieces: a file and its texts, or the figures. After each piece, "" and 1.
Watcher = Callable[[str, int], None]


def collect(
    sources: Sequence[Source],
    askers: Mapping[str, Sequence[Asker]],
    models: Models | None,
    split: Split,
    limit: int | None,
    watch: Watcher,
) -> Collection:
    """`askers`: by area, those asked about its rows."""
    areas = {asker.name: area for area, some in askers.items() for asker in some if area not in SHARED}
    known = {
        asker.name: {
            planes: Collected(asker, planes, areas.get(asker.name, TRAFFIC)) for planes in asker.planes
        }
        for some in askers.values()
        for asker in some
    }
    collection = Collection([each for name in sorted(known) for each in known[name].values()], {}, [])
    for source in sources:
        cases, malformed = chosen(read(source), source.area, split, limit)
        collection.malformed += malformed
        collection.rows[source.place] = len(cases)
        watch(source.place, len(cases))
        told = askers[source.area]
        if models is None or not any(asker.name in models.detectors for asker in told):
            for case in cases:
                for asker in told:
                    _keep_all(known[asker.name], case, asker.ask(case))
                watch("", 1)
        else:
            _ask_models(cases, told, models, known, watch)
    return collection


def _ask_models(
    cases: Sequence[Case],
    askers: Sequence[Asker],
    models: Models,
    known: Mapping[str, Mapping[Planes, Collected]],
    watch: Watcher,
) -> None:
    alone = sample(len(cases))
    names = [asker.name for asker in askers]
    for start in range(0, len(cases), _TOGETHER):
        some = cases[start : start + _TOGETHER]
        timed = [index for index in range(len(some)) if start + index in alone]
        said = models.ask(some, names, timed, lambda count: watch("", count))
        for index, case in enumerate(some):
            for asker in askers:
                of_models = said[asker.name][index] if asker.name in said else None
                _keep_all(known[asker.name], case, asker.ask(case, of_models))


def _keep_all(into: Mapping[Planes, Collected], case: Case, answers: Mapping[Planes, Answer]) -> None:
    for planes, answer in answers.items():
        _keep(into[planes], case, answer)


def chosen(
    found: Iterable[Case | Malformed], area: str, split: Split, limit: int | None
) -> tuple[list[Case], list[Malformed]]:
    """The cases to ask about: of the split, and `limit` or a few more of them: whole clusters, in the order
    of a hash of their names, for a file may be sorted by label."""
    cases: list[Case] = []
    malformed: list[Malformed] = []
    for each in found:
        if isinstance(each, Malformed):
            malformed.append(each)
        elif split is Split.ALL or held_out(each.cluster, area):
            cases.append(each)
    if limit is not None and len(cases) > limit:
        taken: set[str] = set()
        sizes = Counter(case.cluster for case in cases)
        room = limit
        for cluster in sorted(sizes, key=_digest):
            if room <= 0:
                break
            taken.add(cluster)
            room -= sizes[cluster]
        cases = [case for case in cases if case.cluster in taken]
    return cases, malformed


def _keep(into: Collected, case: Case, answer: Answer) -> None:
    into.passed_on += answer.passed_on
    if answer.failed:
        into.failed[answer.failed] += 1
        return
    around = case.background.context if case.background.role is Role.ANSWER else ()
    if answer.elapsed_ns is not None:
        into.times.append((answer.elapsed_ns, sum(len(_bytes(text)) for text in (case.text, *around))))
    area = case.place.partition("/")[0]
    if area == PII:
        into.spanned.append(_spanned(into, case, answer.findings))
        return
    into.scored.append(
        Scored(
            case.place,
            case.line,
            case.cluster,
            case.kind,
            case.source,
            case.setting,
            case.label,
            case.ordinary,
            area,
            answer.score,
            answer.flagged,
            groups_in(case.text),
            _digest(case.text),
            answer.passed_on,
        )
    )


def _spanned(into: Collected, case: Case, findings: Sequence[Finding]) -> Spanned:
    """Labels and findings of a text."""
    seen: set[Stretch] = set()
    found: set[Stretch] = set()
    for finding in findings:
        stretch = Stretch(finding.start, finding.end, finding.type)
        if finding.score >= NOISE:
            seen.add(stretch)
        if finding.score >= _floor(into, case, finding.type):
            found.add(stretch)
    for label in case.spans:
        for type_ in meanings(label.type):
            _floor(into, case, type_)
    labels = {Stretch(label.start, label.end, label.type) for label in case.spans}
    return Spanned(
        case.place,
        case.line,
        case.cluster,
        tuple(sorted(labels)),
        tuple(sorted(found)),
        tuple(sorted(seen)),
    )


def _floor(into: Collected, case: Case, type_: str) -> float:
    known = into.floors.get(type_)
    if known is None:
        asked = into.asker.floor(case.background.stage, type_)
        known = into.floors[type_] = asked or (UNASKED, NO_RULE)
    return known[0]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(_bytes(text), digest_size=8).digest()
