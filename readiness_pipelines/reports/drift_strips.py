"""Drift from left to right in one row, as SVG that stretches with the page: severities, a column's worst test, a metric.

No mark is told by its colour alone: the worse the severity, the higher its bar; what could not be told is a frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from readiness_pipelines.flow import Test
from readiness_pipelines.reports.drift_facts import Cell, ColumnFacts, Metric, MonitorFacts, WindowFacts
from readiness_pipelines.reports.drift_plots import LEGEND, class_of, height_of
from readiness_pipelines.reports.drift_words import number
from readiness_pipelines.reports.markup import Html, element
from readiness_pipelines.reports.periods import Columns, columns
from readiness_pipelines.reports.strips import paths_of, sample_of, strip_of

_TALL, _METRIC_TALL = 10.0, 40.0  # of a strip, in its own units: a column is 1 wide
_LEFT, _WIDE = 0.07, 0.86  # of a cell within its column


def calendar(facts: MonitorFacts, every: str) -> Columns:
    """Return the columns of a monitor's strips: one per window, or per week, month ... of the windows that end in it."""
    return columns([each.window.last for each in facts.windows], every=every)


def severity_strip(facts: MonitorFacts, cols: Columns) -> Html:
    """Return the severity of each window; where several share a column, the worst."""
    worst: dict[int, WindowFacts] = {}
    for each in facts.windows:
        place = cols.column_of[each.window.last]
        if place not in worst or each.level.place <= worst[place].level.place:
            worst[place] = each
    marks = []
    for place, each in sorted(worst.items()):
        class_ = class_of(Cell(None, None, each.level))
        told = f"{_span(each, place, cols)}: {each.level.value}{_names(each)}; {each.rows:,} rows"
        marks.append(element("g", element("title", told), *paths_of(_cell(class_, place))))
    return strip_of(marks, cols, _TALL, f"severity of {len(facts.windows)} windows", class_="strip severity")


def _span(each: WindowFacts, place: int, cols: Columns) -> str:
    n = cols.periods[place].partitions
    return f"{each.window}, the worst of {n} windows" if n > 1 else str(each.window)


def _names(each: WindowFacts) -> str:
    more = f" and {len(each.worst) - 3} more" if len(each.worst) > 3 else ""
    return f" in {', '.join(each.worst[:3])}{more}" if each.worst else ""


def column_strip(column: ColumnFacts, facts: MonitorFacts, cols: Columns) -> Html:
    """Return the worst test of a column in each window; where several windows share a column of the strip, the worst of all."""
    worst: dict[int, tuple[WindowFacts, Test, Cell]] = {}
    for n, window in enumerate(facts.windows):
        found, place = column.worst(n), cols.column_of[window.window.last]
        if found and (place not in worst or found[1].order < worst[place][2].order):
            worst[place] = (window, *found)
    quiet: dict[str, str] = {}
    marks = []
    for place, (window, test, cell) in sorted(worst.items()):
        class_ = class_of(cell)
        if class_ in ("quiet", "near"):
            _merge(quiet, _cell(class_, place))
            continue
        told = f"{window.window}: {cell.level.value}, {test.value} {number(cell.effect)}"
        marks.append(element("g", element("title", told), *paths_of(_cell(class_, place))))
    return strip_of([*paths_of(quiet), *marks], cols, _TALL, f"{column.title} over the windows")


def _merge(paths: dict[str, str], more: Mapping[str, str]) -> None:
    for class_, path in more.items():
        paths[class_] = paths.get(class_, "") + path


def _cell(class_: str, place: int) -> dict[str, str]:
    """A quiet ground, and on it a bar: the worse, the higher."""
    x = f"{place + _LEFT:.2f}".rstrip("0").rstrip(".")
    ground = f"M{x} 0h{_WIDE}v{_TALL:g}h-{_WIDE}z"
    if class_ in ("quiet", "doubt"):
        return {class_: ground}
    tall = round(_TALL * height_of(class_), 1)
    return {"quiet": ground, class_: f"M{x} {_TALL - tall:g}h{_WIDE}v{tall:g}h-{_WIDE}z"}


def legend() -> Html:
    """Return what each mark means."""
    return element(
        "div",
        *(element("span", sample_of(_cell(class_, 0)), words) for class_, words in LEGEND.items()),
        class_="legend",
    )


def metric_strip(
    metrics: Mapping[int, Metric], facts: MonitorFacts, cols: Columns, *, ends: tuple[float, float], name: str
) -> Html:
    """Return a metric over the windows within its interval, and that of the reference as a line of dashes.

    `ends` are the values at the foot and at the top. Of several windows that share a column the newest is drawn.
    """
    newest = {cols.column_of[facts.windows[n].window.last]: (facts.windows[n], metric) for n, metric in sorted(metrics.items())}
    runs = _runs(sorted(newest))
    band = "".join(_band([newest[p][1] for p in run], run[0], ends) for run in runs)
    values = "".join(_line([newest[p][1].value for p in run], run[0], ends) for run in runs)
    references = [metric.reference for _, metric in newest.values() if metric.reference is not None]
    dashes = f"M0 {_at(references[-1], ends):.1f}H{len(cols.periods)}" if references else ""
    hover = [
        element("path", element("title", _told(window, metric)), d=f"M{p} 0h1v{_METRIC_TALL:g}h-1z", class_="hover")
        for p, (window, metric) in sorted(newest.items())
    ]
    drawn = paths_of({"band": band, "dashes": dashes, "value": values})
    return strip_of([*drawn, *hover], cols, _METRIC_TALL, f"{name} over the windows", class_="strip metric")


def _told(window: WindowFacts, metric: Metric) -> str:
    return (
        f"{window.window}: {number(metric.value)} ({number(metric.low)} to {number(metric.high)}), {metric.n:,} rows with a label"
    )


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Return places that follow each other without a gap: nothing is drawn where nothing was measured."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _at(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    share = (value - low) / (high - low) if high > low else 0.5
    return _METRIC_TALL * (1 - min(max(share, 0.0), 1.0))


def _line(values: Sequence[float], first: int, ends: tuple[float, float]) -> str:
    """A step per window: each value stands for its whole window."""
    return "".join(f"{'L' if n else 'M'}{first + n} {_at(v, ends):.1f}h1" for n, v in enumerate(values))


def _band(metrics: Sequence[Metric], first: int, ends: tuple[float, float]) -> str:
    over = _line([each.high for each in metrics], first, ends)
    under = "".join(f"L{first + n + 1} {_at(m.low, ends):.1f}h-1" for n, m in reversed(list(enumerate(metrics))))
    return f"{over}{under}z"
