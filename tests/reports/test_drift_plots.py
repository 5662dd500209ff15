"""The pictures of drift: sound SVG, small, with a mark for what was found and none for what was not."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from readiness_pipelines.flow import Mode, Severity, Test
from readiness_pipelines.reports.drift_facts import Cell, Level
from readiness_pipelines.reports.drift_plots import Bar, Histogram, class_of, heat_map, height_of, histogram, worst_columns
from tests.reports.drift_scene import a_year, columns, day, measurement, performance, report

SMALL = 15_000
_SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{_SVG}text")]


def lengths(svg: str, class_: str) -> list[float]:
    """How long the lines of a class are, one after the other."""
    paths = [path for path in ET.fromstring(svg).iter(f"{_SVG}path") if path.get("class") == f"line-{class_}"]
    return [float(length) for path in paths for length in re.findall(r"h([0-9.]+)", path.get("d", ""))]


def cells(svg: str, class_: str) -> int:
    """How many cells of 10 and gaps of 2 the heat map has of a class, without the one in the legend."""
    return sum(int(length + 2) // 12 for length in lengths(svg, class_)) - 1


def test_each_window_of_each_column_is_a_cell_that_says_its_severity() -> None:
    svg = heat_map(
        [
            report(day(4), columns(age=0.01, stay=0.01)),
            report(day(5), columns(age=0.12, stay=0.06)),
            report(day(6), columns(age=0.4, stay=0.03), mode=Mode.DECIDED),
            report(day(7), columns(age=0.01, stay=0.01), mode=Mode.INSUFFICIENT_SAMPLE),
        ]
    )
    found = {class_: cells(svg, class_) for class_ in ("quiet", "near", "low", "medium", "high", "critical", "doubt")}
    assert found == {"quiet": 6, "near": 1, "low": 1, "medium": 1, "high": 0, "critical": 1, "doubt": 2}
    assert words(svg)[:3] == ["windows until 2025-01-04 ... 2025-01-07", "age", "stay"]


def test_the_worse_the_higher_so_that_no_severity_is_told_by_colour_alone() -> None:
    heights = [height_of(class_) for class_ in ("near", "low", "medium", "high", "critical")]
    assert heights == sorted(set(heights)) and heights[-1] == 1.0


@pytest.mark.parametrize(
    ("level", "effect", "class_"),
    [
        (Level.NONE, 0.024, "quiet"),
        (Level.NONE, 0.025, "near"),
        (Level.NONE, None, "quiet"),
        (Level.LOW, 0.06, "low"),
        (Level.CRITICAL, 0.6, "critical"),
        (Level.UNDECIDED, 0.05, "doubt"),
        (Level.INSUFFICIENT_SAMPLE, 0.01, "doubt"),
        (Level.LEARNING, None, "doubt"),
    ],
)
def test_a_cell_is_drawn_as_what_it_says(level: Level, effect: float | None, class_: str) -> None:
    assert class_of(Cell(effect, 0.05, level)) == class_


def test_a_year_of_two_hundred_columns_is_its_newest_windows_and_worst_columns_and_small() -> None:
    year = a_year(windows=60)
    svg = heat_map(year)
    assert len(svg) < SMALL
    assert (
        words(svg)[0]
        == f"windows until {year[20].measured.window.last} ... {year[-1].measured.window.last}, the worst 20 of 201 columns"
    )


def test_where_every_cell_alarms_the_heat_map_is_small_too() -> None:
    mixed = [0.06, 0.12, 0.25, 0.4]
    many = [
        report(day(4 + n), [measurement(f"a_column_with_a_name_that_is_long_{i}", Test.KS, mixed[(n + i) % 4]) for i in range(30)])
        for n in range(45)
    ]
    assert len(heat_map(many)) < SMALL


def test_performance_is_a_line_of_its_own() -> None:
    svg = heat_map([report(day(4), [*columns(score=0.01), performance(0.7)])])
    assert {"score", "score: performance"} <= set(words(svg))


def test_no_window_is_no_error() -> None:
    assert words(heat_map([]))[0] == "no window yet"
    assert "no column to show" in words(worst_columns([]))


def a_histogram(column: str = "payer_code", bars: int = 3) -> Histogram:
    shares = tuple(Bar(f"code {n}", 0.3, 0.3 + n / 10) for n in range(bars))
    return Histogram(column, "missing values 0.260, high", Level.HIGH, shares)


def test_a_column_is_its_bars_each_beside_that_of_the_reference() -> None:
    svg = worst_columns([a_histogram()])
    assert words(svg)[:5] == ["payer_code", "missing values 0.260, high", "code 0", "code 1", "code 2"]
    *reference, _ = lengths(svg, "reference")  # the last one is the legend's
    *window, _ = lengths(svg, "window")
    assert (reference, window) == ([87.6, 87.6, 87.6], [87.6, 116.8, 146])
    assert "50%" in words(svg) and "30%" not in words(svg)


def test_four_columns_of_twelve_long_names_are_small() -> None:
    long = tuple(Bar("a category with a long name" * 3, 0.123456, 0.2) for _ in range(12))
    svg = worst_columns([replace(a_histogram("column_of_a_long_name_" * 4), bars=long)] * 9)
    assert len(svg) < SMALL
    assert sum(text.startswith("column_of") for text in words(svg)) == 4


def test_text_of_others_is_no_markup() -> None:
    svg = worst_columns([Histogram("<b>&", 'a "word"', Level.LOW, (Bar("</svg><script>", 1.0, 0.0), Bar("\x00", 0.0, 1.0)))])
    assert {"<b>&", "</svg><script", "\ufffd"} <= {text.rstrip("…>") for text in words(svg)}


def test_within_a_page_it_has_no_address_of_any_place() -> None:
    assert "xmlns" in worst_columns([a_histogram()])
    assert "xmlns" not in histogram(a_histogram()) and "//" not in histogram(a_histogram())


def test_an_empty_side_has_bars_of_no_length() -> None:
    svg = worst_columns([Histogram("age", "", Level.NONE, (Bar("all values", 0.0, 0.0),))])
    assert "nan" not in svg and Severity.NONE.value not in words(svg)
