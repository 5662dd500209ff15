"""Two pictures of drift, each an SVG of a few kilobytes: column by window, and the worst columns against their reference.

They carry their own colours, for whoever shows them by themselves, and classes, by which a page can give them its own. No
mark is told by its colour alone: the worse the severity, the higher the bar; what could not be told is a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from readiness_pipelines.flow import DriftReport
from readiness_pipelines.reports.drift_columns import columns_of
from readiness_pipelines.reports.drift_facts import Cell, Level
from readiness_pipelines.reports.markup import Html, element, joined
from readiness_pipelines.reports.svg import picture, strokes, texts

MOST_BARS = 12  # of a histogram
_MOST_ROWS, _MOST_WINDOWS, _MOST_HISTOGRAMS = 20, 40, 4
_CELL, _ROW, _NAMES = 12, 16, 170  # pixels: a window's width, a column's height, the room for names
_WIDE, _LABEL, _LINE, _HEAD = 306, 104, 14, 40  # of a histogram: width, room for labels, height of a bar and of what is above
_HIGH = 11.0  # of the highest mark of a cell
_CUT = 24  # characters of a name

_HEIGHTS = {"near": 0.15, "low": 0.4, "medium": 0.6, "high": 0.8, "critical": 1.0}  # of a cell
_DOUBT = (Level.UNDECIDED, Level.INSUFFICIENT_SAMPLE, Level.LEARNING)
LEGEND = {
    "quiet": "no drift found",
    "near": "over half of the low threshold",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
    "doubt": "could not be told",
}


@dataclass(frozen=True)
class Bar:
    """One bin or category: the share of the rows that it has on either side."""

    label: str
    reference: float
    window: float


@dataclass(frozen=True)
class Histogram:
    """One column of a window beside its reference. `said` is what was found of it, in short."""

    column: str
    said: str
    level: Level
    bars: tuple[Bar, ...]


def class_of(cell: Cell) -> str:
    """Return how a cell is drawn: its severity, `near` from half of a threshold on, `doubt` where nothing can be said."""
    if cell.level is Level.NONE:
        return "near" if cell.share >= 0.5 else "quiet"
    return "doubt" if cell.level in _DOUBT else cell.level.value


def height_of(class_: str) -> float:
    """Return how much of a cell's height its mark takes: the worse, the higher."""
    return _HEIGHTS.get(class_, 1.0)


def heat_map(reports: Sequence[DriftReport]) -> str:
    """Return the SVG of the newest 40 windows (given oldest first) by the 20 columns that alarmed most: under 15 kB."""
    newest = reports[-_MOST_WINDOWS:]
    columns = columns_of(newest)
    shown = sorted(columns, key=lambda each: (-each.alarms(), *_order(each.worst(len(newest) - 1)), each.name))[:_MOST_ROWS]
    rows: dict[str, list[str]] = {}
    for column in shown:
        worst = [column.worst(n) for n in range(len(newest))]
        rows[column.title] = ["" if each is None else class_of(each[1]) for each in worst]
    span = f"windows until {newest[0].measured.window.last} ... {newest[-1].measured.window.last}" if newest else "no window yet"
    hidden = f", the worst {len(shown)} of {len(columns)} columns" if len(columns) > len(shown) else ""
    width, height = max(_NAMES + _CELL * len(newest) + 10, 560), _ROW * len(rows) + 66
    names = texts([(10, 40 + _ROW * n, _short(name)) for n, name in enumerate(rows)], "ink", 11)
    head = texts([(10, 18, span + hidden)], "dim", 11)
    return picture(
        [head, names, *_cells(list(rows.values())), *_legend(10, height - 14)], width, height, "Drift by column and window"
    )


def _order(worst: tuple[object, Cell] | None) -> tuple[int, float]:
    return worst[1].order if worst else (len(Level), 0.0)


def _cells(rows: Sequence[Sequence[str]]) -> Iterator[Html]:
    """Yield the marks of all cells: each that was measured has a quiet ground, and on it the mark of what was found."""
    paths = dict.fromkeys(LEGEND, "")
    for n, classes in enumerate(rows):
        for class_ in LEGEND:
            wanted = [each and (each == class_ or class_ == "quiet" and each != "doubt") for each in classes]
            y = 30 + _ROW * n + _HIGH * (1 - height_of(class_) / 2)
            for place, cells in _runs(wanted):
                paths[class_] += f"M{_NAMES + place * _CELL} {y:.4g}h{cells * _CELL - 2}"
    for class_, path in paths.items():
        yield from _marks(class_, path)


def _runs(wanted: Iterable[object]) -> Iterator[tuple[int, int]]:
    """Yield (first place, how many) of what is wanted and follows each other."""
    place = 0
    for is_wanted, run in groupby(wanted, key=bool):
        cells = len(list(run))
        if is_wanted:
            yield place, cells
        place += cells


def _marks(class_: str, path: str) -> Iterator[Html]:
    """Yield the cells of a class: a line of dashes is cut into them; what could not be told is hollow."""
    yield strokes(path, class_, _HIGH * height_of(class_), dashes=f"{_CELL - 2} 2")
    if class_ == "doubt":
        yield strokes(path, "paper", _HIGH - 2, dashes=f"0 1 {_CELL - 4} 3")


def worst_columns(histograms: Sequence[Histogram]) -> str:
    """Return the SVG of the first 4 of these, two beside each other: under 15 kB."""
    shown = histograms[:_MOST_HISTOGRAMS]
    placed: list[Html] = []
    foot = 0
    for n in range(0, len(shown), 2):
        pair = shown[n : n + 2]
        placed += [element("g", _histogram(each), transform=f"translate({_WIDE * i} {foot})") for i, each in enumerate(pair)]
        foot += max(_tall(each) for each in pair)
    inside = placed or [texts([(10, 20, "no column to show")], "dim", 11)]
    return picture([*inside, *_sides(10, foot + 24)], _WIDE * min(max(len(shown), 1), 2), foot + 36, "The worst columns")


def histogram(of: Histogram) -> Html:
    """Return the SVG of one column, to stand in a page."""
    return picture([_histogram(of)], _WIDE, _tall(of), f"{of.column}: {of.said}", alone=False)


def _tall(of: Histogram) -> int:
    return _HEAD + _LINE * len(of.bars) + 10


def _histogram(of: Histogram) -> Html:
    """Name, what was found, then a line per bin: a thick pale bar of the reference, and on it a narrow one of the window."""
    most = max((max(bar.reference, bar.window) for bar in of.bars), default=0.0) or 1.0
    room = _WIDE - _LABEL - 56
    feet = [_HEAD + _LINE * n + 10 for n in range(len(of.bars))]
    ends = [_LABEL + room * max(bar.reference, bar.window) / most + 5 for bar in of.bars]
    return joined(
        [
            texts([(10, 16, _short(of.column))], "ink", 12, bold=True),
            texts([(10, 31, of.said)], "dim", 11),
            texts([(_LABEL - 6, y, _label(bar)) for y, bar in zip(feet, of.bars, strict=True)], "ink", 10, anchor="end"),
            texts([(x, y, _change(bar)) for x, y, bar in zip(ends, feet, of.bars, strict=True)], "dim", 9),
            _bars([room * bar.reference / most for bar in of.bars], "reference", 12),
            _bars([room * bar.window / most for bar in of.bars], "window", 4),
        ]
    )


def _bars(lengths: Sequence[float], class_: str, thick: float) -> Html:
    path = "".join(f"M{_LABEL} {_HEAD + _LINE * n + 6}h{length:.1f}" for n, length in enumerate(lengths) if length)
    return strokes(path, class_, thick)


def _label(bar: Bar) -> str:
    return bar.label if len(bar.label) <= 15 else f"{bar.label[:14]}…"


def _change(bar: Bar) -> str:
    """The share in the window, where it is not the reference's."""
    return f"{100 * bar.window:.0f}%" if abs(bar.window - bar.reference) >= 0.005 else ""


def _sides(x: int, y: int) -> Iterator[Html]:
    yield strokes(f"M{x} {y - 4}h14", "reference", 12)
    yield strokes(f"M{x + 90} {y - 4}h14", "window", 4)
    yield texts([(x + 20, y, "reference"), (x + 110, y, "window, with its share of the rows")], "ink", 10)


def _legend(x: float, y: float) -> Iterator[Html]:
    words = []
    for class_, said in LEGEND.items():
        yield from _marks(class_, f"M{x:.0f} {y + 1 - _HIGH * height_of(class_) / 2:.1f}h{_CELL - 2}")
        words.append((x + 14, y, said))
        x += 26 + 5.2 * len(said)
    yield texts(words, "ink", 10)


def _short(name: str) -> str:
    return name if len(name) <= _CUT else f"{name[: _CUT - 1]}…"
