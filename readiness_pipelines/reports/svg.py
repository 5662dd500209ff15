"""What pictures are drawn with: text and thick strokes, in colours of their own that a page can change by their class."""

from __future__ import annotations

from collections.abc import Iterable

from readiness_pipelines.reports.markup import Html, element

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
_NAMESPACE = "http://www.w3.org/2000/svg"  # a page's own SVG has it by itself


def picture(inside: Iterable[object], wide: float, tall: float, title: str, *, alone: bool = True) -> Html:
    """Return the SVG, on paper; `alone`: as a file of its own, not within a page."""
    sides: dict[str, object] = {"width": f"{wide:g}", "height": f"{tall:g}", "viewBox": f"0 0 {wide:g} {tall:g}"}
    paper = element("rect", width="100%", height="100%", rx=6, class_="paper", fill=COLOURS["paper"])
    named = {"class_": "plot", "role": "img", "font_family": "sans-serif", "xmlns": _NAMESPACE if alone else None}
    return element("svg", element("title", title), paper, *inside, **named, **sides)


def texts(
    placed: Iterable[tuple[float, float, str]], class_: str, size: int, *, bold: bool = False, anchor: str | None = None
) -> Html:
    """Return texts of one kind, each with the place of its foot; none of nothing."""
    lines = [element("text", words, x=f"{x:.0f}", y=f"{y:.0f}") for x, y, words in placed if words]
    weight = "bold" if bold else None
    return element("g", *lines, class_=class_, fill=COLOURS[class_], font_size=size, font_weight=weight, text_anchor=anchor)


def strokes(path: str, class_: str, thick: float, *, dashes: str | None = None) -> Html:
    """Return lines as thick as marks are high: a mark takes few letters of a path. Nothing of no path."""
    drawn = {"fill": "none", "stroke": COLOURS[class_], "stroke_width": f"{thick:.1f}", "stroke_dasharray": dashes}
    return element("path", d=path, class_=f"line-{class_}", **drawn) if path else Html("")
