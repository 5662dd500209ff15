"""Two pictures of drift, each an SVG of a few kilobytes: column by window, and the worst columns against their reference.

They carry their own colours, for whoever shows them by themselves, and classes, by which a page can give them its own. No
mark is told by its colour alone: the worse the severity, the higher the bar; what could not be told is a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from readiness_pipelines.flow import DriftReport
from readiness_pipelines.reports.drift_columns import columns_of
from readiness_pipelines.reports.drift_facts import Cell, Standing
from readiness_pipelines.reports.markup import Html, element, joined

MOST_BARS = 12  # of a histogram
_MOST_ROWS, _MOST_WINDOWS, _MOST_HISTOGRAMS = 20, 40, 4
_CELL, _ROW, _NAMES = 12, 16, 170  # pixels: a window's width, a column's height, the room for names
_WIDE, _LABEL, _LINE, _HEAD = 330, 104, 14, 40  # of a histogram: width, room for labels, height of a bar and of what is above
_NAMESPACE = "http://www.w3.org/2000/svg"  # a page's own SVG has it by itself
_HIGH = 11.0  # of the highest mark of a cell
_CUT = 24  # characters of a name

COLOURS = {
    "paper": "#ffffff",
    "ink": "#1d2733",
    "dim": "#5d6977",
    "quiet": "#e3ede7",
    "near": "#b9a878",
    "low": "#e3b23c",
    "medium": "#e07b1f",
    "high": "#c8342b",
    "critical": "#6d0f2e",
    "doubt": "#6b7785",
    "reference": "#c3cdd6",
    "window": "#1f6fb2",
}
_HEIGHTS = {"near": 0.15, "low": 0.4, "medium": 0.6, "high": 0.8, "critical": 1.0}  # of a cell
_DOUBT = (Standing.UNDECIDED, Standing.INSUFFICIENT_SAMPLE, Standing.LEARNING)
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
    standing: Standing
    bars: tuple[Bar, ...]


def class_of(cell: Cell) -> str:
    """Return how a cell is drawn: its severity, `near` from half of a threshold on, `doubt` where nothing can be said."""
    if cell.standing is Standing.NONE:
        return "near" if cell.share >= 0.5 else "quiet"
    return "doubt" if cell.standing in _DOUBT else cell.standing.value


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
    names = [_text(10, 40 + _ROW * n, _short(name), "ink", 11) for n, name in enumerate(rows)]
    inside = [_text(10, 18, span + hidden, "dim", 11), *names, *_cells(list(rows.values())), _legend(10, height - 14)]
    return _svg(inside, width, height, "Drift by column and window")


def _order(worst: tuple[object, Cell] | None) -> tuple[int, float]:
    return worst[1].order if worst else (len(Standing), 0.0)


def _cells(rows: Sequence[Sequence[str]]) -> Iterator[Html]:
    """Yield a path per class: every cell that was measured has a quiet ground, and on it the mark of what was found."""
    paths = dict.fromkeys(LEGEND, "")
    for n, classes in enumerate(rows):
        last: dict[str, int] = {}
        for place, class_ in enumerate(classes):
            for drawn in _drawn(class_):
                x, y = _NAMES + place * _CELL, 30 + _ROW * n + _HIGH * (1 - height_of(drawn) / 2)
                is_next = last.get(drawn) == place - 1 and drawn != "doubt"
                paths[drawn] += f"m2 0h{_CELL - 2}" if is_next else f"M{x} {y:.1f}{_shape(drawn)}"
                last[drawn] = place
    yield from (_marks(class_, path) for class_, path in paths.items() if path)


def _drawn(class_: str) -> tuple[str, ...]:
    return () if not class_ else (class_,) if class_ in ("quiet", "doubt") else ("quiet", class_)


def _shape(class_: str) -> str:
    """A line as wide as the mark is high takes few letters of a path; what could not be told is a frame."""
    if class_ != "doubt":
        return f"h{_CELL - 2}"
    return f"m.5 {0.5 - _HIGH / 2:g}h{_CELL - 3}v{_HIGH - 1:g}h-{_CELL - 3}z"


def _marks(class_: str, path: str) -> Html:
    wide = "1" if class_ == "doubt" else f"{_HIGH * height_of(class_):.1f}"
    return element("path", d=path, class_=f"line-{class_}", fill="none", stroke=COLOURS[class_], stroke_width=wide)


def worst_columns(histograms: Sequence[Histogram]) -> str:
    """Return the SVG of the first 4 of these, two beside each other: under 15 kB."""
    shown = histograms[:_MOST_HISTOGRAMS]
    placed: list[Html] = []
    foot = 0
    for n in range(0, len(shown), 2):
        pair = shown[n : n + 2]
        placed += [element("g", _histogram(each), transform=f"translate({_WIDE * i} {foot})") for i, each in enumerate(pair)]
        foot += max(_tall(each) for each in pair)
    inside = placed or [_text(10, 20, "no column to show", "dim", 11)]
    return _svg([*inside, _sides(10, foot + 24)], _WIDE * min(max(len(shown), 1), 2), foot + 36, "The worst columns")


def histogram(of: Histogram) -> Html:
    """Return the SVG of one column, to stand in a page."""
    return _svg([_histogram(of)], _WIDE, _tall(of), f"{of.column}: {of.said}", alone=False)


def _tall(of: Histogram) -> int:
    return _HEAD + _LINE * len(of.bars) + 10


def _histogram(of: Histogram) -> Html:
    """Name, what was found, then a line per bin: a pale bar of the reference, and within it a narrow one of the window."""
    most = max((max(bar.reference, bar.window) for bar in of.bars), default=0.0) or 1.0
    room = _WIDE - _LABEL - 56
    parts = [_text(10, 16, _short(of.column), "ink", 12, bold=True), _text(10, 31, of.said, "dim", 11)]
    for n, bar in enumerate(of.bars):
        y = _HEAD + _LINE * n
        label = bar.label if len(bar.label) <= 15 else f"{bar.label[:14]}…"
        parts += [
            _text(_LABEL - 6, y + 10, label, "ink", 10, anchor="end"),
            _rect(_LABEL, y, room * bar.reference / most, 12, "reference"),
            _rect(_LABEL, y + 4, room * bar.window / most, 4, "window"),
            _text(_LABEL + room * max(bar.reference, bar.window) / most + 5, y + 10, _change(bar), "dim", 9),
        ]
    return joined(parts)


def _change(bar: Bar) -> str:
    """The share in the window, where it is not the reference's."""
    return f"{100 * bar.window:.0f}%" if abs(bar.window - bar.reference) >= 0.005 else ""


def _sides(x: int, y: int) -> Html:
    texts = [_text(x + 20, y, "reference", "ink", 10), _text(x + 110, y, "window, with its share of the rows", "ink", 10)]
    return joined([_rect(x, y - 10, 14, 12, "reference"), _rect(x + 90, y - 6, 14, 4, "window"), *texts])


def _legend(x: float, y: float) -> Html:
    parts: list[Html] = []
    for class_, words in LEGEND.items():
        parts.append(_marks(class_, f"M{x:.0f} {y + 1 - _HIGH * height_of(class_) / 2:.1f}{_shape(class_)}"))
        parts.append(_text(x + 14, y, words, "ink", 10))
        x += 26 + 5.2 * len(words)
    return joined(parts)


def _short(name: str) -> str:
    return name if len(name) <= _CUT else f"{name[: _CUT - 1]}…"


def _rect(x: float, y: float, wide: float, tall: float, class_: str) -> Html:
    return element("rect", x=f"{x:g}", y=f"{y:g}", width=f"{wide:.1f}", height=f"{tall:g}", class_=class_, fill=COLOURS[class_])


def _text(x: float, y: float, words: str, class_: str, size: int, *, bold: bool = False, anchor: str | None = None) -> Html:
    weight = "bold" if bold else None
    at = {"x": f"{x:.0f}", "y": f"{y:.0f}", "font_size": size, "font_weight": weight, "text_anchor": anchor}
    return element("text", words, class_=class_, fill=COLOURS[class_], **at)


def _svg(inside: Iterable[object], width: float, height: float, title: str, *, alone: bool = True) -> Html:
    sides: Mapping[str, object] = {"width": f"{width:g}", "height": f"{height:g}", "viewBox": f"0 0 {width:g} {height:g}"}
    paper = element("rect", width="100%", height="100%", rx=6, class_="paper", fill=COLOURS["paper"])
    named = {"class_": "plot", "role": "img", "font_family": "sans-serif", "xmlns": _NAMESPACE if alone else None}
    return element("svg", element("title", title), paper, *inside, **named, **sides)
