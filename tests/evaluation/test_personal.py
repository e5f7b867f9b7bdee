"""Totals over types: which types count, and at which scores."""

from __future__ import annotations

import pytest

from sentinel.core.background import Background
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.detector_set import DetectorSet
from sentinel.evaluation.report import DetectorReport
from sentinel.evaluation.run import evaluate
from sentinel.evaluation.spans import Tally
from sentinel.policy.load import load_policy

RULES = """
rules:
  - {id: mail, level: low, detect: {detector: finder, type: MAIL, score: 0.8}, action: redact}
  - {id: watch, level: low, detect: {detector: finder, type: PERSON, score: 0.3}, action: flag, mode: shadow}
"""
TEXT = "0123456789"


class Finder:
    """Finds a weak and a strong mail, a person, and what is below the noise."""

    name = "finder"
    version = "1"

    def inspect(self, text: str, background: Background) -> Inspection:
        found = [("MAIL", 0, 2, 0.9), ("MAIL", 2, 4, 0.5), ("PERSON", 4, 6, 0.4), ("MAIL", 6, 8, 0.05)]
        return Inspection(tuple(Finding("finder", *each) for each in found))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> DetectorReport:
    folder = tmp_path_factory.mktemp("personal")
    (folder / "pii").mkdir()
    spans = ", ".join(
        f'{{"start": {start}, "end": {start + 2}, "type": "{type_}"}}'
        for start, type_ in ((0, "MAIL"), (2, "MAIL"), (4, "PER"), (6, "MAIL"), (8, "SHOE_SIZE"))
    )
    row = f'{{"text": "{TEXT}", "spans": [{spans}]}}\n'
    (folder / "pii" / "mine.jsonl").write_text(row)
    (folder / "rules.yaml").write_text(RULES)
    policy = load_policy([folder / "rules.yaml"], {"finder"})
    detectors = DetectorSet([], [Finder()], folder)
    (found,) = evaluate(folder, {"finder": "pii"}, detectors, policy).detectors
    return found


def test_a_type_counts_from_its_rules_score(report: DetectorReport) -> None:
    found = {each.type: each for each in report.types}
    mail = found["MAIL"]
    assert (mail.score, mail.mode) == (0.8, "enforce")
    assert mail.exact == mail.overlap == Tally(labels=3, met=1, found=1, right=1)
    assert mail.seen == Tally(labels=3, met=2, found=2, right=2)
    assert (found["PERSON"].score, found["PERSON"].mode, found["PERSON"].exact.met) == (0.3, "shadow", 1)
    assert (found["SHOE_SIZE"].score, found["SHOE_SIZE"].mode) == (0.5, "no rule")


def test_totals_leave_out_what_the_detector_does_not_know(report: DetectorReport) -> None:
    totals = {(each.name, each.level): each for each in report.totals}
    assert set(totals) == {
        (name, level) for name in ("identifiers", "names") for level in ("rules", "score 0.1")
    }
    assert totals["identifiers", "rules"].labels == 3
    f1, f2 = totals["identifiers", "rules"].exact
    assert f1.value == pytest.approx(2 * 1 / 3 / (1 + 1 / 3))
    assert f2.value == pytest.approx(5 * 1 / 3 / (4 + 1 / 3))
    assert totals["identifiers", "score 0.1"].exact[0].value == pytest.approx(2 * 2 / 3 / (1 + 2 / 3))
