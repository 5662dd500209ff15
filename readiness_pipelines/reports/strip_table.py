"""A table whose lines are strips under one calendar: a name, the strip, a number, and words."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.reports.markup import Html, element, name
from readiness_pipelines.reports.periods import Columns
from readiness_pipelines.reports.strips import axis

_WIDEST, _NARROWEST = 20, 260  # pixels: of one column, so that a few are not stretched over the page; of them all


def strip_table(columns: Columns, title: str, number: str, words: str, lines: Sequence[Html]) -> Html:
    """Return the table of these lines; its heads name what stands in them, and the calendar."""
    calendar = element("div", axis(columns), class_="calendar")
    return element(
        "table",
        element("thead", heads(title, calendar, number, words)),
        element("tbody", *lines),
        class_="strips",
        style=f"--strip:{max(len(columns.periods) * _WIDEST, _NARROWEST)}px",
    )


def heads(title: str, time: Html, number: str, words: str) -> Html:
    """Return a line of heads."""
    cells = ((title, None), (time, "time"), (number, "n"), (words, None))
    return element("tr", *(element("th", text, scope="col", class_=class_) for text, class_ in cells), class_="heads")


def line(title: str, note: str, strip: Html, number: str, words: str) -> Html:
    """Return a line; `note` stands in small under the name."""
    label = element("th", name(title), element("div", note, class_="faint") if note else Html(""), scope="row")
    cells = ((strip, "time"), (number, "n"), (words, "words"))
    return element("tr", label, *(element("td", text, class_=class_) for text, class_ in cells))
