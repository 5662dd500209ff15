"""Two pictures of a verdict, each an SVG of a few kilobytes: differences with their intervals, and what scores mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from readiness_pipelines.flow import Judged
from readiness_pipelines.reports.markup import Html, element
from readiness_pipelines.reports.svg import COLOURS, picture, strokes, texts

_MOST = 24  # lines of a picture
_NAMES, _WIDE, _LINE, _HEAD = 190, 560, 20, 34  # pixels: room for names, width, height of a line and of what is above
_SIDE, _EDGE = 240, 34  # of the square of the calibration picture, and around it


def intervals_plot(judged: Sequence[Judged], *, alone: bool = False) -> Html:
    """Return one line each: what was measured as a dot between its bounds, what it must be over as a tick. Nothing of nothing.

    An interval that is open at an end goes to the picture's edge. `alone`: as a file of its own, not within a page.
    """
    found = judged[:_MOST]
    ends = [value for each in found for value in (each.low, each.value, each.high, each.limit, 0.0) if value is not None]
    if not found:
        return Html("")
    least, most = min(ends), max(ends)
    room = (most - least) * 0.05 or 0.05
    scale = (_WIDE - _NAMES - 20) / (most - least + 2 * room)

    def at(value: float | None, otherwise: float) -> float:
        return _NAMES + ((otherwise if value is None else value) - least + room) * scale

    lows, ticks, names, dots = [], [], [], []
    for number, each in enumerate(found):
        y = _HEAD + number * _LINE
        lows.append(f"M{at(each.low, least - room):.1f} {y}H{at(each.high, most + room):.1f}")
        ticks.append(f"M{at(each.limit, 0.0):.1f} {y - 6}V{y + 6}" if each.limit is not None else "")
        names.append((8.0, y + 4.0, f"{each.rule} {each.about}".strip()[:30]))
        dots.append(element("circle", cx=f"{at(each.value, 0.0):.1f}", cy=y, r=4, class_="ink", fill=COLOURS["ink"]))
    tall = _HEAD + len(found) * _LINE
    zero = strokes(f"M{at(0.0, 0.0):.1f} {_HEAD - 12}V{tall - 8}", "reference", 1, dashes="3 3")
    heads = [(at(least, 0.0), 14.0, f"{least:+.3g}"), (at(0.0, 0.0), 14.0, "0"), (at(most, 0.0), 14.0, f"{most:+.3g}")]
    inside = [zero, strokes("".join(lows), "window", 3), strokes("".join(ticks), "low", 3), *dots]
    return picture(
        [*inside, texts(names, "ink", 12), texts(_apart(heads), "dim", 11, anchor="middle")],
        _WIDE,
        tall,
        "difference of the metric to the other side, its 95% bounds, and the limit",
        alone=alone,
    )


def calibration_plot(curves: Mapping[str, Sequence[Sequence[float]]], *, alone: bool = False) -> Html:
    """Return the share that is positive over the mean score, of one or two sides, beside the diagonal of what they should be.

    `curves` holds points (mean score, share positive, rows) by side.
    """

    def place(point: Sequence[float]) -> str:
        return f"{_EDGE + point[0] * _SIDE:.1f} {_EDGE / 2 + (1 - point[1]) * _SIDE:.1f}"

    lines, names = [strokes(f"M{place((0, 0))}L{place((1, 1))}", "reference", 1, dashes="3 3")], []
    for number, (side, points) in enumerate(sorted(curves.items(), key=lambda each: each[0] != "challenger")):
        path = "L".join(place(point) for point in points if None not in point[:2])
        class_ = "window" if number == 0 else "low"
        lines.append(strokes(f"M{path}" if path else "", class_, 2))
        y = _EDGE / 2 + 14.0 + 18 * number
        lines.append(strokes(f"M{_SIDE + _EDGE + 16} {y - 4}h18", class_, 3))
        names.append((_SIDE + _EDGE + 40.0, y, side))
    axis = strokes(f"M{place((0, 1))}V{_EDGE / 2 + _SIDE:.1f}H{_EDGE + _SIDE:.1f}", "reference", 1)
    foot = _EDGE / 2 + _SIDE + 14
    ends = [(_EDGE + 0.0, foot, "0"), (_EDGE + _SIDE / 2, foot, "score"), (_EDGE + _SIDE + 0.0, foot, "1")]
    title = "share of positives over the mean score"
    inside = [axis, *lines, texts(names, "ink", 12), texts(ends, "dim", 11, anchor="middle")]
    return picture(inside, _SIDE + 2 * _EDGE + 110, _SIDE + _EDGE, title, alone=alone)


def _apart(heads: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Return the labels of an axis without those that would lie on the one before."""
    shown: list[tuple[float, float, str]] = []
    for each in heads:
        if all(abs(each[0] - other[0]) > 45 for other in shown):
            shown.append(each)
    return shown
