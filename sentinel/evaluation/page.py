"""A report as one HTML file: it loads nothing, runs no script, and every text in it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from sentinel.evaluation.blocks import detector_parts
from sentinel.evaluation.markup import Part, anchor, folded, table
from sentinel.evaluation.report import DetectorReport, Report
from sentinel.evaluation.style import CSS
from sentinel.evaluation.tables import estimated, passed_on, percent, rows_read, spent, told

_HOW = """
<p><b>Rows.</b> <i>Bad</i> rows are labelled with what the detector looks for, <i>good</i> rows are not.
A <i>false alarm</i> is a good row called bad; <i>recall</i> is the share of bad rows called bad.</p>
<p><b>Intervals</b> (small figures) are of 95 %. Rows that are near copies share a cluster; intervals
take or leave a cluster as one, so copies make nothing look surer.</p>
<p><b>The rules</b> are those in force: their types, scores, speakers and conditions decide as they do
for a call. The curves look at the detector's score alone.</p>
<p><b>Strict</b> figures call a row bad from the score that 1 % of everyday texts reach (of the good
rows, where the data has no everyday texts of that kind).</p>
<p><b>Calibration.</b> A dot on the diagonal says that a score of 0.8 is right in 8 of 10 cases. ECE and
Brier score depend on how common bad rows are, which is more here than in any traffic.</p>
"""


def page(report: Report) -> str:
    """The whole file."""
    sections: list[tuple[str, str, str, list[Part]]] = [("Summary", "summary", _summary(report), [])]
    for detector in report.detectors:
        parts = list(detector_parts(detector))
        body = "".join(f'<h3 id="{part.anchor}">{escape(part.title)}</h3>{part.body}' for part in parts)
        sections.append((detector.title, anchor(detector.title), _facts(detector) + body, parts))
    sections.append(("Data", "data", _data(report), []))
    sections.append(("How to read this", "how", _HOW, []))
    contents = "".join(_contents(title, at, parts) for title, at, _, parts in sections)
    main = "".join(
        f'<section><h2 id="{at}">{escape(title)}</h2>{body}</section>' for title, at, body, _ in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Detector evaluation</title><style>{CSS}</style></head><body><div class=page>"
        f'<nav aria-label="Contents"><ul>{contents}</ul></nav>'
        f"<main><h1>Detector evaluation</h1>{_when(report)}{main}</main></div></body></html>\n"
    )


def _contents(title: str, at: str, parts: Sequence[Part]) -> str:
    inner = "".join(f'<li><a href="#{part.anchor}">{escape(part.title)}</a></li>' for part in parts)
    return f'<li><a href="#{at}">{escape(title)}</a>{f"<ul>{inner}</ul>" if inner else ""}</li>'


def _when(report: Report) -> str:
    look = "faint" if report.split == "heldout" else "warn"
    return (
        f"<p class=faint>{escape(report.made)} · data <code>{escape(report.data)}</code> · "
        f"rules <code>{escape(report.policy[:16])}</code></p>"
        f"<p class={look}>Rows: {escape(rows_read(report))}.</p>"
    )


def _summary(report: Report) -> str:
    columns = ("detector", "question", "ROC AUC", "recall at 1 % false alarms", "recall, rules")
    more = ("false alarms, rules", "everyday prompts called bad", "answers called bad", "p50 per text")
    rows = [row for detector in report.detectors for row in _summary_rows(detector)]
    return table((*columns, *more), rows, words=2)


def _summary_rows(detector: DetectorReport) -> Iterable[tuple[str, ...]]:
    usual = {each.name: told(each.alarms) for each in detector.traffic}
    flagged = tuple(usual.get(f"all everyday {texts}", "") for texts in ("prompts", "answers"))
    p50 = spent(detector.latency.p50_us) if detector.latency else ""
    if not detector.panels:
        yield detector.title, "Labelled stretches" if detector.totals else "", *[""] * 4, *flagged, p50
    for number, panel in enumerate(detector.panels):
        rules = next((each for each in panel.operating if each.threshold is None), None)
        recall = panel.figures.recall[0]
        yield (
            "" if number else detector.title,
            panel.title,
            estimated(panel.figures.auc),
            f"{percent(recall.value)} ({percent(recall.low)}-{percent(recall.high)})",
            told(rules.recall) if rules else "no rule",
            told(rules.alarms) if rules else "no rule",
            *(("", "") if number else flagged),
            "" if number else p50,
        )


def _facts(detector: DetectorReport) -> str:
    pieces = [f"<p class=faint>version <code>{escape(detector.version)}</code>, {detector.rows:,} texts</p>"]
    if asked := passed_on(detector):
        pieces.append(f"<p class=faint>Of these, {escape(asked)}.</p>")
    for why, count in detector.failed.items():
        pieces.append(f"<p class=warn>No answer for {count:,} texts, left out: {escape(why)}</p>")
    if not detector.rules:
        pieces.append("<p class=warn>No rule asks this detector, so nothing is decided by it.</p>")
        return "".join(pieces)
    if detector.rules_mode == "shadow":
        pieces.append(
            "<p class=warn>All its rules are in shadow: what they call bad is recorded, no more.</p>"
        )
    rows = [
        (
            rule.id,
            " ".join(rule.types),
            rule.action,
            rule.mode,
            " ".join(rule.stages),
            " ".join(rule.roles) if rule.roles else "all",
            f"{rule.score:.2f}",
        )
        for rule in detector.rules
    ]
    lowest = f"{detector.threshold:.2f}" if detector.threshold is not None else ""
    columns = ("rule", "types", "action", "mode", "stage", "speakers", "from score")
    inner = table(columns, rows, words=6)
    pieces.append(folded(f"{len(rows)} rule{'s' * (len(rows) != 1)}, the lowest threshold {lowest}", inner))
    return "".join(pieces)


def _data(report: Report) -> str:
    pieces = [table(("source", "texts"), [(name, f"{count:,}") for name, count in report.sources.items()])]
    if report.skipped:
        pieces.append(f"<p>Folders that were not read: {escape(', '.join(report.skipped))}</p>")
    if report.malformed:
        rows = [(each.file, f"{each.line}", each.why) for each in report.malformed[:100]]
        inner = table(("file", "line", "what is wrong"), rows, words=3)
        pieces.append(f"<p class=warn>{len(report.malformed):,} malformed lines were left out.</p>{inner}")
    return "".join(pieces)
