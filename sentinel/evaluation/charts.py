"""Charts as SVG text. Colours are CSS variables of the page, so that they follow light and dark; lines
differ by dash and marks by shape as well, for those who do not see the colours apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

import msgspec

from sentinel.evaluation.calibration import Calibration
from sentinel.evaluation.intervals import Share

WIDTH, HEIGHT = 300, 262
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 42
_LEAST = 0.001  # where a logarithmic axis begins
_TENTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_DECADES = (0.001, 0.01, 0.1, 1.0)

Point = tuple[float, float]


class Mark(msgspec.Struct, frozen=True):
    """A point worth telling, by name; `shape` is circle, square or diamond."""

    name: str
    at: Point
    shape: str


def curve(
    title: str,
    x_label: str,
    y_label: str,
    points: Sequence[Point],
    *,
    marks: Sequence[Mark] = (),
    chance: Sequence[Point] = (),
    logarithmic: bool = False,
) -> str:
    """A curve in the unit square. `chance` is what guessing gives, dashed."""
    place = _place(logarithmic)
    drawing = [_frame(x_label, y_label, place, _DECADES if logarithmic else _TENTHS)]
    if chance:
        drawing.append(f'<path class="chance" d="{_path(chance, place)}"/>')
    drawn = _bent(points) if logarithmic else points
    drawing.append(f'<path class="curve" d="{_path(drawn, place)}"/>')
    drawing += [_mark(mark, place) for mark in marks]
    return _svg(title, WIDTH, HEIGHT, drawing)


def reliability(title: str, calibration: Calibration) -> str:
    """Mean score against the share that is bad, bin by bin, with intervals; below, how many rows each bin
    has."""
    place = _place(False)
    drawing = [_frame("mean score", "share labelled bad", place, _TENTHS)]
    drawing.append(f'<path class="chance" d="{_path([(0, 0), (1, 1)], place)}"/>')
    most = max(each.rows for each in calibration.bins)
    floor = HEIGHT - BOTTOM
    for each in calibration.bins:
        x, y = place((each.score, each.share))
        tall = 40 * each.rows / most
        drawing.append(
            f'<rect class="bar" x="{x - 6:.1f}" y="{floor - tall:.1f}" width="12" height="{tall:.1f}">'
            f"<title>{each.rows:,} rows</title></rect>"
        )
        _, low = place((0, each.low))
        _, high = place((0, each.high))
        drawing.append(f'<path class="interval" d="M{x:.1f} {low:.1f}V{high:.1f}"/>')
        told = f"score {each.score:.2f}: {each.share:.1%} of {each.rows:,} are bad"
        drawing.append(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{told}</title></circle>'
        )
    return _svg(title, WIDTH, HEIGHT, drawing)


def intervals(title: str, rows: Sequence[tuple[str, Share]]) -> str:
    """Shares under each other with their intervals, on an axis as long as the longest."""
    width, step, left = 720, 22, 250
    top = _nice(max(share.high for _, share in rows))
    height = TOP + step * len(rows) + 34

    def x(value: float) -> float:
        return left + value / top * (width - left - 90)

    drawing = []
    for tick in [top * part / 4 for part in range(5)]:
        at = x(tick)
        drawing.append(f'<path class="grid" d="M{at:.1f} {TOP}V{height - 30}"/>')
        drawing.append(f'<text x="{at:.1f}" y="{height - 14}" text-anchor="middle">{tick:.3g}</text>')
    for number, (name, share) in enumerate(rows):
        y = TOP + step * number + step / 2
        drawing.append(f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>')
        drawing.append(f'<path class="interval" d="M{x(share.low):.1f} {y:.1f}H{x(share.high):.1f}"/>')
        drawing.append(f'<circle class="dot" cx="{x(share.value):.1f}" cy="{y:.1f}" r="4"/>')
        told = f"{share.hits:,} of {share.of:,}"
        drawing.append(f'<text class="count" x="{width}" y="{y + 4:.1f}" text-anchor="end">{told}</text>')
    return _svg(title, width, height, drawing)


Place = Callable[[Point], Point]


def _place(logarithmic: bool) -> Place:
    """From the unit square to the drawing."""

    def place(point: Point) -> Point:
        x, y = point
        if logarithmic:
            x = 1 - math.log10(max(x, _LEAST)) / math.log10(_LEAST)
        return LEFT + x * (WIDTH - LEFT - RIGHT), TOP + (1 - y) * (HEIGHT - TOP - BOTTOM)

    return place


def _bent(points: Sequence[Point]) -> list[Point]:
    """With points between: what is straight on even axes is not on a logarithmic one."""
    bent = [points[0]]
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        first = max(x0, _LEAST)
        steps = 1 + int(math.log10(x1 / first) * 30) if x1 > first else 1
        for step in range(1, steps):
            x = first * (x1 / first) ** (step / steps)
            bent.append((x, y0 + (y1 - y0) * (x - x0) / (x1 - x0)))
        bent.append((x1, y1))
    return bent


def _frame(x_label: str, y_label: str, place: Place, x_ticks: Sequence[float]) -> str:
    pieces = []
    for tick in x_ticks:
        x, y = place((tick, 0))
        pieces.append(f'<path class="grid" d="M{x:.1f} {TOP}V{y:.1f}"/>')
        pieces.append(f'<text x="{x:.1f}" y="{y + 15:.1f}" text-anchor="middle">{tick:g}</text>')
    for tick in _TENTHS:
        x, y = place((0, tick))
        pieces.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        pieces.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    pieces.append(
        f'<text class="label" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
    )
    at = (TOP + HEIGHT - BOTTOM) / 2
    pieces.append(
        f'<text class="label" text-anchor="middle" transform="translate(12 {at}) rotate(-90)">'
        f"{escape(y_label)}</text>"
    )
    return "".join(pieces)


def _path(points: Sequence[Point], place: Place) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in map(place, points))


def _mark(mark: Mark, place: Place) -> str:
    x, y = place(mark.at)
    told = f"<title>{escape(mark.name)}</title>"
    if mark.shape == "circle":
        return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5">{told}</circle>'
    turned = f' transform="rotate(45 {x:.1f} {y:.1f})"' if mark.shape == "diamond" else ""
    return (
        f'<rect class="mark {mark.shape}" x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"{turned}>'
        f"{told}</rect>"
    )


def _nice(value: float) -> float:
    """The next of 1, 2, 5, 10 ... that holds the value, at most 1."""
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return min(1.0, next(step * size for step in (1, 2, 5, 10) if step * size >= value * (1 - 1e-9)))


def _svg(title: str, width: float, height: float, drawing: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{''.join(drawing)}</svg>"
    )
