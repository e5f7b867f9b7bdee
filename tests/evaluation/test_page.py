"""The page stands alone, and nothing of the data can break out of it."""

from __future__ import annotations

import re
import xml.etree.ElementTree
from html.parser import HTMLParser

import pytest

from sentinel.evaluation import charts
from sentinel.evaluation.calibration import calibration
from sentinel.evaluation.intervals import Share, share
from sentinel.evaluation.page import page
from sentinel.evaluation.ranking import Ranking
from sentinel.evaluation.report import DetectorReport, Latency, Mistake, Operating, Panel, Report, Slice

EVIL = "<script>alert('&amp;')</script>"
_VOID = {"meta"}


class Reader(HTMLParser):
    """Checks that elements nest, and gathers ids and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def report() -> Report:
    labels, scores = [1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1]
    ranking = Ranking(labels, scores, list("abcd"))
    some = share([(str(number), number % 2 == 0) for number in range(20)])
    panel = Panel(
        "prompts",
        "Labelled prompts",
        "Rows.",
        4,
        2,
        ranking.figures(50),
        (Operating("the rules", None, some, some, some),),
        ranking.roc(),
        ranking.precision_recall(),
        calibration(labels, scores),
    )
    piece = Slice(EVIL, "prompt", 4, 2, None, some, some, None, some, None)
    mistake = Mistake("toxicity/x", 3, EVIL, 0.9, EVIL)
    detector = DetectorReport(
        name=EVIL,
        version=EVIL,
        area="toxicity",
        rules_mode="none",
        rules=(),
        threshold=None,
        rows=4,
        failed={EVIL: 1},
        panels=(panel,),
        sources=(piece,),
        kinds=(piece,),
        groups=(piece,),
        harmless=(piece,),
        traffic=(piece,),
        types=(),
        totals=(),
        latency=Latency(4, 1.0, 2.0, 0, 0.0, 0.0),
        false_alarms=(mistake,),
        misses=(),
    )
    return Report("2026-01-01", EVIL, "all", None, "f" * 64, {EVIL: 4}, (), (EVIL,), (detector,))


def read() -> Reader:
    reader = Reader()
    reader.feed(page(report()))
    return reader


def test_elements_nest_and_nothing_of_the_data_is_markup() -> None:
    reader = read()
    assert reader.open == []
    assert "script" not in reader.seen


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = page(report())
    assert all(link.startswith("#") for link in read().links)
    assert not re.search(r"https?:|url\(|@import|<(img|link|iframe|object)", html)


def test_one_table_of_contents_leads_to_every_heading() -> None:
    reader = read()
    assert reader.seen.count("nav") == 1 and reader.seen.count("h1") == 1
    assert len(reader.ids) == len(set(reader.ids))
    assert [link.removeprefix("#") for link in reader.links] == reader.ids


def test_charts_are_well_formed() -> None:
    svgs = re.findall(r"<svg.*?</svg>", page(report()), re.DOTALL)
    # Curves and calibration; groups, by rules and strictly; harmless texts; traffic.
    assert len(svgs) == 4 + 2 + 1 + 1
    for svg in svgs:
        assert xml.etree.ElementTree.fromstring(svg).get("aria-label")


@pytest.mark.parametrize("high", [0.0, 0.0004, 0.013, 0.5, 1.0])
def test_an_interval_stays_within_its_axis(high: float) -> None:
    svg = charts.intervals("shares", [("a", Share(1, 10, high / 2, 0.0, high))])
    (drawn,) = re.findall(r'class="interval" d="M([\d.]+) [\d.]+H([\d.]+)"', svg)
    assert 250 <= float(drawn[0]) <= float(drawn[1]) <= 631


def test_a_straight_line_is_bent_by_a_logarithmic_axis() -> None:
    svg = charts.curve("t", "x", "y", [(0.0, 0.0), (1.0, 1.0)], logarithmic=True)
    (path,) = re.findall(r'class="curve" d="M([^"]+)"', svg)
    places = [tuple(map(float, each.split())) for each in path.split("L")]
    x, y = min(places, key=lambda place: abs(place[0] - (charts.WIDTH - charts.RIGHT + 2 * charts.LEFT) / 3))
    tall = charts.HEIGHT - charts.TOP - charts.BOTTOM
    assert (charts.HEIGHT - charts.BOTTOM - y) / tall == pytest.approx(0.01, abs=0.005)  # at a third: 0.01


def test_no_false_alarm_lies_at_the_left_of_a_logarithmic_axis() -> None:
    svg = charts.curve("t", "x", "y", [(0.0, 0.0), (0.0, 0.5), (1.0, 1.0)], logarithmic=True)
    assert f'd="M{charts.LEFT}.0 ' in svg
