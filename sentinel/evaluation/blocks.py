"""One detector's section of the page, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from sentinel.evaluation import charts
from sentinel.evaluation.charts import Mark
from sentinel.evaluation.intervals import Share
from sentinel.evaluation.markup import Part, anchor, figure, folded, table, tiles
from sentinel.evaluation.ranking import RATES
from sentinel.evaluation.report import EVEN, DetectorReport, Latency, Mistake, Operating, Panel, Slice
from sentinel.evaluation.rows import Setting
from sentinel.evaluation.tables import (
    MEASURES,
    estimated,
    kinds_shown,
    measured,
    percent,
    spent,
    told,
    types_known,
)

LEAST_SHOWN = 10  # rows of a share before it is drawn


def detector_parts(report: DetectorReport) -> Iterable[Part]:
    name = report.title

    def part(title: str, body: str) -> Part:
        return Part(title, anchor(name, title), body)

    for panel in report.panels:
        yield part(panel.title, _panel(panel))
    if report.sources:
        yield part("By source", _slices(report.sources))
    if report.kinds:
        shown = kinds_shown(report.kinds)
        title = f"The {len(shown)} largest of {len(report.kinds)} kinds"
        yield part("By kind", folded(title, _slices(shown)))
    if report.groups:
        yield part("By group of people", _groups(report))
    if report.totals or report.types:
        yield part("Labelled stretches", _spans(report))
    if report.traffic:
        yield part("Traffic", _traffic(report))
    if report.latency:
        yield part("Latency", _latency(report.latency, bool(report.planes)))
    if report.false_alarms or report.misses:
        yield part("Worst mistakes", _mistakes(report))


def _panel(panel: Panel) -> str:
    figures, calibration = panel.figures, panel.calibration
    facts = [(estimated(figures.auc), "ROC AUC"), (estimated(figures.precision), "average precision")]
    facts += [
        (
            f"{percent(e.value)} ({percent(e.low)}-{percent(e.high)})",
            f"recall at {rate * 100:g} % false alarms",
        )
        for rate, e in zip(RATES, figures.recall, strict=True)
    ]
    facts += [(f"{calibration.ece:.3f}", "ECE"), (f"{calibration.brier:.3f}", "Brier score")]
    points = [each for each in panel.operating if each.name != EVEN and (each.threshold or 0) <= 1]
    roc = [Mark(each.name, (each.alarms.value, each.recall.value), _shape(each)) for each in points]
    curve = [
        Mark(each.name, (each.recall.value, each.precision.value), _shape(each))
        for each in points
        if each.precision.of
    ]
    base = panel.positives / panel.rows
    drawn = (
        figure(
            "ROC",
            "dashed: guessing",
            charts.curve(
                f"ROC curve, {panel.title}",
                "false-alarm rate",
                "recall",
                panel.roc,
                marks=roc,
                chance=[(0, 0), (1, 1)],
            ),
        ),
        figure(
            "ROC at few false alarms",
            "logarithmic; dashed: guessing",
            charts.curve(
                f"ROC curve at few false alarms, {panel.title}",
                "false-alarm rate",
                "recall",
                panel.roc,
                marks=roc,
                chance=[(10 ** (each / 10), 10 ** (each / 10)) for each in range(-30, 1)],
                logarithmic=True,
            ),
        ),
        figure(
            "Precision and recall",
            f"dashed: guessing ({base:.1%} are bad)",
            charts.curve(
                f"Precision and recall, {panel.title}",
                "recall",
                "precision",
                panel.precision_recall,
                marks=curve,
                chance=[(0, base), (1, base)],
            ),
        ),
        figure(
            "Calibration",
            "dashed: perfect; bars: rows",
            charts.reliability(f"Calibration, {panel.title}", calibration),
        ),
    )
    about = f"<p>{panel.about} {panel.positives:,} bad, {panel.rows - panel.positives:,} good.</p>"
    legend = (
        "<p class=faint>Marks: filled diamond, the rules; open square, the score of the lowest rule; open "
        "circles, the thresholds at few false alarms.</p>"
    )
    return (
        f"{about}{tiles(facts)}<div class=charts>{''.join(drawn)}</div>{legend}{_operating(panel.operating)}"
    )


def _shape(each: Operating) -> str:
    if each.threshold is None:
        return "diamond"
    return "square" if each.name.startswith("score") else "circle"


def _operating(points: Sequence[Operating]) -> str:
    columns = ("threshold", "caught", "missed", "false alarms", "let pass", "recall", "false-alarm rate")
    rows = [
        (
            each.name,
            "" if each.threshold is None else f"{each.threshold:.3f}" if each.threshold <= 1 else "none",
            f"{each.recall.hits:,}",
            f"{each.recall.of - each.recall.hits:,}",
            f"{each.alarms.hits:,}",
            f"{each.alarms.of - each.alarms.hits:,}",
            told(each.recall),
            told(each.alarms),
            told(each.precision) if each.precision.of else "",
            f"{each.balanced_accuracy:.3f}",
        )
        for each in points
    ]
    return table(("called bad by", *columns, "precision", "balanced accuracy"), rows)


def _slices(slices: Sequence[Slice]) -> str:
    columns = ("rows", "bad", "ROC AUC", "recall, rules", "false alarms, rules", "recall, strict")
    rows = [
        (
            each.name,
            each.setting,
            f"{each.rows:,}",
            f"{each.positives:,}",
            estimated(each.auc),
            told(each.recall),
            told(each.alarms),
            told(each.strict_recall),
            told(each.strict_alarms),
            "" if each.balanced is None else f"{each.balanced:.3f}",
        )
        for each in slices
    ]
    more = ("false alarms, strict", "balanced accuracy at 0.5")
    return table(("", "text", *columns, *more), rows, words=2)


def _groups(report: DetectorReport) -> str:
    groups = report.groups
    about = (
        "<p>Good prompts that speak of a group, by neutral words: how many are called bad? Where one "
        "group stands out, its mention is mistaken for abuse.</p>"
    )
    drawn = []
    for title, shares in (
        ("False alarms of the rules", _shares(groups, "alarms")),
        ("False alarms at the strict threshold", _shares(groups, "strict_alarms")),
    ):
        if shares:
            about_it = f"share of good rows, groups with {LEAST_SHOWN} and more"
            drawn.append(figure(title, about_it, charts.intervals(title, shares), wide=True))
    pieces = [about, *drawn, folded("As a table", _slices(groups))]
    if report.harmless:
        title = "Harmless texts about people, called bad"
        shares = _shares(report.harmless, "alarms") or _shares(report.harmless, "strict_alarms")
        if shares:
            drawing = charts.intervals(title, shares)
            pieces.append(figure(title, "the texts of bias/, by category", drawing, wide=True))
        pieces.append(folded("As a table", _slices(report.harmless)))
    return "".join(pieces)


def _shares(slices: Sequence[Slice], key: str) -> list[tuple[str, Share]]:
    return [
        (each.name, share)
        for each in slices
        if (share := getattr(each, key)) is not None and share.of >= LEAST_SHOWN
    ]


def _traffic(report: DetectorReport) -> str:
    shares = list(_flagged(report.traffic))
    about = "<p>Texts of ordinary use, called bad by the rules. Red-team prompts are told apart.</p>"
    columns = ("texts", "called bad by the rules", "at the strict threshold")
    rows = [
        (each.name, each.setting, f"{each.rows:,}", told(each.alarms) or "no rule", told(each.strict_alarms))
        for each in report.traffic
    ]
    inner = table(("", "text", *columns), rows, words=2)
    if not shares:
        return about + inner
    drawn = figure(
        "Called bad", "share of texts", charts.intervals("Share of traffic called bad", shares), wide=True
    )
    return about + drawn + folded("As a table", inner)


def _flagged(slices: Sequence[Slice]) -> Iterable[tuple[str, Share]]:
    for each in slices:
        if each.alarms is not None:
            source = each.name.removeprefix("traffic/")
            yield (
                (f"{source}, {Setting(each.setting).plural}" if source != each.name else source),
                each.alarms,
            )


def _spans(report: DetectorReport) -> str:
    about = (
        "<p>A finding counts from the lowest score at which a rule acts on its type (0.5 where none does). "
        "<i>Exact</i> wants the very offsets, <i>overlap</i> a character in common. A type is counted only "
        "in sources that label it. What is found from score 0.1 on, and not by the rules, is theirs to ask "
        "for.</p>"
    )
    columns = ("labels", "F1 exact", "F2 exact", "F1 overlap", "F2 overlap")
    totals = [
        (each.place, each.name, each.level, f"{each.labels:,}", *map(estimated, (*each.exact, *each.overlap)))
        for each in report.totals
    ]
    inner = table(("source", "types", "from", *columns), totals, words=3) if totals else ""
    known, unknown = types_known(report.types)
    rows = [
        (each.place, each.type, each.mode, f"{each.score:.2f}", f"{each.overlap.labels:,}", *measured(each))
        for each in known
    ]
    heads = (
        "from score",
        "labels",
        *(f"{one} {match}" for match in ("exact", "overlap") for one in MEASURES),
    )
    types = table(("source", "type", "rule", *heads, "recall from 0.1"), rows, words=3)
    folded_types = folded(f"{len(rows)} type{'s' * (len(rows) != 1)}, source by source", types)
    if unknown:
        folded_types += (
            f"<p class=faint>Labelled, but unknown to the detector: {escape(', '.join(unknown))}.</p>"
        )
    return about + inner + folded_types


def _latency(latency: Latency, models: bool) -> str:
    rows = [("per text", f"{latency.texts:,}", spent(latency.p50_us), spent(latency.p99_us))]
    if latency.long_texts:
        long = (f"{latency.long_texts:,}", spent(latency.kib_p50_us), spent(latency.kib_p99_us))
        rows.append(("per KiB, texts of 512 bytes and more", *long))
    about = "Finding all that the rules ask for, one text after the other, seen from this machine."
    if models:
        about += " Where models are asked: some texts of each file."
    return f"<p>{about}</p>" + table(("", "texts", "p50", "p99"), rows)


def _mistakes(report: DetectorReport) -> str:
    about = (
        "<p>Rows by file and line. Look at them yourself before you blame the detector: labels err, too.</p>"
    )
    return (
        about
        + folded("Good rows with the highest scores", _listed(report.false_alarms))
        + folded("Bad rows with the lowest scores", _listed(report.misses))
    )


def _listed(mistakes: Sequence[Mistake]) -> str:
    texts = any(each.text for each in mistakes)
    rows = [
        (each.place, f"{each.line}", each.kind, f"{each.score:.3f}", *((each.text,) if texts else ()))
        for each in mistakes
    ]
    columns = ("source", "line", "kind", "score", *(("text",) if texts else ()))
    return table(columns, rows, words=3, text=4)
