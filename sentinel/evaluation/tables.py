"""A report as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table

from sentinel.evaluation.collecting import NO_RULE
from sentinel.evaluation.intervals import Estimate, Share
from sentinel.evaluation.ranking import RATES
from sentinel.evaluation.report import DetectorReport, Report, Slice, TypeResult
from sentinel.evaluation.rows import TRAFFIC

KINDS_SHOWN = 40
MEASURES = ("precision", "recall", "F1", "F2")


def percent(value: float) -> str:
    """Short, and with enough digits to tell small rates apart."""
    return f"{value:.2%}" if value < 0.1 else f"{value:.1%}"


def told(share: Share | None) -> str:
    if share is None:
        return ""
    return f"{percent(share.value)} ({percent(share.low)}-{percent(share.high)})"


def estimated(estimate: Estimate | None, *, digits: int = 3) -> str:
    if estimate is None:
        return ""
    value, low, high = (f"{each:.{digits}f}" for each in (estimate.value, estimate.low, estimate.high))
    return value if low == high else f"{value} ({low}-{high})"


def rules_of(report: DetectorReport) -> str:
    """Where the shipped threshold comes from."""
    if report.threshold is None:
        return "no rule asks it"
    where = "in shadow" if report.rules_mode == "shadow" else "acting"
    return f"threshold {report.threshold:.2f}, the lowest of its rules {where}"


def passed_on(report: DetectorReport) -> str:
    """How much work the data plane leaves to the models; "" where it asks none."""
    told = report.passed_on
    if told is None:
        return ""
    usual = f", {percent(told.everyday.value)} of everyday ones" if told.everyday is not None else ""
    return f"the models were asked about {told.texts:,}{usual}"


def labels_of(report: DetectorReport) -> str:
    """What to say where a model was asked about no labelled row."""
    if not report.planes or report.area != TRAFFIC:
        return ""
    return f"asked about traffic alone (--detector {report.name}=AREA names labels)"


def rows_read(report: Report) -> str:
    """Which rows were read, and whether shipped models may have learned from them."""
    count = sum(report.sources.values())
    texts = f"{count:,} text{'s' * (count != 1)}"
    which = (
        "the fifth of the clusters that no shipped model learned from"
        if report.split == "heldout"
        else "of all clusters: of public sets, shipped models learned from four fifths, and --split heldout "
        "reads the others"
    )
    limit = f"; of each file about {report.limit:,}" if report.limit else ""
    return f"{texts}, {which}{limit}"


def kinds_shown(kinds: Sequence[Slice]) -> list[Slice]:
    """The largest, in their order."""
    least = sorted((kind.rows for kind in kinds), reverse=True)[:KINDS_SHOWN][-1:] or [0]
    return [kind for kind in kinds if kind.rows >= least[0]][:KINDS_SHOWN]


def tables(report: DetectorReport) -> Iterable[Table]:
    """What is worth a look first; the rest is in the saved files."""
    if report.panels:
        yield _panels(report)
        yield _operating(report)
    if report.sources:
        yield _slices("by source", report.sources)
    if report.groups:
        yield _slices("by group of people spoken of (labelled prompts)", report.groups)
    if report.harmless:
        yield _slices("harmless texts about people (bias/)", report.harmless)
    if report.totals:
        yield _totals(report)
        yield _types(report)
    if report.traffic:
        yield _traffic(report)
    if report.latency:
        yield _latency(report)


def _table(title: str, *columns: str, names: int = 1) -> Table:
    """`names`: how many columns at the left hold words; the others hold numbers."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number >= names else "left")
    return table


def _panels(report: DetectorReport) -> Table:
    recalls = [f"recall at {rate * 100:g} % false alarms" for rate in RATES]
    table = _table("ranking", "rows", "bad", "good", "ROC AUC", "avg. precision", *recalls, "ECE", "Brier")
    for panel in report.panels:
        figures = panel.figures
        table.add_row(
            panel.title,
            f"{panel.positives:,}",
            f"{panel.rows - panel.positives:,}",
            estimated(figures.auc),
            estimated(figures.precision),
            *(f"{percent(e.value)} ({percent(e.low)}-{percent(e.high)})" for e in figures.recall),
            f"{panel.calibration.ece:.3f}",
            f"{panel.calibration.brier:.3f}",
        )
    return table


def _operating(report: DetectorReport) -> Table:
    columns = ("threshold", "caught", "missed", "false alarms", "let pass", "recall", "false-alarm rate")
    table = _table("what each threshold does", "rows", "called bad by", *columns, "precision", names=2)
    for panel in report.panels:
        for each in panel.operating:
            threshold = "" if each.threshold is None else f"{each.threshold:.3f}"
            table.add_row(
                panel.title,
                each.name,
                threshold,
                f"{each.recall.hits:,}",
                f"{each.recall.of - each.recall.hits:,}",
                f"{each.alarms.hits:,}",
                f"{each.alarms.of - each.alarms.hits:,}",
                told(each.recall),
                told(each.alarms),
                told(each.precision) if each.precision.of else "",
            )
    return table


def _slices(title: str, slices: Sequence[Slice]) -> Table:
    strict = "at 1 % of everyday texts"
    columns = ("rows", "bad", "ROC AUC", "recall, rules", "false alarms, rules")
    table = _table(
        title,
        "",
        "text",
        *columns,
        f"recall, {strict}",
        f"false alarms, {strict}",
        "bal. acc. at 0.5",
        names=2,
    )
    for each in slices:
        shares = (each.recall, each.alarms, each.strict_recall, each.strict_alarms)
        table.add_row(
            escape(each.name),
            each.setting,
            f"{each.rows:,}",
            f"{each.positives:,}",
            estimated(each.auc),
            *map(told, shares),
            "" if each.balanced is None else f"{each.balanced:.3f}",
        )
    return table


def _traffic(report: DetectorReport) -> Table:
    table = _table("traffic called bad by the rules", "", "text", "texts", "called bad", names=2)
    for each in report.traffic:
        table.add_row(escape(each.name), each.setting, f"{each.rows:,}", told(each.alarms) or "no rule")
    return table


def _totals(report: DetectorReport) -> Table:
    columns = ("labels", "F1 exact", "F2 exact", "F1 overlap", "F2 overlap")
    table = _table("labelled stretches found", "source", "types", "from", *columns, names=3)
    for each in report.totals:
        figures = map(estimated, (*each.exact, *each.overlap))
        table.add_row(escape(each.place), each.name, each.level, f"{each.labels:,}", *figures)
    return table


def types_known(types: Sequence[TypeResult]) -> tuple[list[TypeResult], list[str]]:
    """Those that a rule asks for or of which something was found somewhere, and the names of the others."""
    known = {each.type for each in types if each.mode != NO_RULE or each.seen.found or each.overlap.found}
    unknown = sorted({each.type for each in types} - known)
    return [each for each in types if each.type in known], unknown


def measured(result: TypeResult) -> list[str]:
    """`MEASURES` of exact and of overlapping matches, and the recall at any score."""
    cells: list[str] = []
    for tally in (result.exact, result.overlap):
        precision = f"{tally.precision:.3f}" if tally.found else "none found"
        cells += [precision, *(f"{value:.3f}" for value in (tally.recall, tally.f(1), tally.f(2)))]
    return [*cells, f"{result.seen.recall:.3f}"]


def _types(report: DetectorReport) -> Table:
    overlapping = [f"overlap: {measure}" for measure in MEASURES]
    columns = ("from score", "labels", *MEASURES, *overlapping, "recall from 0.1")
    table = _table("by type, exact and overlapping", "source", "type", "rule", *columns, names=3)
    known, unknown = types_known(report.types)
    for each in known:
        labels = f"{each.overlap.labels:,}"
        table.add_row(escape(each.place), each.type, each.mode, f"{each.score:.2f}", labels, *measured(each))
    if unknown:
        table.caption = f"labelled, but unknown to the detector: {', '.join(unknown)}"
    return table


def _latency(report: DetectorReport) -> Table:
    table = _table("time of what the rules ask for", "", "texts", "p50", "p99")
    latency = report.latency
    assert latency is not None
    table.add_row("per text", f"{latency.texts:,}", spent(latency.p50_us), spent(latency.p99_us))
    if latency.long_texts:
        row = (f"{latency.long_texts:,}", spent(latency.kib_p50_us), spent(latency.kib_p99_us))
        table.add_row("per KiB, texts of 512 bytes and more", *row)
    return table


def spent(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f} ms" if microseconds >= 1000 else f"{microseconds:.1f} us"
